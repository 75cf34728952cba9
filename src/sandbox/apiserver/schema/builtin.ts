import { type KubeField, types } from '#gen/kubernetes/types.js'
import { fieldsOf } from '../codec/builtin.ts'
import { anySchema, type Field, type Schema, scalarSchema } from './schema.ts'

const cache = new Map<string, Schema>()
const metaFields = ['apiVersion', 'kind'] as const

/** The schema of a built-in type such as `core.v1.PodSpec`. */
export function builtinSchema(type: string): Schema {
  let schema = cache.get(type)
  if (!schema) {
    schema = structSchema(type)
    cache.set(type, schema)
  }
  return schema
}

/** The schema of a built-in kind: its type, with apiVersion and kind. */
export function builtinKindSchema(type: string): Schema {
  const own = builtinSchema(type)
  return {
    kind: 'object',
    field: (name) => (metaFields.some((m) => m === name) ? { schema: scalarSchema } : own.field?.(name)),
    names: () => [...metaFields, ...(own.names?.() ?? [])],
  }
}

function structSchema(type: string): Schema {
  const fields = fieldsOf(type)
  const made = new Map<string, Field>()
  return {
    kind: 'object',
    ...(types[type]?.atomic ? { atomic: true } : {}),
    field(name) {
      let field = made.get(name)
      const declared = fields.get(name)
      if (!field && declared) {
        field = {
          schema: fieldSchema(declared),
          ...(declared.patch ? { patch: declared.patch } : {}),
          ...(declared.mergeKey ? { mergeKey: declared.mergeKey } : {}),
        }
        made.set(name, field)
      }
      return field
    },
    names: () => [...fields.keys()],
  }
}

function fieldSchema(field: KubeField): Schema {
  const schema = typeSchema(field.type)
  if (schema.kind === 'list') {
    if (field.keys) return { ...schema, atomic: false, keys: field.keys, keyDefaults: keyDefaults(field) }
    if (field.set) return { ...schema, atomic: false, set: true }
    return schema
  }
  return field.atomic ? { ...schema, atomic: true } : schema
}

function keyDefaults(field: KubeField): Record<string, string | number | boolean> {
  const element = types[field.type.slice(2)]
  const defaults: Record<string, string | number | boolean> = {}
  for (const key of field.keys ?? []) {
    const value = element?.fields[key]?.default
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') defaults[key] = value
  }
  return defaults
}

function typeSchema(type: string): Schema {
  if (type.startsWith('[]')) return { kind: 'list', atomic: true, element: typeSchema(type.slice(2)) }
  if (type.startsWith('map ')) return { kind: 'map', element: typeSchema(type.slice(4)) }
  if (Object.hasOwn(types, type)) return builtinSchema(type)
  switch (type) {
    case 'RawExtension':
    case 'Object':
    case 'JSON':
    case 'FieldsV1':
      return anySchema
    case 'JSONSchemaPropsOrBool':
    case 'JSONSchemaPropsOrArray':
    case 'JSONSchemaPropsOrStringArray':
      return { kind: 'any', atomic: true }
    default:
      return scalarSchema
  }
}
