// Values of patches: Envoy's API as JSON → messages. As in Istio unknown fields are told and left out, since they may be
// of another version of the API.
import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
} from '@bufbuild/protobuf'
import { durationMs, fieldPath, isObject } from '../../../resources/index.ts'
import { extensionTypes } from '../registry.ts'

/** What is wrong with a value, at a path within it. */
export interface ValueFault {
  readonly path: string
  readonly severity: 'error' | 'warning'
  readonly message: string
}

export interface PatchValue {
  /** Undefined if it cannot be read. */
  readonly message: Message | undefined
  readonly faults: readonly ValueFault[]
}

/** Reads a value; all faults at once, as far as its shape can be followed. */
export function readPatchValue(schema: DescMessage, value: unknown): PatchValue {
  const faults: ValueFault[] = []
  const json = normalized(schema, value, '', faults)
  if (faults.some(({ severity }) => severity === 'error')) return { message: undefined, faults }
  try {
    return { message: fromJson(schema, json, { registry: extensionTypes, ignoreUnknownFields: true }), faults }
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    faults.push({ path: '', severity: 'error', message: text.replace(/^cannot decode message /, 'is no ') })
    return { message: undefined, faults }
  }
}

/** JSON as protobuf takes it: durations as seconds, types that are not known here as TypedStructs. */
function normalized(desc: DescMessage, value: unknown, path: string, faults: ValueFault[]): JsonValue {
  if (desc.typeName === 'google.protobuf.Any') return normalizedAny(value, path, faults)
  if (desc.typeName === 'google.protobuf.Duration') return normalizedDuration(value)
  // The others that are no plain objects in JSON are as they are.
  if (!isObject(value) || desc.typeName.startsWith('google.protobuf.')) return value as JsonValue
  const fields = new Map(
    desc.fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field] as const]),
  )
  const found: JsonObject = {}
  for (const [name, each] of Object.entries(value)) {
    const field = fields.get(name)
    const at = fieldPath(path, name)
    if (field) found[name] = each === null ? null : normalizedField(field, each, at, faults)
    else if (name !== '@type')
      faults.push({ path: at, severity: 'warning', message: `${desc.typeName} has no such field` })
  }
  return found
}

function normalizedField(field: DescField, value: unknown, path: string, faults: ValueFault[]): JsonValue {
  const { message } = field
  if (!message) return value as JsonValue
  if (field.fieldKind === 'list' && Array.isArray(value))
    return value.map((each: unknown, index) => normalized(message, each, `${path}[${index}]`, faults))
  if (field.fieldKind === 'map' && isObject(value)) {
    const entries = Object.entries(value)
    return Object.fromEntries(
      entries.map(([key, each]) => [key, normalized(message, each, fieldPath(path, key), faults)]),
    )
  }
  return normalized(message, value, path, faults)
}

/** Types of Envoy and Istio that may be newer than those here; nobody else's are loaded by proxies. */
const foreignType = /^(envoy\..*\.v3\.|istio\.|io\.istio\.|stats\.|xds\.|udpa\.)/

function normalizedAny(value: unknown, path: string, faults: ValueFault[]): JsonValue {
  if (!isObject(value)) return value as JsonValue
  const { '@type': url, ...rest } = value
  if (typeof url !== 'string') {
    if (Object.keys(value).length > 0)
      faults.push({
        path: fieldPath(path, '@type'),
        severity: 'error',
        message: 'Required value: the type of what is here',
      })
    return value as JsonValue
  }
  const name = url.slice(url.lastIndexOf('/') + 1)
  const desc = extensionTypes.getMessage(name)
  if (desc?.typeName.startsWith('google.protobuf.')) return value as JsonValue
  if (desc) return { ...(normalized(desc, value, path, faults) as JsonObject), '@type': `type.googleapis.com/${name}` }
  const at = fieldPath(path, '@type')
  if (!foreignType.test(name)) {
    const hint = name.includes('.v2.') ? ' (Envoy has its v3 API only)' : ''
    faults.push({ path: at, severity: 'error', message: `${name} is not known${hint}` })
  } else
    faults.push({ path: at, severity: 'warning', message: `${name} is not known here; it is given to proxies unread` })
  return { '@type': 'type.googleapis.com/xds.type.v3.TypedStruct', typeUrl: url, value: rest as JsonObject }
}

/** Istio takes durations as Go writes them too (`500ms`). */
function normalizedDuration(value: unknown): JsonValue {
  if (typeof value !== 'string' || /^-?\d+(\.\d{1,9})?s$/.test(value)) return value as JsonValue
  const ms = durationMs(value)
  return ms === undefined ? value : `${(ms / 1000).toFixed(9).replace(/\.?0+$/, '')}s`
}
