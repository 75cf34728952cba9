import { stripVTControlCharacters } from 'node:util'
import { expect, it } from 'vitest'
import { drawEdges } from './call-graph.ts'

it('draws callers before whom they call, and marks calls that leave the cluster', () => {
  const edges = [
    { from: 'reviews one', to: 'ratings', cluster: 'one', calls: 7 },
    { from: 'productpage one', to: 'details', cluster: 'two', calls: 12 },
    { from: 'sleep one', to: 'productpage', cluster: 'one', calls: 12 },
  ]
  const plain = drawEdges(edges).map(stripVTControlCharacters)
  expect(plain).toEqual([
    '  sleep one       ──▶ productpage one  12 calls',
    '  productpage one ══▶ details two      12 calls, through the gateway',
    '  reviews one     ──▶ ratings one       7 calls',
  ])
})
