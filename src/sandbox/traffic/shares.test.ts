import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { classify, Load, sendMany, shareDeviations, shareTolerance } from './index.ts'

const seen = (entries: Record<string, number>): Map<string, number> => new Map(Object.entries(entries))

describe('shares', () => {
  it('allow four standard deviations', () => {
    expect(shareTolerance(0.75, 2000)).toBeCloseTo(0.0387, 3)
    expect(shareDeviations({ a: 0.75, b: 0.25 }, seen({ a: 1450, b: 550 }), 2000)).toEqual([])
    expect(shareDeviations({ a: 0.75, b: 0.25 }, seen({ a: 1400, b: 600 }), 2000)).toHaveLength(2)
  })

  it('are exact at 0 and 1', () => {
    expect(shareDeviations({ a: 1, b: 0 }, seen({ a: 2000 }), 2000)).toEqual([])
    expect(shareDeviations({ a: 1, b: 0 }, seen({ a: 1999, b: 1 }), 2000)).toHaveLength(2)
  })

  it('take a tolerance of the caller', () => {
    expect(shareDeviations({ a: 0.5 }, seen({ a: 60 }), 100, 0.05)).toEqual(['a: 60.0 % instead of 50.0 % ± 5.0 %'])
    expect(shareDeviations({ a: 0.5 }, seen({ a: 54 }), 100, 0.05)).toEqual([])
  })
})

describe('requests', () => {
  const server = createServer((incoming, outgoing) => {
    outgoing.setHeader('x-served-by', 'east/shop/cart-v1-abc')
    outgoing.end(`${incoming.url} for ${incoming.headers.host}`)
  })
  let port = 0
  beforeAll(async () => {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => server.close())

  it('go through a forward proxy in absolute form and keep their host', async () => {
    const plan = { url: 'http://cart:8080/items', proxy: { host: '127.0.0.1', port } }
    const [answer] = await sendMany([plan], { count: 1, parallel: 1 })
    expect(answer).toMatchObject({ status: 200, body: 'http://cart:8080/items for cart:8080' })
    expect(answer && classify(answer, { other: { by: '^west/' }, cart: { by: '^east/shop/cart-' } })).toBe('cart')
  })

  it('that nobody answers are counted, not thrown', async () => {
    const answers = await sendMany([{ url: 'http://127.0.0.1:1/' }], { count: 3, parallel: 2 })
    expect(answers.map((a) => a.status)).toEqual([0, 0, 0])
    expect(answers[0]?.error).toContain('ECONNREFUSED')
  })

  it('of a load are all accounted for', async () => {
    let seenAnswers = 0
    const reached = Promise.withResolvers<void>()
    const load = new Load(
      () => [{ url: `http://127.0.0.1:${port}/` }],
      { rate: 200 },
      () => (++seenAnswers === 20 ? reached.resolve() : undefined),
    )
    await reached.promise
    const answers = await load.stop()
    expect(answers.length).toBeGreaterThanOrEqual(20)
    expect(answers.every((a) => a.status === 200)).toBe(true)
  })
})
