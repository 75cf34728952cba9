import { expect, test } from 'vitest'
import { Engine, RebuildLoop, type Timers } from './index.ts'

/** Time that a test moves by hand. */
class HandTimers implements Timers {
  ms = 0
  #waiting: { at: number; run: () => void }[] = []

  now(): number {
    return this.ms
  }

  after(delayMs: number, run: () => void): () => void {
    const entry = { at: this.ms + delayMs, run }
    this.#waiting.push(entry)
    return () => {
      this.#waiting = this.#waiting.filter((e) => e !== entry)
    }
  }

  get waiting(): number {
    return this.#waiting.length
  }

  advance(ms: number): void {
    const end = this.ms + ms
    for (;;) {
      const next = this.#waiting.filter((e) => e.at <= end).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#waiting = this.#waiting.filter((e) => e !== next)
      this.ms = Math.max(this.ms, next.at)
      next.run()
    }
    this.ms = end
  }
}

function setup(rebuilt: (number: number) => void = () => undefined) {
  const timers = new HandTimers()
  const engine = new Engine()
  const table = engine.table<number>('numbers')
  const rebuilds: number[] = []
  const errors: unknown[] = []
  const loop = new RebuildLoop({
    engine,
    timers,
    rebuilt: (report) => {
      rebuilds.push(timers.ms)
      rebuilt(report.number)
    },
    failed: (error) => errors.push(error),
  })
  return { timers, engine, table, loop, rebuilds, errors }
}

test('rebuilds after 10 ms of quiet', () => {
  const { timers, table, rebuilds } = setup()
  table.set('a', 1)
  timers.advance(6)
  table.set('b', 1)
  timers.advance(9)
  expect(rebuilds).toEqual([])
  timers.advance(1)
  expect(rebuilds).toEqual([16])
  expect(timers.waiting).toBe(0)
})

test('rebuilds after 100 ms even if writes never pause', () => {
  const { timers, table, rebuilds } = setup()
  for (let i = 0; i < 150; i++) {
    table.set('a', i)
    timers.advance(1)
  }
  expect(rebuilds).toEqual([100])
  timers.advance(20)
  expect(rebuilds).toEqual([100, 159])
})

test('writes made while a rebuild tells its observers make another rebuild', () => {
  const { timers, table, rebuilds } = setup((number) => {
    if (number === 1) table.set('b', 2)
  })
  table.set('a', 1)
  timers.advance(10)
  timers.advance(10)
  expect(rebuilds).toEqual([10, 20])
})

test('flush rebuilds at once and only if something waits; stop ends it', () => {
  const { timers, engine, table, loop, rebuilds } = setup()
  loop.flush()
  engine.batch(() => {
    table.set('a', 1)
    table.set('b', 1)
  })
  loop.flush()
  timers.advance(50)
  expect(rebuilds).toEqual([0])
  table.set('a', 2)
  loop.stop()
  timers.advance(50)
  table.set('a', 3)
  expect([rebuilds.length, timers.waiting]).toEqual([1, 0])
})

test('a failed rebuild is reported and the next write tries again', () => {
  const { timers, engine, table, rebuilds, errors } = setup()
  const sum = engine.define<string, number>('sum', (read) => read.all(table).reduce((a, b) => a + b, 0))
  let broken = true
  engine
    .observe(() => {
      if (broken) throw new Error('broken')
    })
    .watch(sum, '')
  table.set('a', 1)
  timers.advance(10)
  expect(errors).toEqual([new Error('broken')])
  broken = false
  table.set('a', 2)
  timers.advance(10)
  expect(rebuilds).toEqual([20])
})

test('what can wait is computed after the rebuild, and never takes most of the time', () => {
  const { timers, engine, table } = setup()
  const runs: number[] = []
  const slow = engine.define<string, number>('slow', (read) => {
    runs.push(timers.ms)
    timers.ms += 100
    return read.all(table).length
  })
  engine.observe(() => undefined, { canWait: true }).watch(slow, '')
  runs.length = 0
  timers.ms = 1000
  table.set('a', 1)
  timers.advance(15)
  expect(runs).toEqual([])
  timers.advance(15)
  expect(runs).toEqual([1030])
  table.set('b', 1)
  timers.advance(300)
  expect(runs).toEqual([1030])
  timers.advance(300)
  expect(runs).toEqual([1030, 1530])
})
