import { expect, test } from 'vitest'
import { timeline } from '../../src/sandbox/traffic/index.ts'
import { figuresOf, type Sample } from '../drill/figures.ts'

const phases = { faultMs: 2000, healMs: 4000, healedMs: 4000, endMs: 8000 }
const expected = { east: 1 }

/** A GET every 10 ms for 8 s, answered by `from` of its time. */
function gets(from: (atMs: number) => string): Sample[] {
  return Array.from({ length: 800 }, (_, at) => {
    const place = from(at * 10)
    return { atMs: at * 10, latencyMs: 5, status: place === '' ? 503 : 200, from: place }
  })
}

test('nothing fails, and requests go back where they belong', () => {
  const samples = gets((at) => (at >= 2000 && at < 5000 ? 'west' : 'east'))
  const figures = figuresOf(samples, [], [], { phases, expected })
  expect(figures).toMatchObject({ failedGets: 0, recoveredMs: 0, wrong: 0, backMs: 1000 })
})

test('failures count from the fault until 99.9 % of the rest succeed', () => {
  const samples = gets((at) => (at >= 2000 && at < 2500 ? '' : 'east'))
  const figures = figuresOf(samples, [], [], { phases, expected })
  expect(figures.failedGets).toBe(50)
  expect(figures.recoveredMs).toBe(490)
})

test('going elsewhere while nothing is broken is wrong, and not coming back is told', () => {
  const samples = gets((at) => (at < 100 || at >= 2000 ? 'west' : 'east'))
  const figures = figuresOf(samples, [], [], { phases, expected })
  expect(figures.wrong).toBe(10)
  expect(figures.backMs).toBeUndefined()
})

test('POSTs that ran twice, and those that failed without having run, are told apart', () => {
  const post = (status: number): Sample => ({ atMs: 0, latencyMs: 1, status, from: '' })
  const figures = figuresOf([], [post(200), post(200), post(503), post(503)], [1, 2, 1, 0], { phases, expected })
  expect(figures).toMatchObject({ posts: 4, failedPosts: 2, twice: 1, lost: 1 })
})

test('the timeline has a row per place, one for failures, and marks', () => {
  const lines = timeline(
    gets((at) => (at >= 2000 && at < 2500 ? '' : at < 4000 ? 'west' : 'east')),
    ['east', 'west'],
    [
      { atMs: 2000, sign: '↑', text: 'fault' },
      { atMs: 4000, sign: '↓', text: 'healed' },
    ],
  )
  expect(lines).toHaveLength(5)
  expect(lines[0]).toMatch(/east .* 400$/)
  expect(lines[2]).toMatch(/failed .* 50$/)
  expect(lines[3]).toContain('↑   ↓')
})
