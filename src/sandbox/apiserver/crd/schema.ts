// A CRD's schema as patches and server-side apply see it.
import { isObject, type JsonObject, listAt, objectAt, textAt } from '../json.ts'
import { builtinSchema } from '../schema/builtin.ts'
import { anySchema, type Field, type Schema, scalarSchema } from '../schema/schema.ts'
import { isTrue } from './prune.ts'

/** The schema of a custom resource's objects. */
export function customSchema(root: JsonObject | undefined): Schema {
  const own = schemaOf(root ?? {})
  const meta = builtinSchema('meta.v1.ObjectMeta')
  return {
    kind: 'object',
    ...(own.open || own.kind === 'any' ? { open: true } : {}),
    field(name) {
      if (name === 'apiVersion' || name === 'kind') return { schema: scalarSchema }
      return name === 'metadata' ? { schema: meta } : own.field?.(name)
    },
    names: () => ['apiVersion', 'kind', 'metadata', ...(own.names?.() ?? [])],
  }
}

function schemaOf(source: JsonObject): Schema {
  if (isTrue(source, 'x-kubernetes-int-or-string')) return scalarSchema
  switch (textAt(source, 'type')) {
    case 'object':
      return objectSchema(source)
    case 'array':
      return listSchema(source)
    case '':
      return anySchema
    default:
      return scalarSchema
  }
}

function objectSchema(source: JsonObject): Schema {
  const atomic = textAt(source, 'x-kubernetes-map-type') === 'atomic' ? { atomic: true } : {}
  const properties = objectAt(source, 'properties')
  const additional = source['additionalProperties']
  if (!properties && isObject(additional)) return { kind: 'map', element: schemaOf(additional), ...atomic }
  if (!properties) return { ...anySchema, ...atomic }
  const made = new Map<string, Field>()
  const open = isTrue(source, 'x-kubernetes-preserve-unknown-fields') || additional === true
  return {
    kind: 'object',
    ...atomic,
    ...(open ? { open: true } : {}),
    field(name) {
      const declared = Object.hasOwn(properties, name) ? objectAt(properties, name) : undefined
      if (!declared) return undefined
      let field = made.get(name)
      if (!field) {
        field = { schema: schemaOf(declared) }
        made.set(name, field)
      }
      return field
    },
    names: () => Object.keys(properties),
  }
}

function listSchema(source: JsonObject): Schema {
  const items = objectAt(source, 'items') ?? {}
  const element = schemaOf(items)
  const type = textAt(source, 'x-kubernetes-list-type')
  if (type === 'set') return { kind: 'list', set: true, element }
  if (type !== 'map') return { kind: 'list', atomic: true, element }
  const keys = listAt(source, 'x-kubernetes-list-map-keys').filter((k) => typeof k === 'string')
  const keyDefaults: Record<string, string | number | boolean> = {}
  for (const key of keys) {
    const value = objectAt(items, 'properties', key)?.['default']
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') keyDefaults[key] = value
  }
  return { kind: 'list', keys, keyDefaults, element }
}
