// Built-in types as OpenAPI v3 component schemas.
import { docs } from '#gen/kubernetes/docs.js'
import { type KubeField, types } from '#gen/kubernetes/types.js'
import { fieldsOf } from '../codec/builtin.ts'
import type { JsonObject } from '../json.ts'

const packages: Readonly<Record<string, string>> = {
  meta: 'io.k8s.apimachinery.pkg.apis.meta',
  apiextensions: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
}

/** The published name of a type: `core.v1.Pod` → `io.k8s.api.core.v1.Pod`. */
export function publishedName(type: string): string {
  const [group = '', version = '', name = ''] = type.split('.')
  return `${packages[group] ?? `io.k8s.api.${group}`}.${version}.${name}`
}

/** Types that are no structs. */
const scalars: Readonly<Record<string, { name: string; schema: JsonObject }>> = {
  Time: { name: 'io.k8s.apimachinery.pkg.apis.meta.v1.Time', schema: { type: 'string', format: 'date-time' } },
  MicroTime: {
    name: 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
    schema: { type: 'string', format: 'date-time' },
  },
  Duration: { name: 'io.k8s.apimachinery.pkg.apis.meta.v1.Duration', schema: { type: 'string' } },
  Quantity: {
    name: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
    schema: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  },
  IntOrString: {
    name: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    schema: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
  },
  FieldsV1: { name: 'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1', schema: { type: 'object' } },
  RawExtension: { name: 'io.k8s.apimachinery.pkg.runtime.RawExtension', schema: { type: 'object' } },
  Object: { name: 'io.k8s.apimachinery.pkg.runtime.RawExtension', schema: { type: 'object' } },
  JSON: { name: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON', schema: {} },
  JSONSchemaPropsOrBool: {
    name: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool',
    schema: {},
  },
  JSONSchemaPropsOrArray: {
    name: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray',
    schema: {},
  },
  JSONSchemaPropsOrStringArray: {
    name: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray',
    schema: {},
  },
}

const plain: Readonly<Record<string, JsonObject>> = {
  string: { type: 'string', default: '' },
  bool: { type: 'boolean', default: false },
  int32: { type: 'integer', format: 'int32', default: 0 },
  int64: { type: 'integer', format: 'int64', default: 0 },
  float64: { type: 'number', format: 'double', default: 0 },
  bytes: { type: 'string', format: 'byte' },
}

export interface Components {
  readonly schemas: JsonObject
}

/** Adds a type, and all that it needs, to the schemas; returns its name there. */
export function addType(schemas: JsonObject, type: string): string {
  const scalar = scalars[type]
  if (scalar) {
    schemas[scalar.name] ??= scalar.schema
    return scalar.name
  }
  const name = publishedName(type)
  if (schemas[name]) return name
  const schema: JsonObject = { type: 'object' }
  schemas[name] = schema
  const text = docs[type]?.['']
  if (text) schema['description'] = text
  const properties: JsonObject = {}
  const required: string[] = []
  for (const [field, declared] of fieldsOf(type)) {
    properties[field] = property(schemas, declared, descriptionOf(type, field))
    if (declared.required) required.push(field)
  }
  if (Object.keys(properties).length > 0) schema['properties'] = properties
  if (required.length > 0) schema['required'] = required.sort()
  if (types[type]?.atomic) schema['x-kubernetes-map-type'] = 'atomic'
  return name
}

/** A field's description; that of an inlined struct's field stands with the struct. */
function descriptionOf(type: string, field: string): string {
  const told = docs[type]?.[field]
  if (told !== undefined) return told
  for (const inline of types[type]?.inline ?? []) {
    const found = descriptionOf(inline.type, field)
    if (found) return found
  }
  // Where nothing is told of a field, what is told of its type serves.
  const own = fieldsOf(type)
    .get(field)
    ?.type.replace(/^\[\]|^map /, '')
  return (own && docs[own]?.['']) || ''
}

function property(schemas: JsonObject, field: KubeField, description: string): JsonObject {
  const out: JsonObject = { ...(description ? { description } : {}), ...shape(schemas, field.type) }
  if (field.pointer) delete out['default']
  if (field.default !== undefined) out['default'] = field.default as string
  if (field.enum) {
    const holder = field.type.startsWith('[]') ? (out['items'] as JsonObject) : out
    holder['enum'] = [...field.enum]
  }
  if (field.keys) {
    out['x-kubernetes-list-map-keys'] = [...field.keys]
    out['x-kubernetes-list-type'] = 'map'
  } else if (field.set) out['x-kubernetes-list-type'] = 'set'
  else if (field.atomic && field.type.startsWith('[]')) out['x-kubernetes-list-type'] = 'atomic'
  else if (field.atomic) out['x-kubernetes-map-type'] = 'atomic'
  if (field.patch) out['x-kubernetes-patch-strategy'] = field.patch.join(',')
  if (field.mergeKey) out['x-kubernetes-patch-merge-key'] = field.mergeKey
  return out
}

function shape(schemas: JsonObject, type: string): JsonObject {
  if (type.startsWith('[]')) return { type: 'array', items: shape(schemas, type.slice(2)) }
  if (type.startsWith('map ')) return { type: 'object', additionalProperties: shape(schemas, type.slice(4)) }
  const simple = plain[type]
  if (simple) return { ...simple }
  const reference = { $ref: `#/components/schemas/${addType(schemas, type)}` }
  return scalars[type] ? { allOf: [reference] } : { default: {}, allOf: [reference] }
}
