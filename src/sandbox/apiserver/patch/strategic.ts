// Strategic merge patch: a merge patch that knows which lists merge by key, with its `$` directives.
// The order of merged lists follows k8s.io/apimachinery/pkg/util/strategicpatch.
import { ApiError } from '../errors.ts'
import { clone, equal, isObject, type JsonObject, type JsonValue } from '../json.ts'
import { anySchema, type Field, type Schema } from '../schema/schema.ts'
import { goFormat } from './go-format.ts'

const directive = '$patch'
const retainKeys = '$retainKeys'
const orderPrefix = '$setElementOrder/'
const deletePrefix = '$deleteFromPrimitiveList/'

const fail = (why: string): ApiError => new ApiError(500, '', why)

/** Applies the patch to a copy of the object. Throws ApiError where patch and type do not fit. */
export function strategicMerge(original: JsonObject, patch: JsonObject, schema: Schema): JsonObject {
  return mergeMap(clone(original), clone(patch), schema)
}

function mergeMap(original: JsonObject, patch: JsonObject, schema: Schema): JsonObject {
  if (Object.hasOwn(patch, directive)) {
    const { [directive]: what, ...rest } = patch
    if (what === 'replace') return rest
    if (what === 'delete') return {}
    throw fail(`unknown patch type found: ${goFormat(what)}`)
  }
  applyRetainKeys(original, patch)
  applyOrders(original, patch, schema)
  for (const [patchKey, value] of Object.entries(patch)) {
    if (patchKey.startsWith(orderPrefix) || patchKey === retainKeys) continue
    if (patchKey.startsWith(deletePrefix)) {
      const key = patchKey.slice(deletePrefix.length)
      const list = original[key]
      if (Array.isArray(list) && Array.isArray(value)) original[key] = withoutValues(list, value)
      continue
    }
    mergeField(original, patchKey, value, fieldOf(schema, patchKey))
  }
  return original
}

function fieldOf(schema: Schema, key: string): Field {
  return schema.field?.(key) ?? { schema: schema.kind === 'map' ? (schema.element ?? anySchema) : anySchema }
}

function mergeField(original: JsonObject, key: string, value: JsonValue, field: Field): void {
  if (value === null) {
    delete original[key]
    return
  }
  const before = original[key]
  if (before === undefined || before === null) {
    original[key] = withoutDirectives(value)
    return
  }
  const strategies = field.patch ?? []
  if (isObject(before) && isObject(value)) {
    original[key] = strategies.includes('replace') ? withoutDirectives(value) : mergeMap(before, value, field.schema)
  } else if (Array.isArray(before) && Array.isArray(value)) {
    original[key] = strategies.includes('merge')
      ? mergeList(before, value, field.schema.element ?? anySchema, field.mergeKey, value)
      : value.map(withoutDirectives)
  } else original[key] = withoutDirectives(value)
}

function applyRetainKeys(original: JsonObject, patch: JsonObject): void {
  const keep = patch[retainKeys]
  if (keep === undefined) return
  if (!Array.isArray(keep)) throw fail(`${retainKeys} must be a list`)
  for (const key of Object.keys(patch)) {
    if (key !== retainKeys && !key.startsWith('$') && patch[key] !== null && !keep.includes(key)) {
      throw fail(`${retainKeys} list doesn't contain all keys present in the patch`)
    }
  }
  for (const key of Object.keys(original)) if (!keep.includes(key)) delete original[key]
}

/** `$setElementOrder/x` with its list `x`: merges the two and takes them out of the patch. */
function applyOrders(original: JsonObject, patch: JsonObject, schema: Schema): void {
  for (const orderKey of Object.keys(patch)) {
    if (!orderKey.startsWith(orderPrefix)) continue
    const key = orderKey.slice(orderPrefix.length)
    const order = patch[orderKey]
    const before = original[key]
    const given = patch[key]
    const removals = patch[`${deletePrefix}${key}`]
    delete patch[orderKey]
    if (!Array.isArray(order) || !Array.isArray(before)) continue
    delete patch[key]
    delete patch[`${deletePrefix}${key}`]
    const field = fieldOf(schema, key)
    const kept = Array.isArray(removals) ? withoutValues(before, removals) : before
    const merged = mergeList(
      kept,
      Array.isArray(given) ? given : [],
      field.schema.element ?? anySchema,
      field.mergeKey,
      order,
    )
    original[key] = merged
  }
}

function withoutValues(list: readonly JsonValue[], gone: readonly JsonValue[]): JsonValue[] {
  return list.filter((item) => !gone.some((g) => equal(g, item)))
}

function withoutDirectives(value: JsonValue): JsonValue {
  if (Array.isArray(value)) {
    return value.filter((item) => !(isObject(item) && item[directive] === 'delete')).map(withoutDirectives)
  }
  if (!isObject(value)) return value
  const out: JsonObject = {}
  for (const [key, item] of Object.entries(value)) {
    if (key === directive || key === retainKeys || key.startsWith(orderPrefix) || key.startsWith(deletePrefix)) continue
    if (item !== null) out[key] = withoutDirectives(item)
  }
  return out
}

function keyOf(item: JsonValue, mergeKey: string): JsonValue {
  const key = isObject(item) ? item[mergeKey] : undefined
  if (key === undefined) throw fail(`map: ${goFormat(item)} does not contain declared merge key: ${mergeKey}`)
  return key
}

function mergeList(
  original: JsonValue[],
  patch: JsonValue[],
  element: Schema,
  mergeKey: string | undefined,
  order: JsonValue[],
): JsonValue[] {
  const ofMaps = [...original, ...patch].some(isObject)
  if (!ofMaps) {
    const merged: JsonValue[] = []
    for (const item of [...original, ...patch]) if (!merged.some((m) => equal(m, item))) merged.push(item)
    return inOrder(merged, order, original, (a, b) => equal(a, b))
  }
  if (mergeKey === undefined) throw fail('cannot merge lists without merge key')
  const [kept, given] = applyItemDirectives(original, patch, mergeKey)
  const same = (a: JsonValue, b: JsonValue): boolean => equal(keyOf(a, mergeKey), keyOf(b, mergeKey))
  const merged = [...kept]
  for (const item of given) {
    keyOf(item, mergeKey)
    const index = merged.findIndex((m) => same(m, item))
    if (index < 0) merged.push(withoutDirectives(item))
    else merged[index] = mergeMap(merged[index] as JsonObject, item as JsonObject, element)
  }
  const orderItems = order.filter((item) => isObject(item) && item[mergeKey] !== undefined)
  return inOrder(merged, orderItems, original, same)
}

/** Items with `$patch`: `delete` removes the item of the same key, `replace` empties the list first. */
function applyItemDirectives(original: JsonValue[], patch: JsonValue[], mergeKey: string): [JsonValue[], JsonValue[]] {
  let kept = original
  const given: JsonValue[] = []
  let replace = false
  for (const item of patch) {
    const what = isObject(item) ? item[directive] : undefined
    if (what === undefined) given.push(item)
    else if (what === 'delete') {
      const key = keyOf(item, mergeKey)
      kept = kept.filter((k) => !equal(isObject(k) ? k[mergeKey] : undefined, key))
    } else if (what === 'replace') replace = true
    else throw fail(`unknown patch type found: ${goFormat(what)}`)
  }
  return replace ? [[], given] : [kept, given]
}

/** Items named in `order` come in that order; the others keep their places relative to `server`, as far as both allow. */
function inOrder(
  merged: readonly JsonValue[],
  order: readonly JsonValue[],
  server: readonly JsonValue[],
  same: (a: JsonValue, b: JsonValue) => boolean,
): JsonValue[] {
  const indexIn = (list: readonly JsonValue[], item: JsonValue): number => list.findIndex((l) => same(l, item))
  const patched = merged
    .filter((item) => indexIn(order, item) >= 0)
    .sort((a, b) => indexIn(order, a) - indexIn(order, b))
  const others = merged
    .filter((item) => indexIn(order, item) < 0)
    .sort((a, b) => indexIn(server, a) - indexIn(server, b))
  const result: JsonValue[] = []
  let left = 0
  let right = 0
  while (left < others.length && right < patched.length) {
    const a = indexIn(server, others[left] as JsonValue)
    const b = indexIn(server, patched[right] as JsonValue)
    if (a >= 0 && b >= 0 && a < b) result.push(others[left++] as JsonValue)
    else result.push(patched[right++] as JsonValue)
  }
  return [...result, ...others.slice(left), ...patched.slice(right)]
}
