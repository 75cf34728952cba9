import { describe, expect, it } from 'vitest'
import { ApiError } from '../errors.ts'
import { clone, type JsonObject, objectsAt, textAt } from '../json.ts'
import { builtinKindSchema } from '../schema/builtin.ts'
import { FieldSet, pathText } from './field-set.ts'
import { applyConfig, trackUpdate, type Writer } from './managed-fields.ts'

const schema = builtinKindSchema('core.v1.Pod')
const by = (manager: string, subresource = ''): Writer => ({ manager, apiVersion: 'v1', subresource, schema })
const pod = (spec: JsonObject): JsonObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec })
const empty: JsonObject = { apiVersion: 'v1', kind: 'Pod', metadata: {} }
const stored = (object: JsonObject): JsonObject => {
  const copy = clone(object)
  ;(copy['metadata'] as JsonObject)['uid'] = 'u'
  return copy
}
const owners = (object: JsonObject): Record<string, unknown> =>
  Object.fromEntries(objectsAt(object, 'metadata', 'managedFields').map((e) => [textAt(e, 'manager'), e['fieldsV1']]))
const image = (name: string, value: string): JsonObject => ({ name, image: value })

describe('applyConfig', () => {
  const first = stored(applyConfig(empty, pod({ containers: [image('a', '1')], nodeName: 'n' }), by('one'), false))

  it('gives each applier its own fields', () => {
    const next = applyConfig(first, pod({ containers: [image('b', '2')] }), by('two'), false)
    expect(objectsAt(next, 'spec', 'containers')).toEqual([image('a', '1'), image('b', '2')])
    expect(owners(next)['two']).toEqual({
      'f:spec': { 'f:containers': { 'k:{"name":"b"}': { '.': {}, 'f:image': {}, 'f:name': {} } } },
    })
  })

  it('removes what an applier leaves out, unless another owns it', () => {
    const shared = stored(applyConfig(first, pod({ nodeName: 'n' }), by('two'), false))
    const next = applyConfig(shared, pod({ containers: [image('a', '1')] }), by('one'), false)
    expect(textAt(next, 'spec', 'nodeName')).toBe('n')
    const last = applyConfig(stored(next), pod({}), by('two'), false)
    expect((last['spec'] as JsonObject)['nodeName']).toBeUndefined()
  })

  it('refuses to take over, and takes over by force', () => {
    const change = pod({ containers: [image('a', '9')], nodeName: 'm' })
    const attempt = (): unknown => applyConfig(first, change, by('two'), false)
    expect(attempt).toThrow(ApiError)
    expect(attempt).toThrow(
      'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.containers[name="a"].image\n- .spec.nodeName',
    )
    const forced = applyConfig(first, change, by('two'), true)
    expect(owners(forced)['one']).toEqual({
      'f:spec': { 'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:name': {} } } },
    })
  })

  it('refuses what the type does not have', () => {
    expect(() => applyConfig(first, pod({ colour: 'red' }), by('one'), false)).toThrow(
      'failed to create typed patch object (/p; v1, Kind=Pod): .spec.colour: field not declared in schema',
    )
  })

  it('does not count a second apply of the same as a change', () => {
    const again = applyConfig(first, pod({ containers: [image('a', '1')], nodeName: 'n' }), by('one'), false)
    expect(again).toEqual(first)
  })
})

describe('trackUpdate', () => {
  it('records what changed, and takes it from others', () => {
    const created = pod({ containers: [image('a', '1')] })
    trackUpdate(empty, created, by('maker'))
    const live = stored(created)
    const next = clone(live)
    next['spec'] = { containers: [image('a', '2')] }
    trackUpdate(live, next, by('changer'))
    expect(owners(next)['changer']).toEqual({ 'f:spec': { 'f:containers': { 'k:{"name":"a"}': { 'f:image': {} } } } })
    expect(JSON.stringify(owners(next)['maker'])).not.toContain('f:image')
  })

  it('forgets all owners on request', () => {
    const live = stored(applyConfig(empty, pod({ nodeName: 'n' }), by('one'), false))
    const next = clone(live)
    ;(next['metadata'] as JsonObject)['managedFields'] = [{}]
    trackUpdate(live, next, by('x'))
    expect((next['metadata'] as JsonObject)['managedFields']).toBeUndefined()
  })
})

it('reads and writes FieldsV1', () => {
  const fields = { 'f:a': { '.': {}, 'k:{"x":1}': { 'f:b': {} }, 'v:"s"': {} }, 'f:c': {} }
  const set = FieldSet.fromFieldsV1(fields)
  expect(set?.toFieldsV1()).toEqual(fields)
  expect(set?.paths().map(pathText)).toEqual(['.a', '.a[x=1].b', '.a[="s"]', '.c'])
})
