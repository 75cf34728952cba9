// Reads a built-in object as the Go server would: unknown fields are found and dropped, types are checked, empty
// values are left out or written as Go's encoder leaves them out or writes them.
import { type KubeField, type KubeType, types } from '#gen/kubernetes/types.js'
import { isObject, type JsonObject, type JsonValue } from '../json.ts'
import { canonicalQuantity, quantityError } from './quantity.ts'
import { canonicalTime } from './time.ts'

/** The object cannot be read into its type at all. */
export class DecodeError extends Error {}

interface Place {
  /** With list indices, as warnings name it: `spec.ports[0].port`. */
  readonly path: string
  /** Without list indices, as Go's decoder names it. */
  readonly goPath: string
  /** The Go type that has the field. */
  readonly owner: string
}

/** Collects the paths of fields that the type does not have. */
export type Unknown = string[]

/** `types` name of a kind (`core.v1.Pod`) → whether there is such a type. */
export function hasType(name: string): boolean {
  return Object.hasOwn(types, name)
}

/** Reads a top-level object of a built-in type. Throws DecodeError. */
export function decodeBuiltin(type: string, value: JsonObject, unknown: Unknown): JsonObject {
  const { apiVersion, kind, ...rest } = value
  const decoded = decodeStruct(type, rest, { path: '', goPath: '', owner: '' }, unknown)
  return { ...(apiVersion === undefined ? {} : { apiVersion }), ...(kind === undefined ? {} : { kind }), ...decoded }
}

const fieldCache = new Map<string, ReadonlyMap<string, KubeField>>()

/** The fields of a type, those of inlined structs included. */
export function fieldsOf(type: string): ReadonlyMap<string, KubeField> {
  let fields = fieldCache.get(type)
  if (!fields) {
    const own = types[type] as KubeType
    fields = new Map([
      ...Object.entries(own.fields),
      ...(own.inline ?? []).flatMap((inlined) => [...fieldsOf(inlined.type)]),
    ])
    fieldCache.set(type, fields)
  }
  return fields
}

function decodeStruct(type: string, value: JsonObject, place: Place, unknown: Unknown): JsonObject {
  const fields = fieldsOf(type)
  const out: JsonObject = {}
  for (const key of Object.keys(value)) {
    const field = fields.get(key)
    if (!field) {
      unknown.push(place.path ? `${place.path}.${key}` : key)
      continue
    }
    const at: Place = {
      path: place.path ? `${place.path}.${key}` : key,
      goPath: place.goPath ? `${place.goPath}.${key}` : key,
      owner: shortName(type),
    }
    const item = value[key] as JsonValue
    const decoded = item === null ? undefined : decodeValue(field.type, item, at, unknown)
    const kept = keep(field, decoded)
    if (kept !== undefined) out[key] = kept
  }
  for (const [key, field] of fields) {
    if (Object.hasOwn(out, key)) continue
    const zero = zeroOf(field)
    if (zero !== undefined) out[key] = zero
  }
  return out
}

const shortName = (type: string): string => type.slice(type.lastIndexOf('.') + 1)

const isStruct = (type: string): boolean => Object.hasOwn(types, type)

/** What Go's encoder makes of a decoded value. */
function keep(field: KubeField, value: JsonValue | undefined): JsonValue | undefined {
  if (value === undefined) return undefined
  if (field.type === 'map string' && isObject(value) && Object.keys(value).length === 0)
    return field.always ? value : undefined
  if (field.pointer || field.always) return value
  if (Array.isArray(value) && field.type.startsWith('[]')) return value.length === 0 ? undefined : value
  if (isObject(value) && field.type.startsWith('map ')) return Object.keys(value).length === 0 ? undefined : value
  if (field.type === 'IntOrString' || field.type === 'Quantity') return value
  if (value === '' || value === 0 || value === false) return undefined
  if (field.omitZero && isObject(value) && Object.keys(value).length === 0) return undefined
  return value
}

/** What Go's encoder writes for a field that was not given; undefined where it writes nothing. */
function zeroOf(field: KubeField): JsonValue | undefined {
  if (field.omitZero) return undefined
  if (field.pointer) return field.always ? null : undefined
  const { type } = field
  if (type === 'Time' || type === 'MicroTime') return null
  if (isStruct(type)) return decodeStruct(type, {}, { path: '', goPath: '', owner: '' }, [])
  if (type === 'IntOrString') return 0
  if (type === 'Quantity') return '0'
  if (!field.always) return undefined
  if (type === 'string') return ''
  if (type === 'bool') return false
  if (type === 'int32' || type === 'int64' || type === 'float64') return 0
  return null
}

function decodeValue(type: string, value: JsonValue, place: Place, unknown: Unknown): JsonValue | undefined {
  if (type.startsWith('[]')) {
    if (!Array.isArray(value)) throw mismatch(type, value, place)
    const element = type.slice(2)
    return value.map((item, i) =>
      item === null
        ? zeroElement(element)
        : (decodeValue(element, item, { ...place, path: `${place.path}[${i}]` }, unknown) ?? null),
    )
  }
  if (type.startsWith('map ')) {
    if (!isObject(value)) throw mismatch(type, value, place)
    const element = type.slice(4)
    const out: JsonObject = {}
    for (const [key, item] of Object.entries(value)) {
      const at = { ...place, path: `${place.path}.${key}` }
      out[key] = item === null ? zeroElement(element) : (decodeValue(element, item, at, unknown) ?? null)
    }
    return out
  }
  if (isStruct(type)) {
    if (!isObject(value)) throw mismatch(type, value, place)
    return decodeStruct(type, value, place, unknown)
  }
  return decodeScalar(type, value, place, unknown)
}

function zeroElement(type: string): JsonValue {
  if (type === 'string' || type === 'bytes') return ''
  if (type === 'bool') return false
  if (/^(int|float)/.test(type)) return 0
  return isStruct(type) ? decodeStruct(type, {}, { path: '', goPath: '', owner: '' }, []) : null
}

function decodeScalar(type: string, value: JsonValue, place: Place, unknown: Unknown): JsonValue {
  switch (type) {
    case 'string':
      if (typeof value !== 'string') throw mismatch(type, value, place)
      return value
    case 'bool':
      if (typeof value !== 'boolean') throw mismatch(type, value, place)
      return value
    case 'int32':
    case 'int64':
      return decodeInteger(type, value, place)
    case 'float64':
      if (typeof value !== 'number' && typeof value !== 'bigint') throw mismatch(type, value, place)
      return value
    case 'bytes':
      return decodeBytes(value, place)
    case 'Quantity':
      return decodeQuantity(value)
    case 'Time':
    case 'MicroTime':
      return decodeTime(type, value, place)
    case 'IntOrString':
      if (typeof value === 'string') return value
      return decodeInteger('int32', value, place)
    case 'Duration':
      if (typeof value !== 'string') throw mismatch('string', value, place)
      return value
    case 'JSONSchemaPropsOrBool':
      return typeof value === 'boolean' ? value : orSchema(value, place, unknown)
    case 'JSONSchemaPropsOrArray':
    case 'JSONSchemaPropsOrStringArray':
      if (!Array.isArray(value)) return orSchema(value, place, unknown)
      return value.map((item, i) =>
        typeof item === 'string' ? item : orSchema(item, { ...place, path: `${place.path}[${i}]` }, unknown),
      )
    default:
      // RawExtension, Object, JSON, FieldsV1: whatever was given.
      return value
  }
}

function orSchema(value: JsonValue, place: Place, unknown: Unknown): JsonValue {
  const type = 'apiextensions.v1.JSONSchemaProps'
  if (!isObject(value)) throw mismatch(type, value, place)
  return decodeStruct(type, value, place, unknown)
}

function decodeInteger(type: string, value: JsonValue, place: Place): JsonValue {
  if (typeof value === 'bigint') {
    if (type === 'int64' && BigInt.asIntN(64, value) === value) return value
    throw mismatch(type, value, place)
  }
  if (typeof value !== 'number' || !Number.isInteger(value)) throw mismatch(type, value, place)
  if (type === 'int32' && (value > 2147483647 || value < -2147483648)) throw mismatch(type, value, place)
  return value
}

function decodeBytes(value: JsonValue, place: Place): string {
  if (typeof value !== 'string') throw mismatch('[]byte', value, place)
  const text = value.replace(/[\r\n]/g, '')
  const bad = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)
  if (bad) return text
  const illegal = text.search(/[^A-Za-z0-9+/=]/)
  const position = illegal >= 0 ? illegal : Math.max(0, text.length - (text.length % 4 || 4))
  throw new DecodeError(`illegal base64 data at input byte ${position}`)
}

function decodeQuantity(value: JsonValue): string {
  const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
  const canonical = canonicalQuantity(text)
  if (canonical === undefined) throw new DecodeError(quantityError)
  return canonical
}

function decodeTime(type: 'Time' | 'MicroTime', value: JsonValue, place: Place): string {
  if (typeof value !== 'string') throw mismatch('string', value, place)
  const canonical = canonicalTime(value, type === 'Time' ? 0 : 6)
  if (canonical !== undefined) return canonical
  const layout = type === 'Time' ? '2006-01-02T15:04:05Z07:00' : '2006-01-02T15:04:05.000000Z07:00'
  throw new DecodeError(`parsing time "${value}" as "${layout}": cannot parse "${value}" as "2006"`)
}

/** A Go type as Go prints it. */
function goName(type: string): string {
  if (type.startsWith('[]')) return `[]${goName(type.slice(2))}`
  if (type.startsWith('map ')) return `map[string]${goName(type.slice(4))}`
  const [, version, name] = type.split('.')
  return name ? `${version}.${name}` : type
}

function mismatch(type: string, value: JsonValue, place: Place): DecodeError {
  const what = Array.isArray(value)
    ? 'array'
    : typeof value === 'boolean'
      ? 'bool'
      : typeof value === 'number' || typeof value === 'bigint'
        ? type.startsWith('int')
          ? `number ${value}`
          : 'number'
        : typeof value
  const target = place.owner ? `Go struct field ${place.owner}.${place.goPath}` : 'Go value'
  return new DecodeError(`json: cannot unmarshal ${what} into ${target} of type ${goName(type)}`)
}
