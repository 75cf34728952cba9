import { expect, it } from 'vitest'
import { Pacing } from './pacing.ts'

function setUp() {
  let now = 0
  let cpu = 0
  const timers: { at: number; run: () => void }[] = []
  const resumedAt: number[] = []
  const clock = {
    now: () => now,
    after: (ms: number, run: () => void) => {
      const timer = { at: now + ms, run }
      timers.push(timer)
      return () => void timers.splice(timers.indexOf(timer), 1)
    },
  }
  const limits = { longestPauseMs: 250, share: 1 / 8 }
  const pacing = new Pacing(
    clock,
    () => cpu,
    limits,
    () => resumedAt.push(now),
  )
  const advance = (ms: number): void => {
    for (let left = ms; left > 0; left--) {
      now++
      for (const timer of timers.filter(({ at }) => at <= now)) {
        timers.splice(timers.indexOf(timer), 1)
        timer.run()
      }
    }
  }
  const work = (ms: number): void => {
    cpu += ms
    advance(ms)
  }
  const burst = (ms: number): void => {
    pacing.burst()
    work(ms)
    pacing.endOfBurst()
  }
  return { pacing, advance, work, burst, resumedAt, timers }
}

it('is open at first, and again when a pause of seven times the burst is over', () => {
  const { pacing, advance, burst, resumedAt } = setUp()
  expect(pacing.isOpen).toBe(true)
  burst(20)
  expect(pacing.isOpen).toBe(false)
  advance(139)
  expect([pacing.isOpen, resumedAt]).toEqual([false, []])
  advance(1)
  expect([pacing.isOpen, resumedAt]).toEqual([true, [160]])
})

it('never holds back what comes after a quiet time, and sets no timer for it', () => {
  const { pacing, advance, burst, timers } = setUp()
  burst(4000)
  advance(250)
  expect([pacing.isOpen, timers.length]).toEqual([true, 0])
})

it('pauses for so long at most, however much was spent', () => {
  const { pacing, advance, burst, resumedAt, timers } = setUp()
  burst(4000)
  expect([pacing.isOpen, pacing.isOpen, timers.length]).toEqual([false, false, 1])
  advance(250)
  expect([pacing.isOpen, resumedAt]).toEqual([true, [4250]])
})

it('counts what clients answer in the pause', () => {
  const { pacing, advance, burst, work, resumedAt } = setUp()
  burst(10)
  expect(pacing.isOpen).toBe(false)
  work(5)
  advance(64)
  expect(resumedAt).toEqual([])
  advance(100)
  expect(resumedAt).toEqual([10 + 105])
})

it('lets a change wait for so long at most, though answers to others go on and on', () => {
  const { pacing, burst, resumedAt } = setUp()
  burst(10)
  expect(pacing.isOpen).toBe(false)
  for (let i = 0; i < 50; i++) burst(10)
  expect(resumedAt).toEqual([10 + 250])
})

it('calls nobody after it is stopped, and nobody who did not ask', () => {
  const { pacing, advance, burst, resumedAt } = setUp()
  burst(10)
  advance(300)
  expect(resumedAt).toEqual([])
  burst(10)
  expect(pacing.isOpen).toBe(false)
  pacing.stop()
  advance(1000)
  expect(resumedAt).toEqual([])
})
