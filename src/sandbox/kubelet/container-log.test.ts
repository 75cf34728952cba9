import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ContainerLog, maxLogBytes } from './container-log.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-log-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const lines = (file: string): string[] => readFileSync(file, 'utf8').trimEnd().split('\n')

test('lines have their time, and come whole', () => {
  const log = new ContainerLog(join(folder, 'a', '0.log'))
  log.write('stdout', Buffer.from('one\ntw'))
  log.write('stderr', Buffer.from('error\n'))
  log.write('stdout', Buffer.from('o\nthree'))
  log.close()
  const written = lines(log.file)
  expect(written.map((line) => line.split(' ')[1])).toEqual(['one', 'error', 'two', 'three'])
  expect(written[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z one$/)
})

test('a file that is full is put aside, and only one such is kept', () => {
  const log = new ContainerLog(join(folder, '0.log'))
  const chunk = Buffer.from(`${'x'.repeat(1023)}\n`.repeat(1024))
  for (let i = 0; i < 2 * (maxLogBytes >> 20) + 4; i++) {
    log.write('stdout', chunk)
    log.flush()
  }
  log.write('stdout', Buffer.from('last\n'))
  log.close()
  expect(lines(log.file).at(-1)).toContain('last')
  expect(readFileSync(log.file).length).toBeLessThan(maxLogBytes + 2 * chunk.length)
  expect(readFileSync(`${log.file}.1`).length).toBeLessThan(maxLogBytes + 2 * chunk.length)
})

test('a disk that takes nothing does not stop the program', () => {
  const log = new ContainerLog(join(folder, '0.log'))
  rmSync(folder, { recursive: true })
  log.write('stdout', Buffer.from('lost\n'))
  expect(() => log.close()).not.toThrow()
})
