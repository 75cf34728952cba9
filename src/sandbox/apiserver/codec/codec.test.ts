import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../json.ts'
import { parseJson, writeJson } from '../json.ts'
import { DecodeError, decodeBuiltin } from './builtin.ts'
import { duplicateKeys } from './duplicates.ts'
import { goJsonError } from './json-error.ts'
import { decodeProtobuf, isProtobuf } from './protobuf.ts'
import { canonicalQuantity } from './quantity.ts'
import { canonicalTime } from './time.ts'

describe('decodeBuiltin', () => {
  const decode = (type: string, value: JsonObject): { object: JsonObject; unknown: string[] } => {
    const unknown: string[] = []
    return { object: decodeBuiltin(type, value, unknown), unknown }
  }

  it('finds unknown fields and drops them', () => {
    const { object, unknown } = decode('core.v1.Service', {
      spec: { colour: 'red', ports: [{ port: 80, targetport: 1 }] },
    })
    expect(unknown).toEqual(['spec.colour', 'spec.ports[0].targetport'])
    expect(object['spec']).toEqual({ ports: [{ port: 80, targetPort: 0 }] })
  })

  it('writes empty values as Go does', () => {
    const { object } = decode('apps.v1.Deployment', { spec: { replicas: 0, minReadySeconds: 0, paused: false } })
    expect(object['status']).toEqual({})
    expect(object['spec']).toEqual({
      replicas: 0,
      selector: null,
      strategy: {},
      template: { metadata: {}, spec: { containers: null } },
    })
    expect(decode('core.v1.Event', {}).object['eventTime']).toBeNull()
    expect(decode('discovery.v1.EndpointSlice', {}).object['endpoints']).toBeNull()
  })

  it('tells wrong types as Go does', () => {
    expect(() => decode('apps.v1.Deployment', { spec: { replicas: 'x' } })).toThrow(
      new DecodeError('json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32'),
    )
    expect(() => decode('core.v1.Secret', { data: { a: '%%%' } })).toThrow('illegal base64 data at input byte 0')
    expect(() => decode('core.v1.ConfigMap', { data: { a: 1 } })).toThrow(
      'json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
    )
  })
})

describe('text forms', () => {
  it('keeps integers beyond doubles', () => {
    expect(writeJson(parseJson('{"big":9007199254740993,"ratio":0.1}'))).toBe('{"big":9007199254740993,"ratio":0.1}')
  })

  it.each([
    ['0.1', '100m'],
    ['1000m', '1'],
    ['1024Mi', '1Gi'],
    ['1.5Gi', '1536Mi'],
    ['1e3', '1e3'],
    ['0', '0'],
    ['100k', '100k'],
    ['-5m', '-5m'],
    ['x', undefined],
  ])('writes the quantity %s as %s', (text, canonical) => {
    expect(canonicalQuantity(text)).toBe(canonical)
  })

  it('writes times in UTC', () => {
    expect(canonicalTime('2024-05-01T12:00:00+02:00', 0)).toBe('2024-05-01T10:00:00Z')
    expect(canonicalTime('2024-05-01T10:00:00.1234567Z', 6)).toBe('2024-05-01T10:00:00.123456Z')
    expect(canonicalTime('yesterday', 0)).toBeUndefined()
  })

  it('finds keys that stand twice', () => {
    expect(duplicateKeys('{"a":1,"b":[{"c":"}","c":2}],"a":{"a":1}}')).toEqual(['b[0].c', 'a'])
    expect(duplicateKeys('{"a":{"b":1},"c":{"b":1}}')).toEqual([])
  })

  it.each([
    ['{broken', "invalid character 'b' looking for beginning of object key string"],
    ['', 'unexpected end of JSON input'],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{} x', "invalid character 'x' after top-level value"],
    ['trye', "invalid character 'y' in literal true (expecting 'u')"],
  ])('says of %s what Go says', (text, message) => {
    expect(goJsonError(text)).toBe(message)
  })
})

describe('decodeProtobuf', () => {
  const field = (number: number, content: Buffer | string): Buffer => {
    const bytes = Buffer.from(content)
    return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes])
  }
  const varint = (number: number, value: number): Buffer => Buffer.from([number << 3, value])

  it('reads what kubectl create sends', () => {
    const port = Buffer.concat([
      field(2, 'TCP'),
      varint(3, 80),
      field(4, Buffer.concat([varint(1, 1), field(3, 'web')])),
    ])
    const spec = Buffer.concat([
      field(1, port),
      field(2, Buffer.concat([field(1, 'app'), field(2, 'x')])),
      field(4, 'ClusterIP'),
    ])
    const service = Buffer.concat([field(1, Buffer.concat([field(1, 'stock'), field(4, '')])), field(2, spec)])
    const unknown = Buffer.concat([field(1, Buffer.concat([field(1, 'v1'), field(2, 'Service')])), field(2, service)])
    const bytes = Buffer.concat([Buffer.from('k8s\0'), unknown])
    expect(isProtobuf(bytes)).toBe(true)
    expect(decodeProtobuf(bytes)).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'stock' },
      spec: { ports: [{ protocol: 'TCP', port: 80, targetPort: 'web' }], selector: { app: 'x' }, type: 'ClusterIP' },
    })
  })
})
