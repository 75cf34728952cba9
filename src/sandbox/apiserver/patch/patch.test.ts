import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../json.ts'
import { builtinKindSchema } from '../schema/builtin.ts'
import { goFormat } from './go-format.ts'
import { mergePatch } from './merge-patch.ts'
import { strategicMerge } from './strategic.ts'

const pod = builtinKindSchema('core.v1.Pod')
const containers = (...list: JsonObject[]): JsonObject => ({ spec: { containers: list } })
const names = (object: JsonObject): unknown =>
  ((object['spec'] as JsonObject)['containers'] as JsonObject[]).map((c) => c['name'])

describe('strategicMerge', () => {
  const live = containers({ name: 'a', image: 'x', env: [{ name: 'A', value: '1' }] }, { name: 'b', image: 'y' })

  it('merges lists by key, new items first', () => {
    const next = strategicMerge(live, containers({ name: 'a', env: [{ name: 'B', value: '2' }] }), pod)
    expect(next).toEqual(
      containers(
        {
          name: 'a',
          image: 'x',
          env: [
            { name: 'B', value: '2' },
            { name: 'A', value: '1' },
          ],
        },
        { name: 'b', image: 'y' },
      ),
    )
    expect(live).toEqual(
      containers({ name: 'a', image: 'x', env: [{ name: 'A', value: '1' }] }, { name: 'b', image: 'y' }),
    )
  })

  it('follows its directives', () => {
    expect(names(strategicMerge(live, containers({ name: 'b', $patch: 'delete' }), pod))).toEqual(['a'])
    expect(names(strategicMerge(live, containers({ $patch: 'replace' }, { name: 'c', image: 'z' }), pod))).toEqual([
      'c',
    ])
    const order = {
      spec: {
        '$setElementOrder/containers': [{ name: 'c' }, { name: 'b' }, { name: 'a' }],
        containers: [{ name: 'c' }],
      },
    }
    expect(names(strategicMerge(live, order, pod))).toEqual(['c', 'b', 'a'])
  })

  it('merges lists of plain values, and takes from them', () => {
    const object = { metadata: { finalizers: ['a/x', 'b/x'] } }
    expect(strategicMerge(object, { metadata: { finalizers: ['c/x'] } }, pod)).toEqual({
      metadata: { finalizers: ['c/x', 'a/x', 'b/x'] },
    })
    expect(strategicMerge(object, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a/x'] } }, pod)).toEqual({
      metadata: { finalizers: ['b/x'] },
    })
  })

  it('refuses items without their key', () => {
    expect(() => strategicMerge(live, containers({ image: 'q' }), pod)).toThrow(
      'map: map[image:q] does not contain declared merge key: name',
    )
  })
})

describe('mergePatch', () => {
  it('merges maps, removes nulls, replaces lists', () => {
    const next = mergePatch({ a: { b: 1, c: 2 }, l: [1, 2] }, { a: { b: null, d: 3 }, l: [3] })
    expect(next).toEqual({ a: { c: 2, d: 3 }, l: [3] })
  })
})

it('prints values as Go does', () => {
  expect(goFormat({ b: [1, 'x', null], a: { c: true } })).toBe('map[a:map[c:true] b:[1 x <nil>]]')
})
