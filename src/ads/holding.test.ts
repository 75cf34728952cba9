import { expect, it } from 'vitest'
import type { Layer } from './held.ts'
import { Holding } from './holding.ts'

const resource = (version: string) => ({ version })
const many: Layer = new Map(Array.from({ length: 100 }, (_, i) => [`r${i}`, resource('0')]))

/** A client that has a name of its own among those that all have. */
function client(name: string): Holding {
  const own = new Set([`own-${name}`])
  return Holding.nothing.with(many, own).with(new Map([[`own-${name}`, resource('0')]]), own)
}

it('shares what others have too, whatever happens to both parts', () => {
  const changes = Array.from({ length: 40 }, (_, i): Layer => new Map([[`r${i % 7}`, resource(`${i}`)]]))
  const [a, b] = ['a', 'b'].map((name) => {
    let held = client(name)
    for (const [i, layer] of changes.entries()) {
      held = held.with(layer).with(new Map([[`own-${name}`, i % 5 === 4 ? undefined : resource(`${i}`)]]))
    }
    return held
  })
  expect(a?.shared).toBe(b?.shared)
  expect([a?.size, a?.has('own-a'), a?.get('r4')?.version]).toEqual([100, false, '39'])
})

it('knows what came and went, in responses that hold something of both parts', () => {
  const wanted = new Map([...many, ['own-a', resource('0')]])
  let held = client('a')
  for (let i = 0; i < 200; i++) {
    const layer: Layer = new Map([
      [`r${(i * 7) % 130}`, i % 3 === 0 ? undefined : resource(`${i}`)],
      ['own-a', i % 4 === 0 ? undefined : resource(`${i}`)],
    ])
    held = held.with(layer)
    for (const [name, state] of layer) {
      if (state) wanted.set(name, state)
      else wanted.delete(name)
    }
    expect(held.size).toBe(wanted.size)
  }
  expect(held.entries()).toEqual(wanted)
})

it('is the same for clients that come back with what they have', () => {
  const back = (name: string): Holding =>
    Holding.of(many as ReadonlyMap<string, { version: string }>, new Map([[`own-${name}`, resource('0')]]))
  expect(back('a').shared).toBe(back('b').shared)
  expect(back('a').with(new Map([['own-a', undefined]])).size).toBe(100)
})
