import { describe, expect, it } from 'vitest'
import { parseSpiffeId } from './spiffe-id.ts'
import { reviews } from './testing.ts'

describe('SPIFFE ids', () => {
  it('are parsed values', () => {
    expect(parseSpiffeId('spiffe://cluster.local/ns/bookinfo/sa/reviews')).toEqual(reviews)
    for (const bad of ['', 'spiffe://a/ns/b', 'http://a/ns/b/sa/c', 'spiffe://a/ns/b/sa/c/d', 'spiffe:///ns/b/sa/c']) {
      expect(parseSpiffeId(bad)).toBeUndefined()
    }
  })
})
