import { expect, test } from 'vitest'
import { ApiError } from '../../../clusters/index.ts'
import { type Timers, WorkQueue } from './work-queue.ts'

/** Timers that run when told. */
function manualTimers(): Timers & { run(): number[] } {
  const pending = new Map<object, { callback: () => void; ms: number }>()
  return {
    set(callback, ms) {
      const timer = {}
      pending.set(timer, { callback, ms })
      return timer
    },
    clear: (timer) => void pending.delete(timer as object),
    run() {
      const due = [...pending.values()]
      pending.clear()
      for (const { callback } of due) callback()
      return due.map(({ ms }) => ms)
    },
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a key that is asked for while it runs is done once more, by one worker at a time', async () => {
  let [running, most, runs] = [0, 0, 0]
  const gate: (() => void)[] = []
  const queue = new WorkQueue({
    reconcile: async () => {
      runs++
      most = Math.max(most, ++running)
      await new Promise<void>((resolve) => gate.push(resolve))
      running--
    },
    onError: () => undefined,
  })
  queue.add('a')
  queue.open()
  queue.add('a')
  queue.add('a')
  gate.shift()?.()
  await settle()
  gate.shift()?.()
  await settle()
  expect({ runs, most, idle: queue.idle }).toEqual({ runs: 2, most: 1, idle: true })
  queue.close()
})

test('failures are repeated with growing pauses, and lost races are not reported', async () => {
  const timers = manualTimers()
  const told: string[] = []
  const errors = [new Error('broken'), new ApiError(409, 'Conflict', 'changed'), undefined]
  const queue = new WorkQueue(
    {
      reconcile: async () => {
        const error = errors.shift()
        if (error) throw error
      },
      onError: (key) => void told.push(key),
    },
    timers,
  )
  queue.open()
  queue.add('a')
  await settle()
  const first = timers.run()
  await settle()
  const second = timers.run()
  await settle()
  expect([first, second, timers.run(), told]).toEqual([[20], [40], [], ['a']])
  queue.close()
})
