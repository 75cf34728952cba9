// Lists that are sets or maps: no item twice, and which item of the old list is which of the new.
import { duplicate, type FieldError } from '../errors.ts'
import { isObject, type JsonObject, type JsonValue, listAt, objectAt, textAt, writeJson } from '../json.ts'
import { propertySchema } from './prune.ts'

function keysOf(item: JsonValue, names: readonly JsonValue[]): JsonObject {
  const keys: JsonObject = {}
  if (!isObject(item)) return keys
  for (const name of names) {
    if (typeof name !== 'string') continue
    const value = item[name]
    if (value !== undefined) keys[name] = value
  }
  return keys
}

/** Finds, for an item of a list, its counterpart in the list of before; only keyed lists have any. */
export function correlate(old: JsonValue | undefined, schema: JsonObject): (item: JsonValue) => JsonValue | undefined {
  if (!Array.isArray(old) || textAt(schema, 'x-kubernetes-list-type') !== 'map') return () => undefined
  const names = listAt(schema, 'x-kubernetes-list-map-keys')
  const index = new Map(old.map((item) => [writeJson(keysOf(item, names)), item]))
  return (item) => index.get(writeJson(keysOf(item, names)))
}

/** Items that stand twice in sets and keyed lists anywhere in the value. */
export function checkListTypes(value: JsonValue, schema: JsonObject | undefined, path: string): FieldError[] {
  if (!schema) return []
  if (isObject(value)) {
    return Object.entries(value).flatMap(([key, item]) => {
      const isProperty = objectAt(schema, 'properties', key) !== undefined
      const at = isProperty ? (path ? `${path}.${key}` : key) : `${path}[${key}]`
      return checkListTypes(item, propertySchema(schema, key), at)
    })
  }
  if (!Array.isArray(value)) return []
  const type = textAt(schema, 'x-kubernetes-list-type')
  const errors: FieldError[] = []
  if (type === 'set' || type === 'map') {
    const names = listAt(schema, 'x-kubernetes-list-map-keys')
    const seen = new Map<string, number>()
    value.forEach((item, i) => {
      const shown = type === 'map' ? keysOf(item, names) : item
      const key = writeJson(shown)
      const times = (seen.get(key) ?? 0) + 1
      seen.set(key, times)
      if (times === 2) errors.push(duplicate(`${path}[${i}]`, shown))
    })
  }
  const items = objectAt(schema, 'items')
  return [...errors, ...value.flatMap((item, i) => checkListTypes(item, items, `${path}[${i}]`))]
}
