import { afterEach, expect, it, vi } from 'vitest'
import type { FailBackRung } from '../../mesh/index.ts'
import { Engine } from '../../pipeline/index.ts'
import { FailBack } from './fail-back.ts'

afterEach(() => void vi.useRealTimers())

function start(first: boolean) {
  vi.useFakeTimers()
  const engine = new Engine()
  const rungs = engine.table<FailBackRung>('rungs')
  const documents = engine.table<string>('documents')
  const wanted = engine.define<string, readonly FailBackRung[]>('wanted', (read) => read.all(rungs))
  const set = (failed: boolean): void => {
    rungs.set('main', { place: 'main', failed, afterMs: 1000, overMs: 10_000 })
    engine.rebuild()
  }
  set(first)
  const failBack = new FailBack({ engine, documents, wanted, log: () => undefined })
  const phase = (): string | undefined => {
    engine.rebuild()
    return documents.rows.get('main')
  }
  return { set, phase, failBack, forget: () => rungs.delete('main'), engine }
}

const after = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

it('holds what failed, then gives it more and more', async () => {
  const { set, phase, failBack } = start(false)
  expect(phase()).toBeUndefined()
  set(true)
  expect(phase()).toBe('held')
  await after(60_000)
  expect(phase()).toBe('held')
  set(false)
  expect(phase()).toBe('held')
  await after(999)
  expect(phase()).toBe('held')
  await after(1)
  expect(phase()).toBe('5')
  await after(4500)
  expect(phase()).toBe('50')
  await after(4999)
  expect(phase()).toBe('95')
  await after(1)
  expect(phase()).toBeUndefined()
  failBack.stop()
})

it('starts anew if it fails on its way back', async () => {
  const { set, phase, failBack } = start(true)
  set(false)
  await after(3000)
  expect(Number(phase())).toBeGreaterThan(10)
  set(true)
  await after(20_000)
  expect(phase()).toBe('held')
  failBack.stop()
})

it('forgets what nobody wants any more', async () => {
  const { set, phase, failBack, forget, engine } = start(true)
  set(false)
  forget()
  engine.rebuild()
  expect(phase()).toBeUndefined()
  await after(60_000)
  expect(phase()).toBeUndefined()
  failBack.stop()
})
