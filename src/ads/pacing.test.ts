import { expect, it } from 'vitest'
import { Pacing } from './pacing.ts'

function setUp() {
  let now = 0
  const timers: { at: number; run: () => void }[] = []
  let resumed = 0
  const clock = {
    now: () => now,
    after: (ms: number, run: () => void) => {
      const timer = { at: now + ms, run }
      timers.push(timer)
      return () => void timers.splice(timers.indexOf(timer), 1)
    },
  }
  const pacing = new Pacing(clock, () => resumed++)
  const advance = (ms: number): void => {
    now += ms
    for (const timer of timers.filter(({ at }) => at <= now)) {
      timers.splice(timers.indexOf(timer), 1)
      timer.run()
    }
  }
  return { pacing, advance, resumed: () => resumed, timers }
}

it('is open at first, and again when a pause of four times the burst is over', () => {
  const { pacing, advance, resumed } = setUp()
  expect(pacing.isOpen).toBe(true)
  pacing.spent(10)
  pacing.spent(15)
  pacing.endOfBurst()
  expect(pacing.isOpen).toBe(false)
  advance(99)
  expect([pacing.isOpen, resumed()]).toEqual([false, 0])
  advance(1)
  expect([pacing.isOpen, resumed()]).toEqual([true, 1])
})

it('pauses half a second at most, and only once for one burst', () => {
  const { pacing, advance, timers } = setUp()
  pacing.spent(4000)
  pacing.endOfBurst()
  pacing.endOfBurst()
  expect([pacing.isOpen, pacing.isOpen, timers.length]).toEqual([false, false, 1])
  advance(500)
  expect(pacing.isOpen).toBe(true)
})

it('calls nobody after it is stopped, and nobody who did not ask', () => {
  const { pacing, advance, resumed } = setUp()
  pacing.spent(10)
  pacing.endOfBurst()
  advance(40)
  expect(resumed()).toBe(0)
  pacing.spent(10)
  pacing.endOfBurst()
  expect(pacing.isOpen).toBe(false)
  pacing.stop()
  advance(1000)
  expect(resumed()).toBe(0)
})
