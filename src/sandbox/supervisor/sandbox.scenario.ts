// A sandbox of two bare clusters (no control plane), as the commands start it: real Envoy, real processes.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readLock } from './lock.ts'
import { Applier, parseManifest } from './manifests.ts'
import { isAlive, isGoneWithin } from './process-id.ts'
import type { SandboxStatus } from './status.ts'

const home = mkdtempSync(join(tmpdir(), 'fairlead-sandbox-'))
const userFile = join(home, 'their-kubeconfig')
const env = { ...process.env, FAIRLEAD_HOME: home }

function fairlead(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const bin = join(import.meta.dirname, '../../../bin/fairlead.mjs')
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, 'sandbox', ...args], { env, timeout: 120_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr })
    })
  })
}

const up = (): Promise<{ code: number; stdout: string; stderr: string }> =>
  fairlead(
    'up',
    '--clusters',
    'east,west',
    '--no-control-plane',
    '--kubeconfig',
    userFile,
    '--detach',
    '--pid',
    `${process.pid}`,
  )

async function statusOf(): Promise<SandboxStatus> {
  return JSON.parse((await fairlead('status', '-o', 'json')).stdout) as SandboxStatus
}

/** Processes of this sandbox, by the folder that stands in their arguments or environment. */
async function leftovers(): Promise<string[]> {
  return new Promise((resolve) => {
    execFile('pgrep', ['-f', home], (_error, stdout) => {
      const pids = stdout.split('\n').filter((line) => line !== '')
      resolve(pids.filter((pid) => existsSync(`/proc/${pid}/cmdline`)))
    })
  })
}

/** Status of a GET from a certain address; 0 if there is no answer in time. */
function get(url: string, from: string): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = request(url, { localAddress: from, timeout: 2000, agent: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    outgoing.on('timeout', () => outgoing.destroy())
    outgoing.on('error', () => resolve(0))
    outgoing.end()
  })
}

async function eventually(check: () => Promise<void>, withinMs = 20_000): Promise<void> {
  for (const end = Date.now() + withinMs; ; await delay(100)) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > end) throw error
    }
  }
}

const kubeconfig = join(home, 'sandboxes/default/kubeconfig')

async function apply(context: string, text: string): Promise<void> {
  const applier = new Applier(kubeconfig, context)
  try {
    await applier.apply(parseManifest(text))
  } finally {
    applier.close()
  }
}

beforeAll(async () => {
  const { code, stderr } = await up()
  if (code !== 0) throw new Error(stderr)
})

afterAll(async () => {
  await fairlead('down')
  rmSync(home, { recursive: true, force: true })
})

describe('a sandbox', () => {
  test('has a context for each cluster, in its own file and in the one that the user named', () => {
    for (const file of [kubeconfig, userFile]) {
      const content = parse(readFileSync(file, 'utf8')) as { contexts: { name: string }[] }
      expect(content.contexts.map((c) => c.name)).toEqual(['east', 'west'])
    }
  })

  test('is not started twice', async () => {
    const again = await up()
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('is up already')
  })

  test('runs a sample, and balances a Service of type LoadBalancer over its pods', async () => {
    const sample = await fairlead('sample', 'hello-world', '--context', 'east', '--no-sidecar', '--replicas', '2')
    expect(sample).toMatchObject({ code: 0 })
    const spec = '{type: LoadBalancer, selector: {app: hello-world}, ports: [{port: 8088, targetPort: 8080}]}'
    await apply('east', `{apiVersion: v1, kind: Service, metadata: {name: outside, namespace: default}, spec: ${spec}}`)
    await eventually(async () => {
      const address = (await statusOf()).clusters[0]?.loadBalancers['default/outside']
      expect(await get(`http://${address}:8088/`, '127.0.0.1')).toBe(200)
    })
  })

  test('cuts one cluster off from the other, nobody else, and heals', async () => {
    const { clusters } = await statusOf()
    const url = `http://${clusters[0]?.loadBalancers['default/outside']}:8088/`
    const west = clusters[1]?.addresses.pods.replace('0.0/16', '9.9') ?? ''
    expect(await get(url, west)).toBe(200)
    expect(await fairlead('fault', 'cut', 'east', 'west', '--name', 'dark')).toMatchObject({ code: 0 })
    await eventually(async () => expect(await get(url, west)).toBe(0))
    expect(await get(url, '127.0.0.1')).toBe(200)
    expect(await fairlead('fault', 'heal', '--name', 'dark')).toMatchObject({ code: 0 })
    await eventually(async () => expect(await get(url, west)).toBe(200))
  })

  test('makes pods answer as told, and heals them', async () => {
    const url = `http://${(await statusOf()).clusters[0]?.loadBalancers['default/outside']}:8088/`
    const where = ['--context', 'east', '--namespace', 'default', '--deployment', 'hello-world']
    expect(await fairlead('fault', 'answer', '--status', '418', '--name', 'tea', ...where)).toMatchObject({ code: 0 })
    await eventually(async () => expect(await get(url, '127.0.0.1')).toBe(418))
    expect(await fairlead('fault', 'heal', '--name', 'tea')).toMatchObject({ code: 0 })
    await eventually(async () => expect(await get(url, '127.0.0.1')).toBe(200))
  })

  test('takes the API server of a cluster away; what runs goes on', async () => {
    const url = `http://${(await statusOf()).clusters[0]?.loadBalancers['default/outside']}:8088/`
    expect(await fairlead('fault', 'api-down', '--context', 'east', '--name', 'blind')).toMatchObject({ code: 0 })
    expect((await statusOf()).clusters.map((c) => c.reachable)).toEqual([false, true])
    expect(await get(url, '127.0.0.1')).toBe(200)
    expect(await fairlead('fault', 'heal')).toMatchObject({ code: 0 })
    await eventually(async () => expect((await statusOf()).clusters.map((c) => c.reachable)).toEqual([true, true]))
  })

  test('leaves nothing running when it is killed, and goes on where it was', async () => {
    const lock = readLock(join(home, 'sandboxes/default'))
    if (!lock) throw new Error('no supervisor')
    const before = (await statusOf()).clusters.map((c) => c.server)
    process.kill(lock.pid, 'SIGKILL')
    expect(await isGoneWithin(lock, 5000)).toBe(true)
    await eventually(async () => expect(await leftovers()).toEqual([]))
    expect(await up()).toMatchObject({ code: 0 })
    const { clusters } = await statusOf()
    expect(clusters.map((c) => c.server)).toEqual(before)
    const url = `http://${clusters[0]?.loadBalancers['default/outside']}:8088/`
    await eventually(async () => expect(await get(url, '127.0.0.1')).toBe(200))
  })

  test('ends with everything that it started, and takes its contexts back', async () => {
    const lock = readLock(join(home, 'sandboxes/default'))
    if (!lock) throw new Error('no supervisor')
    expect(await fairlead('down')).toMatchObject({ code: 0 })
    expect(isAlive(lock)).toBe(false)
    await eventually(async () => expect(await leftovers()).toEqual([]))
    expect(existsSync(userFile)).toBe(false)
    expect((await fairlead('status')).code).toBe(1)
  })
})
