import { expect, it } from 'vitest'
import { Held, type Layer } from './held.ts'

const resource = (version: string) => ({ version })
const base = Held.of(new Map(Array.from({ length: 100 }, (_, i) => [`r${i}`, resource('0')])))

it('is one object for all who were sent the same', () => {
  const layers = Array.from({ length: 30 }, (_, i): Layer => new Map([[`r${i % 5}`, resource(`${i}`)]]))
  const one = layers.reduce((held, layer) => held.with(layer), base)
  const other = layers.reduce((held, layer) => held.with(layer), base)
  expect(one).toBe(other)
  expect(one.get('r4')?.version).toBe('29')
  expect(one.size).toBe(100)
})

it('knows what came and went, however many layers there were', () => {
  const wanted = new Map(base.entries())
  let held = base
  for (let i = 0; i < 200; i++) {
    const name = `r${(i * 7) % 130}`
    const state = i % 3 === 0 ? undefined : resource(`${i}`)
    held = held.with(new Map([[name, state]]))
    if (state) wanted.set(name, state)
    else wanted.delete(name)
    expect(held.size).toBe(wanted.size)
  }
  expect(held.entries()).toEqual(wanted)
  for (let i = 0; i < 130; i++) expect(held.get(`r${i}`)).toBe(wanted.get(`r${i}`))
})
