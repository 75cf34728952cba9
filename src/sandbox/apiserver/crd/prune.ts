// What a structural schema does to an object on its way in: unknown fields go, forbidden nulls go, defaults come.
import { clone, isObject, type JsonObject, type JsonValue, objectAt } from '../json.ts'

const metaFields = ['apiVersion', 'kind', 'metadata']

export const isTrue = (schema: JsonObject | undefined, key: string): boolean => schema?.[key] === true

/** The schema of a property or, for maps, of every value; undefined where the schema says nothing of it. */
export function propertySchema(schema: JsonObject | undefined, key: string): JsonObject | undefined {
  return objectAt(schema, 'properties', key) ?? objectAt(schema, 'additionalProperties')
}

interface Pruning {
  readonly unknown: string[]
}

const join = (path: string, key: string): string => (path ? `${path}.${key}` : key)

/** Removes from a resource's object what its schema does not know; the paths removed are returned, sorted. */
export function prune(object: JsonObject, schema: JsonObject | undefined): string[] {
  const state: Pruning = { unknown: [] }
  pruneAt(object, { ...schema, 'x-kubernetes-embedded-resource': true }, '', state)
  return state.unknown.sort()
}

function pruneAt(value: JsonValue, schema: JsonObject | undefined, path: string, state: Pruning): void {
  const keepsUnknown = isTrue(schema, 'x-kubernetes-preserve-unknown-fields')
  if (Array.isArray(value)) {
    const items = objectAt(schema, 'items')
    value.forEach((item, i) => {
      // Inside a list that keeps everything, only items with a schema of their own are looked at.
      if (!keepsUnknown || items) pruneAt(item, keepsUnknown ? items : (items ?? {}), `${path}[${i}]`, state)
    })
    return
  }
  if (!isObject(value)) return
  const properties = objectAt(schema, 'properties')
  const additional = schema?.['additionalProperties']
  for (const key of Object.keys(value)) {
    if (isTrue(schema, 'x-kubernetes-embedded-resource') && metaFields.includes(key)) continue
    const own = properties && Object.hasOwn(properties, key) ? objectAt(properties, key) : undefined
    if (own) pruneAt(value[key] as JsonValue, own, join(path, key), state)
    else if (isObject(additional)) pruneAt(value[key] as JsonValue, additional, join(path, key), state)
    else if (additional !== true && !keepsUnknown) {
      state.unknown.push(join(path, key))
      delete value[key]
    }
  }
}

/** Removes nulls where neither null is allowed nor a default waits. */
export function dropNulls(value: JsonValue, schema: JsonObject | undefined): void {
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item, objectAt(schema, 'items'))
    return
  }
  if (!isObject(value)) return
  for (const key of Object.keys(value)) {
    const own = propertySchema(schema, key)
    const item = value[key] as JsonValue
    if (item === null && own && !isTrue(own, 'nullable') && own['default'] === undefined) delete value[key]
    else dropNulls(item, own)
  }
}

/** Fills in defaults, from the outside in, so that a default may be filled further. */
export function applyDefaults(value: JsonValue, schema: JsonObject | undefined): void {
  if (!schema) return
  if (Array.isArray(value)) {
    const items = objectAt(schema, 'items')
    value.forEach((item, i) => {
      if (item === null && items && !isTrue(items, 'nullable') && items['default'] !== undefined)
        value[i] = clone(items['default'])
      applyDefaults(value[i] as JsonValue, items)
    })
    return
  }
  if (!isObject(value)) return
  for (const [key, property] of Object.entries(objectAt(schema, 'properties') ?? {})) {
    if (!isObject(property) || property['default'] === undefined) continue
    if (!Object.hasOwn(value, key) || (value[key] === null && !isTrue(property, 'nullable')))
      value[key] = clone(property['default'])
  }
  for (const key of Object.keys(value)) {
    const own = propertySchema(schema, key)
    if (value[key] === null && own && !isTrue(own, 'nullable') && own['default'] !== undefined)
      value[key] = clone(own['default'])
    applyDefaults(value[key] as JsonValue, own)
  }
}
