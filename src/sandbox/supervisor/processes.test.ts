import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keepRunning } from './child.ts'
import { OrderError, order, serveOrders, socketPath } from './control-socket.ts'
import { readLock, SandboxBusy, takeLock } from './lock.ts'
import { endProcess, isAlive, processId } from './process-id.ts'
import { addressesOf, claimAddresses } from './ranges.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-processes-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function until(check: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !check(); await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (Date.now() > end) throw new Error('it never came true')
  }
}

test('a process is another one when its number is used again', async () => {
  const child = spawn('sleep', ['60'])
  const id = processId(child.pid ?? 0)
  if (!id) throw new Error('no process')
  expect(isAlive(id)).toBe(true)
  expect(isAlive({ ...id, started: '1' })).toBe(false)
  await endProcess({ ...id, started: '1' }, 100)
  expect(isAlive(id)).toBe(true)
  await endProcess(id, 1000)
  expect(isAlive(id)).toBe(false)
})

test('a sandbox has one supervisor; the lock of a dead one is taken over', () => {
  const directory = join(folder, 'lock')
  const release = takeLock(directory, 'x', 'socket')
  expect(readLock(directory)?.pid).toBe(process.pid)
  expect(() => takeLock(directory, 'x', 'socket')).toThrow(SandboxBusy)
  release()
  expect(readLock(directory)).toBeUndefined()
  writeFileSync(join(directory, 'supervisor.json'), JSON.stringify({ pid: process.pid, started: '1', socket: 's' }))
  expect(readLock(directory)).toBeUndefined()
  takeLock(directory, 'x', 'socket')()
})

test('a child that ends is started again, and ends for good when it is stopped', async () => {
  const file = join(folder, 'starts')
  const exits: string[] = []
  const child = keepRunning({
    name: 'test',
    command: 'sh',
    args: ['-c', `echo x >> ${file}; [ $(wc -l < ${file}) -gt 1 ] && exec sleep 60; exit 3`],
    logFile: join(folder, 'log'),
    onExit: (how) => exits.push(how),
  })
  await until(() => existsSync(file) && readFileSync(file, 'utf8') === 'x\nx\n' && child.id !== undefined)
  expect(exits).toEqual(['exit code 3'])
  const { id } = child
  await child.stop()
  expect(id && isAlive(id)).toBe(false)
  expect(exits).toEqual(['exit code 3'])
})

test('two clusters never have the same addresses', async () => {
  const first = await claimAddresses()
  const second = await claimAddresses(first.addresses.slot)
  expect(second.addresses.slot).not.toBe(first.addresses.slot)
  first.release()
  second.release()
  expect(addressesOf(16)).toMatchObject({ pods: '127.16.0.0/16', programs: '127.80.0.0/16', node: '127.16.0.1' })
})

test('orders are answered, and refused with the reason', async () => {
  const path = socketPath(folder)
  const close = await serveOrders(path, {
    double: async (body) => ({ twice: 2 * (body as { n: number }).n }),
    fail: async () => {
      throw new Error('not today')
    },
  })
  expect(await order(path, 'double', { n: 21 })).toEqual({ twice: 42 })
  await expect(order(path, 'fail')).rejects.toThrow('not today')
  await expect(order(path, 'dance')).rejects.toThrow(OrderError)
  await close()
  await expect(order(path, 'double', { n: 1 })).rejects.toThrow('does not answer')
})

test('a path that is too long for a socket is replaced by a short one', () => {
  const long = join(folder, 'x'.repeat(120))
  expect(Buffer.byteLength(socketPath(long))).toBeLessThan(100)
  expect(socketPath(long)).toBe(socketPath(long))
  expect(socketPath(`${long}y`)).not.toBe(socketPath(long))
})
