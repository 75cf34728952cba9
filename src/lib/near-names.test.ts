import { describe, expect, it } from 'vitest'
import { nearNames } from './near-names.ts'

describe('nearNames', () => {
  it('finds names with a letter too many, too few, other, or in the wrong order', () => {
    const known = ['cart', 'reviews', 'ratings', 'details']
    expect(nearNames('crat', known)).toEqual(['cart'])
    expect(nearNames('review', known)).toEqual(['reviews'])
    expect(nearNames('Raitngs', known)).toEqual(['ratings'])
    expect(nearNames('checkout', known)).toEqual([])
  })
  it('tells the nearest first, and not too many', () => {
    expect(nearNames('shop-1', ['shop-2', 'shop-11', 'shop-1x', 'shop-12', 'shop'], 2)).toEqual(['shop-11', 'shop-12'])
  })
})
