import { describe, expect, it } from 'vitest'
import { parsePath } from '../request.ts'
import { age } from '../table/age.ts'
import { checkMeta, isQualifiedName } from './names.ts'
import { matchesLabels, parseFieldSelector, parseLabelSelector, selectorText } from './selectors.ts'

describe('selectors', () => {
  const matches = (text: string): boolean => matchesLabels(parseLabelSelector(text), { app: 'orders', tier: 'web' })
  it.each(['app=orders', 'app==orders,tier!=db', 'app in (orders, stock)', 'app,!floor', 'tier notin (db)'])(
    '%s matches',
    (text) => {
      expect(matches(text)).toBe(true)
    },
  )
  it.each(['app=stock', '!app', 'app in (stock)', 'tier notin (web)', 'floor'])('%s does not match', (text) => {
    expect(matches(text)).toBe(false)
  })

  it('reads field selectors', () => {
    expect(parseFieldSelector('a.b=c,d!=e\\,f')).toEqual([
      { field: 'a.b', equal: true, value: 'c' },
      { field: 'd', equal: false, value: 'e,f' },
    ])
  })

  it('writes selector objects on one line', () => {
    expect(
      selectorText({ matchLabels: { b: '1' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['y', 'x'] }] }),
    ).toBe('a in (x,y),b=1')
  })
})

describe('names', () => {
  it('checks metadata', () => {
    const errors = checkMeta({ metadata: { name: 'Bad', labels: { 'a~b': '1' } } }, false, undefined)
    expect(errors.map((e) => e.field)).toEqual(['metadata.name', 'metadata.labels'])
    expect(isQualifiedName('a.b/c')).toEqual([])
  })
})

describe('parsePath', () => {
  it.each([
    ['/api/v1/namespaces/x', { resource: 'namespaces', name: 'x', namespace: '' }],
    ['/api/v1/namespaces/x/finalize', { resource: 'namespaces', name: 'x', subresource: 'finalize' }],
    ['/api/v1/namespaces/x/pods/p/log', { namespace: 'x', resource: 'pods', name: 'p', subresource: 'log' }],
    ['/apis/apps/v1/deployments', { group: 'apps', version: 'v1', resource: 'deployments', namespace: '' }],
    ['/api/v1/watch/namespaces/x/configmaps/a', { watch: true, namespace: 'x', name: 'a' }],
  ])('reads %s', (path, expected) => {
    expect(parsePath(path)).toMatchObject({ kind: 'resource', ...expected })
  })
})

it.each([
  [5_000, '5s'],
  [119_000, '119s'],
  [123_000, '2m3s'],
  [600_000, '10m'],
  [3 * 3600_000, '3h'],
  [5 * 3600_000 + 600_000, '5h10m'],
  [50 * 3600_000, '2d2h'],
  [400 * 24 * 3600_000, '400d'],
])('shows an age of %i ms as %s', (ms, text) => {
  expect(age(new Date(0).toISOString(), ms)).toBe(text)
})
