import { describe, expect, it } from 'vitest'
import { checkObject, defineKind, toCrd } from './kind.ts'
import { duration, intOrString, list, map, object, oneOf, required, type Static, string, uint32 } from './schema.ts'

const spec = object(
  {
    hosts: required(list(string({ description: 'Names.' }), { minItems: 1 })),
    mode: oneOf(['ON', 'OFF']),
    timeout: duration({ minimum: '1ms' }),
    ports: map(uint32()),
    target: intOrString(),
    left: string(),
    right: string(),
  },
  { atMostOne: [['left', 'right']] },
)

const kind = defineKind({
  group: 'example.dev',
  versions: [{ name: 'v1', storage: true }, { name: 'v1beta1' }],
  kind: 'Sample',
  plural: 'samples',
  description: 'A sample.',
  spec,
  status: object({ state: string() }),
  checkFields: (root, sample) =>
    root
      .field('spec')
      .field('hosts')
      .each(sample.spec?.hosts, (at, host) => {
        if (host.includes('!')) at.error('no ! please')
        if (host === '') at.error('empty host', 'required')
      }),
})

const problemsOf = (written: unknown): string[] =>
  checkObject(kind, {
    apiVersion: 'example.dev/v1',
    kind: 'Sample',
    metadata: { name: 'x' },
    spec: written,
  }).problems.map((p) => `${p.path}: ${p.code}`)

describe('checkObject', () => {
  it('accepts what fits', () => {
    expect(
      problemsOf({ hosts: ['a'], mode: 'ON', timeout: '1m30s', ports: { http: 80 }, target: '80', left: 'x' }),
    ).toEqual([])
  })

  it('reports all at once, and no wrong part twice', () => {
    const found = problemsOf({
      hosts: [5, 'b!'],
      mode: 'MAYBE',
      timeout: '0s',
      ports: { http: -1 },
      target: [],
      left: '',
      right: '',
      host: 1,
    })
    expect(found).toEqual([
      'spec.hosts[0]: wrong-type',
      'spec.mode: invalid-value',
      'spec.timeout: invalid-value',
      'spec.ports.http: invalid-value',
      'spec.target: wrong-type',
      'spec.host: unknown-field',
      'spec.right: invalid-value',
      'spec.hosts[1]: invalid-value',
    ])
  })

  it('asks for what is required', () => {
    expect(problemsOf({})).toEqual(['spec.hosts: required'])
    expect(problemsOf(undefined)).toEqual(['spec.hosts: required'])
    expect(problemsOf([])).toEqual(['spec: wrong-type'])
  })

  it('gives the spec a type', () => {
    const typed: Static<typeof spec> = { hosts: ['a'], mode: 'OFF' }
    // @ts-expect-error: no such mode
    typed.mode = 'AUTO'
    expect(typed.hosts).toEqual(['a'])
  })
})

describe('toCrd', () => {
  it('is structural: nothing but what apiextensions knows', () => {
    const crd = toCrd(kind) as { spec: { versions: { name: string; storage: boolean; schema: object }[] } }
    expect(crd.spec.versions.map((v) => [v.name, v.storage])).toEqual([
      ['v1', true],
      ['v1beta1', false],
    ])
    expect(JSON.stringify(crd)).not.toContain('fairlead-')
    expect(crd.spec.versions[0]?.schema).toMatchObject({
      openAPIV3Schema: {
        type: 'object',
        properties: {
          spec: {
            required: ['hosts'],
            properties: {
              hosts: { type: 'array', minItems: 1, items: { type: 'string', description: 'Names.' } },
              mode: { type: 'string', enum: ['ON', 'OFF'] },
              target: { 'x-kubernetes-int-or-string': true },
              ports: { type: 'object', additionalProperties: { type: 'integer', minimum: 0 } },
            },
            'x-kubernetes-validations': [{ rule: '(has(self.left) ? 1 : 0) + (has(self.right) ? 1 : 0) <= 1' }],
          },
        },
      },
    })
  })

  it('keeps groups and durations in lists out of CEL, whose cost API servers bound; own rules stay', () => {
    const rules = [{ rule: 'self.a != "x"', message: 'not x' }]
    const fields = { a: string(), b: string(), every: duration(), least: duration({ minimum: '1s' }) }
    const crd = toCrd(
      defineKind({
        group: 'example.dev',
        versions: [{ name: 'v1' }],
        kind: 'Group',
        plural: 'groups',
        description: 'A sample.',
        spec: object({
          once: object(fields, { exactlyOne: [['a', 'b']] }),
          many: list(object(fields, { exactlyOne: [['a', 'b']], rules })),
        }),
        status: object({ state: string() }),
      }),
    )
    interface Schema extends Record<string, unknown> {
      properties: { once: Schema; many: Schema; every: Schema; least: Schema; spec: Schema }
      items: Schema
      pattern: string
    }
    const { versions } = crd.spec as { versions: { schema: { openAPIV3Schema: Schema } }[] }
    const root = versions[0]?.schema.openAPIV3Schema
    if (root === undefined) throw new Error('a CRD has a version')
    const { once, many } = root.properties.spec.properties
    expect(once['x-kubernetes-validations']).toHaveLength(1)
    expect(once.properties.every['x-kubernetes-validations']).toHaveLength(1)
    expect(many.items['x-kubernetes-validations']).toEqual(rules)
    expect(many.items.oneOf).toEqual([{ required: ['a'] }, { required: ['b'] }])
    expect(many.items.properties.every).toEqual({ type: 'string', pattern: expect.any(String) })
    expect(many.items.properties.least['x-kubernetes-validations']).toHaveLength(1)
    for (const good of ['5s', '1.5h', '1h30m', '.5ms', '100us'])
      expect(good).toMatch(new RegExp(many.items.properties.every.pattern))
    for (const bad of ['5', 's', '', '5 s', '1d'])
      expect(bad).not.toMatch(new RegExp(many.items.properties.every.pattern))
  })
})
