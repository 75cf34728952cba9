// Values seen through their schema: which paths they have, how two differ, how they merge.
// The rules are those of sigs.k8s.io/structured-merge-diff (typed/*.go).
import { equal, isObject, type JsonObject, type JsonValue } from '../json.ts'
import { anySchema, type Schema } from '../schema/schema.ts'
import { FieldSet, fieldElement, keyElement, type PathElement, pathText, valueElement } from './field-set.ts'

/** The applied object does not fit its type. */
export class TypedError extends Error {}

/** How a value is to be taken: by its schema, or by its looks where the schema says nothing. */
type Shape = 'scalar' | 'map' | 'list' | 'atomic'

function shapeOf(schema: Schema, value: JsonValue | undefined): Shape {
  if (schema.atomic) return 'atomic'
  if (schema.kind === 'any') return isObject(value) ? 'map' : Array.isArray(value) ? 'atomic' : 'scalar'
  if (schema.kind === 'object' || schema.kind === 'map') return 'map'
  if (schema.kind === 'list') return schema.keys || schema.set ? 'list' : 'atomic'
  return 'scalar'
}

interface Child {
  readonly schema: Schema
  /** Whether the field is declared; items of maps are not. */
  readonly declared: boolean
}

function childOf(schema: Schema, key: string): Child {
  const field = schema.field?.(key)
  if (field) return { schema: field.schema, declared: true }
  return { schema: schema.element ?? anySchema, declared: false }
}

/** The path element of an item of a keyed list or set. Throws TypedError for an item without keys. */
export function itemElement(schema: Schema, item: JsonValue): PathElement {
  if (!schema.keys) return valueElement(item)
  if (!isObject(item)) throw new TypedError('associative list with keys may not have non-map elements')
  const keys: JsonObject = {}
  for (const name of schema.keys) {
    const value = item[name] ?? schema.keyDefaults?.[name]
    if (value !== undefined && value !== null) keys[name] = value
  }
  if (Object.keys(keys).length === 0) {
    const names = schema.keys.map((k) => JSON.stringify(k)).join(' ')
    throw new TypedError(
      `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
    )
  }
  return keyElement(keys)
}

/** Checks an applied value: unknown fields, shapes, duplicate keys. Throws TypedError. */
export function checkTyped(value: JsonValue, schema: Schema, path: readonly PathElement[] = []): void {
  const fail = (why: string): TypedError => new TypedError(path.length ? `${pathText(path)}: ${why}` : why)
  if (value === null || schema.kind === 'any') return
  if (schema.kind === 'scalar') {
    if (isObject(value) || Array.isArray(value))
      throw fail(`expected scalar, got ${Array.isArray(value) ? 'list' : 'map'}`)
    return
  }
  if (schema.kind === 'list') {
    if (!Array.isArray(value)) throw fail(`expected list, got ${JSON.stringify(value)}`)
    checkItems(value, schema, path)
    return
  }
  if (!isObject(value)) throw fail(`expected map, got &{${typeof value === 'string' ? value : JSON.stringify(value)}}`)
  for (const [key, item] of Object.entries(value)) {
    const field = schema.field?.(key)
    const at = [...path, fieldElement(key)]
    if (!field && schema.kind === 'object' && !schema.open) {
      throw new TypedError(`${pathText(at)}: field not declared in schema`)
    }
    checkTyped(item, field?.schema ?? schema.element ?? anySchema, at)
  }
}

function checkItems(items: readonly JsonValue[], schema: Schema, path: readonly PathElement[]): void {
  const seen = new Set<PathElement>()
  items.forEach((item, i) => {
    let element: PathElement = `i:${i}`
    if (schema.keys || schema.set) {
      try {
        element = itemElement(schema, item)
      } catch (error) {
        if (error instanceof TypedError) throw new TypedError(`${pathText(path)}: element ${i}: ${error.message}`)
        throw error
      }
      if (seen.has(element)) throw new TypedError(`${pathText(path)}: duplicate entries for key ${pathText([element])}`)
      seen.add(element)
    }
    checkTyped(item, schema.element ?? anySchema, [...path, element])
  })
}

/** Every path that the value has. */
export function fieldSetOf(value: JsonValue, schema: Schema): FieldSet {
  const set = new FieldSet()
  const shape = shapeOf(schema, value)
  if (shape === 'map' && isObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      const child = childOf(schema, key)
      const element = fieldElement(key)
      collect(set, element, item, child.schema)
      if (!child.declared || item === null || (isObject(item) && Object.keys(item).length === 0))
        set.members.add(element)
    }
  } else if (shape === 'list' && Array.isArray(value)) {
    for (const item of value) {
      const element = itemElement(schema, item)
      collect(set, element, item, schema.element ?? anySchema)
      set.members.add(element)
    }
  }
  return set
}

function collect(set: FieldSet, element: PathElement, item: JsonValue, schema: Schema): void {
  const shape = shapeOf(schema, item)
  if (shape === 'scalar' || shape === 'atomic') set.members.add(element)
  else {
    const inner = fieldSetOf(item, schema)
    if (!inner.isEmpty) set.children.set(element, inner)
  }
}

export interface Comparison {
  readonly added: FieldSet
  readonly modified: FieldSet
  readonly removed: FieldSet
}

/** How `right` differs from `left`. */
export function compareTyped(left: JsonValue, right: JsonValue, schema: Schema): Comparison {
  const out: Comparison = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() }
  compareAt(left, right, schema, [], out)
  return out
}

const isEmptyContainer = (value: JsonValue | undefined): boolean =>
  value === undefined ||
  value === null ||
  (Array.isArray(value) && value.length === 0) ||
  (isObject(value) && Object.keys(value).length === 0)

function compareAt(
  left: JsonValue | undefined,
  right: JsonValue | undefined,
  schema: Schema,
  path: readonly PathElement[],
  out: Comparison,
): void {
  if (left === undefined && right === undefined) return
  const shapes = new Set([left, right].filter((v) => v !== undefined && v !== null).map((v) => shapeOf(schema, v)))
  const shape = shapes.size === 1 ? [...shapes][0] : 'atomic'
  const leaf = shape === 'scalar' || shape === 'atomic' || (isEmptyContainer(left) && isEmptyContainer(right))
  if (path.length > 0) {
    if (left === undefined) out.added.insert(path)
    else if (right === undefined) out.removed.insert(path)
    else if (leaf && !equal(left, right)) out.modified.insert(path)
  }
  if (leaf) return
  if (shape === 'map') {
    const a = isObject(left) ? left : {}
    const b = isObject(right) ? right : {}
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      compareAt(a[key], b[key], childOf(schema, key).schema, [...path, fieldElement(key)], out)
    }
    return
  }
  const a = indexItems(schema, left)
  const b = indexItems(schema, right)
  for (const element of new Set([...a.keys(), ...b.keys()])) {
    compareAt(a.get(element), b.get(element), schema.element ?? anySchema, [...path, element], out)
  }
}

function indexItems(schema: Schema, list: JsonValue | undefined): Map<PathElement, JsonValue> {
  const index = new Map<PathElement, JsonValue>()
  if (!Array.isArray(list)) return index
  for (const item of list) {
    try {
      index.set(itemElement(schema, item), item)
    } catch (error) {
      if (!(error instanceof TypedError)) throw error
    }
  }
  return index
}

/** `right` laid over `left`: maps and keyed lists merge, everything else is replaced. */
export function mergeTyped(left: JsonValue | undefined, right: JsonValue | undefined, schema: Schema): JsonValue {
  if (right === undefined) return left as JsonValue
  if (left === undefined || left === null || right === null) return right
  const shape = shapeOf(schema, right)
  if (shape === 'map' && isObject(left) && isObject(right)) {
    const out: JsonObject = { ...left }
    for (const [key, item] of Object.entries(right)) out[key] = mergeTyped(left[key], item, childOf(schema, key).schema)
    return out
  }
  if (shape === 'list' && Array.isArray(left) && Array.isArray(right)) return mergeItems(left, right, schema)
  return right
}

/** Items of both lists: those of `right` in its order, those only in `left` where they stood relative to shared ones. */
function mergeItems(left: readonly JsonValue[], right: readonly JsonValue[], schema: Schema): JsonValue[] {
  const leftKeys = left.map((item) => itemElement(schema, item))
  const rightKeys = right.map((item) => itemElement(schema, item))
  const inLeft = new Map(leftKeys.map((key, i) => [key, left[i] as JsonValue]))
  const inRight = new Map(rightKeys.map((key, i) => [key, right[i] as JsonValue]))
  const shared = rightKeys.filter((key) => inLeft.has(key))
  const done = new Set<PathElement>()
  const out: JsonValue[] = []
  const element = schema.element ?? anySchema
  const take = (key: PathElement): void => {
    done.add(key)
    out.push(mergeTyped(inLeft.get(key), inRight.get(key), element))
    if (shared[0] === key) shared.shift()
  }
  let l = 0
  let r = 0
  while (l < left.length || r < right.length) {
    const leftKey = leftKeys[l]
    const rightKey = rightKeys[r]
    if (leftKey !== undefined && leftKey === rightKey) {
      take(leftKey)
      l++
      r++
      continue
    }
    if (leftKey !== undefined && !inRight.has(leftKey)) {
      out.push(left[l] as JsonValue)
      l++
      continue
    }
    // A shared item whose turn in `right` has not come, or has passed.
    if (leftKey !== undefined && (done.has(leftKey) || (rightKey !== undefined && shared[0] !== leftKey))) {
      l++
      continue
    }
    if (rightKey === undefined) break
    take(rightKey)
    r++
  }
  return out
}

/** The value without the paths of the set; containers that become empty stay out. */
export function removeItems(value: JsonValue, remove: FieldSet, schema: Schema): JsonValue | undefined {
  const shape = shapeOf(schema, value)
  if (shape === 'scalar') return value
  if (shape === 'atomic') return undefined
  if (shape === 'list') {
    if (!Array.isArray(value)) return undefined
    const items: JsonValue[] = []
    for (const item of value) {
      const element = itemElement(schema, item)
      if (remove.members.has(element)) continue
      const inner = remove.children.get(element)
      const kept = inner && !inner.isEmpty ? removeItems(item, inner, schema.element ?? anySchema) : item
      if (kept !== undefined) items.push(kept)
    }
    return items.length > 0 ? items : undefined
  }
  if (!isObject(value)) return undefined
  const out: JsonObject = {}
  for (const [key, item] of Object.entries(value)) {
    const element = fieldElement(key)
    if (remove.members.has(element)) continue
    const inner = remove.children.get(element)
    const kept = inner && !inner.isEmpty ? removeItems(item, inner, childOf(schema, key).schema) : item
    if (kept !== undefined) out[key] = kept
  }
  return Object.keys(out).length > 0 ? out : undefined
}

/** The set with every declared field that has members below it as a member itself. */
export function withNamedFields(set: FieldSet, schema: Schema): FieldSet {
  const out = new FieldSet()
  for (const member of set.members) out.members.add(member)
  for (const [element, child] of set.children) {
    const isField = element.startsWith('f:')
    const declared = isField ? schema.field?.(element.slice(2)) : undefined
    if (declared) out.members.add(element)
    const inner = isField ? (declared?.schema ?? schema.element ?? anySchema) : (schema.element ?? anySchema)
    out.children.set(element, withNamedFields(child, inner))
  }
  return out
}
