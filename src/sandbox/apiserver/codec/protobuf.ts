// The protobuf form of built-in objects, which kubectl sends for some of its create commands: an envelope
// (`k8s\0`, then runtime.Unknown) around the kind's message. Only reading is needed: answers are JSON.
import { type KubeField, types } from '#gen/kubernetes/types.js'
import { badRequest } from '../errors.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { typeOf } from '../kinds/define.ts'
import { fieldsOf, hasType } from './builtin.ts'
import { formatQuantity, parseQuantity } from './quantity.ts'

const magic = Buffer.from([0x6b, 0x38, 0x73, 0x00])

export const isProtobuf = (bytes: Buffer): boolean => bytes.subarray(0, 4).equals(magic)

interface Part {
  readonly number: number
  readonly wire: number
  /** Length-delimited content; empty for numbers. */
  readonly bytes: Buffer
  readonly value: bigint
}

function* parts(bytes: Buffer): Generator<Part> {
  let i = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[i++]
      if (byte === undefined) throw badRequest('unexpected EOF')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const take = (length: number): Buffer => {
    if (i + length > bytes.length) throw badRequest('unexpected EOF')
    i += length
    return bytes.subarray(i - length, i)
  }
  while (i < bytes.length) {
    const tag = Number(varint())
    const wire = tag & 7
    const number = tag >> 3
    const none = Buffer.alloc(0)
    if (wire === 0) yield { number, wire, bytes: none, value: varint() }
    else if (wire === 1) yield { number, wire, bytes: take(8), value: 0n }
    else if (wire === 2) yield { number, wire, bytes: take(Number(varint())), value: 0n }
    else if (wire === 5) yield { number, wire, bytes: take(4), value: 0n }
    else throw badRequest(`proto: illegal wireType ${wire}`)
  }
}

/** Reads an enveloped object into its JSON form. Throws ApiError for kinds that are not built in. */
export function decodeProtobuf(bytes: Buffer): JsonObject {
  let apiVersion = ''
  let kind = ''
  let raw = Buffer.alloc(0)
  for (const part of parts(bytes.subarray(4))) {
    if (part.number === 1) {
      for (const meta of parts(part.bytes)) {
        if (meta.number === 1) apiVersion = meta.bytes.toString('utf8')
        if (meta.number === 2) kind = meta.bytes.toString('utf8')
      }
    } else if (part.number === 2) raw = Buffer.from(part.bytes)
  }
  const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion]
  const type = kind === 'DeleteOptions' ? 'meta.v1.DeleteOptions' : typeOf(group, version, kind)
  if (!hasType(type)) throw badRequest(`no kind "${kind}" is registered for version "${apiVersion}"`)
  return { apiVersion, kind, ...decodeMessage(type, raw) }
}

const byNumber = new Map<string, Map<number, [string, KubeField]>>()

function fieldNumbers(type: string): Map<number, [string, KubeField]> {
  let numbers = byNumber.get(type)
  if (!numbers) {
    const own = types[type]
    numbers = new Map(Object.entries(own?.fields ?? {}).map(([name, field]) => [field.number, [name, field]]))
    byNumber.set(type, numbers)
  }
  return numbers
}

function decodeMessage(type: string, bytes: Buffer): JsonObject {
  const out: JsonObject = {}
  const numbers = fieldNumbers(type)
  const inline = types[type]?.inline ?? []
  for (const part of parts(bytes)) {
    const inlined = inline.find((item) => item.number === part.number)
    if (inlined) {
      Object.assign(out, decodeMessage(inlined.type, part.bytes))
      continue
    }
    const known = numbers.get(part.number)
    if (known) put(out, known[0], known[1].type, part)
  }
  return dropZeros(out, type)
}

/** proto2 writes fields that Go's JSON would leave out; the decoder of objects treats both alike, but for pointers. */
function dropZeros(object: JsonObject, type: string): JsonObject {
  for (const [name, field] of fieldsOf(type)) {
    const value = object[name]
    if (value === '' && !field.pointer) delete object[name]
  }
  return object
}

function put(out: JsonObject, name: string, type: string, part: Part): void {
  if (type.startsWith('[]')) {
    const list = (out[name] ??= []) as JsonValue[]
    list.push(decodeValue(type.slice(2), part))
  } else if (type.startsWith('map ')) {
    const map = (out[name] ??= {}) as JsonObject
    let key = ''
    let value: JsonValue | undefined
    for (const entry of parts(part.bytes)) {
      if (entry.number === 1) key = entry.bytes.toString('utf8')
      if (entry.number === 2) value = decodeValue(type.slice(4), entry)
    }
    map[key] = value ?? ''
  } else {
    const value = decodeValue(type, part)
    if (value !== null) out[name] = value
  }
}

function decodeValue(type: string, part: Part): JsonValue {
  switch (type) {
    case 'string':
      return part.bytes.toString('utf8')
    case 'bytes':
      return part.bytes.toString('base64')
    case 'bool':
      return part.value !== 0n
    case 'int32':
    case 'int64': {
      const value = BigInt.asIntN(64, part.value)
      return Number.isSafeInteger(Number(value)) ? Number(value) : value
    }
    case 'float64':
      return part.bytes.readDoubleLE(0)
    case 'Quantity':
      return quantity(part.bytes)
    case 'IntOrString':
      return intOrString(part.bytes)
    case 'Time':
    case 'MicroTime':
      return time(part.bytes, type)
    case 'Duration':
      return duration(part.bytes)
    case 'FieldsV1':
    case 'RawExtension':
    case 'JSON':
    case 'Object':
      return raw(part.bytes)
    default:
      return decodeMessage(type, part.bytes)
  }
}

function quantity(bytes: Buffer): string {
  let text = '0'
  for (const part of parts(bytes)) if (part.number === 1) text = part.bytes.toString('utf8')
  const parsed = parseQuantity(text)
  return parsed ? formatQuantity(parsed) : text
}

function intOrString(bytes: Buffer): JsonValue {
  let isText = false
  let number = 0
  let text = ''
  for (const part of parts(bytes)) {
    if (part.number === 1) isText = part.value !== 0n
    if (part.number === 2) number = Number(BigInt.asIntN(64, part.value))
    if (part.number === 3) text = part.bytes.toString('utf8')
  }
  return isText ? text : number
}

function time(bytes: Buffer, type: 'Time' | 'MicroTime'): JsonValue {
  let seconds = 0
  let nanos = 0
  for (const part of parts(bytes)) {
    if (part.number === 1) seconds = Number(BigInt.asIntN(64, part.value))
    if (part.number === 2) nanos = Number(part.value)
  }
  // Go's zero time, year 1: no time at all.
  if (seconds <= -62135596800 || bytes.length === 0) return null
  const text = new Date(seconds * 1000).toISOString().slice(0, 19)
  return type === 'Time' ? `${text}Z` : `${text}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`
}

function duration(bytes: Buffer): string {
  for (const part of parts(bytes)) if (part.number === 1) return `${Number(part.value) / 1e9}s`
  return '0s'
}

function raw(bytes: Buffer): JsonValue {
  for (const part of parts(bytes)) {
    if (part.number === 1) return JSON.parse(part.bytes.toString('utf8')) as JsonValue
  }
  return null
}
