import { describe, expect, it } from 'vitest'
import type { FieldError } from '../errors.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { checkRules, ruleProblem } from './cel.ts'
import { checkDefinition } from './check-definition.ts'
import { parsePath, resultsOf } from './json-path.ts'
import { checkListTypes } from './list-types.ts'
import { applyDefaults, dropNulls, prune } from './prune.ts'
import { checkValue } from './validate.ts'

const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({ type: 'object', properties, ...more })
const texts = (errors: readonly FieldError[]): string[] => errors.map((e) => `${e.field}: ${e.detail}`)

describe('prune', () => {
  it('drops unknown fields, and tells which', () => {
    const schema = object({
      spec: object({ a: { type: 'integer' }, free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }),
    })
    const value: JsonObject = { kind: 'X', metadata: { b: 1 }, spec: { a: 1, z: 2, free: { any: 1 } }, extra: 1 }
    expect(prune(value, schema)).toEqual(['extra', 'spec.z'])
    expect(value).toEqual({ kind: 'X', metadata: { b: 1 }, spec: { a: 1, free: { any: 1 } } })
  })

  it('drops nulls and fills defaults', () => {
    const schema = object({
      a: { type: 'string' },
      b: { type: 'string', nullable: true },
      c: object({ d: { type: 'integer', default: 3 } }, { default: {} }),
    })
    const value: JsonObject = { a: null, b: null }
    dropNulls(value, schema)
    applyDefaults(value, schema)
    expect(value).toEqual({ b: null, c: { d: 3 } })
  })
})

describe('checkValue', () => {
  const schema = object(
    {
      word: { type: 'string', minLength: 2, maxLength: 4, pattern: '^[a-z]+$' },
      count: { type: 'integer', minimum: 1, maximum: 5, exclusiveMaximum: true },
      mode: { type: 'string', enum: ['on', 'off'] },
      port: { 'x-kubernetes-int-or-string': true },
    },
    { required: ['mode'] },
  )
  it.each<[JsonObject, string[]]>([
    [{ mode: 'on', word: 'abc', count: 1, port: 'http' }, []],
    [
      { mode: 'on', word: 'A' },
      [
        'word: Invalid value: "A": word in body should be at least 2 chars long',
        'word: Invalid value: "A": word in body should match \'^[a-z]+$\'',
      ],
    ],
    [{ mode: 'on', word: 'abcde' }, ['word: Too long: may not be more than 4 bytes']],
    [{ mode: 'on', count: 5 }, ['count: Invalid value: 5: count in body should be less than 5']],
    [{ mode: 'x' }, ['mode: Unsupported value: "x": supported values: "on", "off"']],
    [{}, ['mode: Required value']],
    [
      { mode: 'on', port: 1.5 },
      ['port: Invalid value: "number": port in body must be of type integer,string: "number"'],
    ],
  ])('checks %j', (value, expected) => {
    expect(texts(checkValue(value, undefined, schema, ''))).toEqual(expected)
  })

  it('lets be what did not change', () => {
    expect(checkValue({ mode: 'x', count: 2 }, { mode: 'x', count: 1 }, schema, '')).toEqual([])
  })
})

it('finds items that stand twice', () => {
  const set = object({ l: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } } })
  expect(texts(checkListTypes({ l: ['a', 'b', 'a', 'a'] }, set, ''))).toEqual(['l[2]: Duplicate value: "a"'])
})

describe('checkRules', () => {
  const rule = (text: string, more: JsonObject = {}): JsonObject =>
    object(
      { n: { type: 'integer' }, tags: { type: 'array', items: { type: 'string' } } },
      { 'x-kubernetes-validations': [{ rule: text, ...more }] },
    )
  const check = (schema: JsonObject, value: JsonValue, old?: JsonValue): string[] =>
    texts(checkRules(value, old, schema, 'spec'))

  it('evaluates rules on values', () => {
    expect(check(rule('self.n < 3', { message: 'too many' }), { n: 2 })).toEqual([])
    expect(check(rule('self.n < 3', { message: 'too many' }), { n: 3 })).toEqual([
      'spec: Invalid value: "object": too many',
    ])
    expect(check(rule("self.tags.all(t, t.startsWith('a'))"), { tags: ['b'] })).toEqual([
      'spec: Invalid value: "object": failed rule: self.tags.all(t, t.startsWith(\'a\'))',
    ])
    expect(
      check(rule('self.n > 3', { messageExpression: '"got " + string(self.n)', reason: 'FieldValueForbidden' }), {
        n: 1,
      }),
    ).toEqual(['spec: Forbidden: got 1'])
  })

  it('compares with the value of before', () => {
    const schema = rule('self.n == oldSelf.n', { message: 'immutable' })
    expect(check(schema, { n: 1 })).toEqual([])
    expect(check(schema, { n: 2 }, { n: 1 })).toEqual(['spec: Invalid value: "object": immutable'])
  })

  it('finds fields that the schema does not have', () => {
    expect(ruleProblem('self.nope > 1', rule('true'), false)).toContain("undefined field 'nope'")
    expect(ruleProblem('self.n > 1', rule('true'), false)).toBeUndefined()
    expect(ruleProblem('self.n >', rule('true'), false)).toContain('Syntax error')
  })
})

it('reads the paths of columns', () => {
  const value = {
    status: {
      conditions: [
        { type: 'A', status: 'x' },
        { type: 'B', status: 'y' },
      ],
    },
    'a.b': 1,
    l: [1, 2],
  }
  const at = (path: string): JsonValue[] => resultsOf(value, parsePath(path) ?? [])
  expect(at('.status.conditions[?(@.type=="B")].status')).toEqual(['y'])
  expect(at(".['a.b']")).toEqual([1])
  expect(at("['a.b']")).toEqual([1])
  expect(at('.a\\.b')).toEqual([1])
  expect(at('.l[*]')).toEqual([1, 2])
  expect(at('.nothing')).toEqual([])
})

it('names errors of what all versions share as if it stood above them', () => {
  const version = (name: string, storage: boolean): JsonObject => ({
    name,
    served: true,
    storage,
    schema: { openAPIV3Schema: { type: 'object', properties: { spec: {} } } },
  })
  const crd = {
    metadata: { name: 'as.x.example' },
    spec: {
      group: 'x.example',
      scope: 'Cluster',
      names: { plural: 'as', singular: 'a', kind: 'A', listKind: 'AList' },
      versions: [version('v1', true), version('v2', false)],
    },
  }
  expect(texts(checkDefinition(crd, undefined))).toEqual([
    'spec.validation.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields',
  ])
})
