// JSON as the API server keeps it: integers beyond 2^53 survive as bigint, and paths into untyped objects are safe.

export type JsonValue = string | number | bigint | boolean | null | JsonValue[] | JsonObject
export interface JsonObject {
  [key: string]: JsonValue
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const longNumber = /[\d.eE+-]{16,}/

/** Parses JSON; an integer that a double cannot hold becomes a bigint. Throws SyntaxError. */
export function parseJson(text: string): JsonValue {
  if (!longNumber.test(text)) return JSON.parse(text) as JsonValue
  return JSON.parse(text, function keep(_key: string, value: unknown, context?: { source?: string }) {
    const source = context?.source
    if (typeof value === 'number' && source && /^-?\d{16,19}$/.test(source) && !Number.isSafeInteger(value)) {
      return BigInt(source)
    }
    return value
  } as Parameters<typeof JSON.parse>[1]) as JsonValue
}

const raw = (text: string): unknown => (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)

/** Writes JSON on one line, bigints as plain digits. */
export function writeJson(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return JSON.stringify(value, (_key, v: unknown) => (typeof v === 'bigint' ? raw(v.toString()) : v))
  }
}

export function clone<T extends JsonValue>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => clone(item)) as T
  if (isObject(value)) {
    const copy: JsonObject = {}
    for (const key of Object.keys(value)) copy[key] = clone(value[key] as JsonValue)
    return copy as T
  }
  return value
}

export function equal(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]))
  }
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]))
}

/** The value at a path of field names and list indices; undefined where the path ends early. */
export function at(value: JsonValue | undefined, ...path: readonly (string | number)[]): JsonValue | undefined {
  let here = value
  for (const step of path) {
    if (typeof step === 'number') here = Array.isArray(here) ? here[step] : undefined
    else here = isObject(here) && Object.hasOwn(here, step) ? here[step] : undefined
  }
  return here
}

export function objectAt(value: JsonValue | undefined, ...path: readonly (string | number)[]): JsonObject | undefined {
  const found = at(value, ...path)
  return isObject(found) ? found : undefined
}

/** The list at a path; empty where there is none. */
export function listAt(value: JsonValue | undefined, ...path: readonly (string | number)[]): JsonValue[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}

/** The objects of the list at a path. */
export function objectsAt(value: JsonValue | undefined, ...path: readonly (string | number)[]): JsonObject[] {
  return listAt(value, ...path).filter(isObject)
}

/** The text at a path; "" where there is none, as Go reads a missing string. */
export function textAt(value: JsonValue | undefined, ...path: readonly (string | number)[]): string {
  const found = at(value, ...path)
  return typeof found === 'string' ? found : ''
}

export function numberAt(value: JsonValue | undefined, ...path: readonly (string | number)[]): number | undefined {
  const found = at(value, ...path)
  return typeof found === 'number' ? found : typeof found === 'bigint' ? Number(found) : undefined
}

/** The object at a path, made (with its parents) where it is missing. */
export function ensureObject(root: JsonObject, ...path: readonly string[]): JsonObject {
  let here = root
  for (const step of path) {
    const next = here[step]
    if (isObject(next)) here = next
    else {
      const made: JsonObject = {}
      here[step] = made
      here = made
    }
  }
  return here
}

/** Sets a field that is missing or null. */
export function setDefault(object: JsonObject, key: string, value: JsonValue): void {
  if (object[key] === undefined || object[key] === null) object[key] = value
}

export interface Meta {
  readonly name: string
  readonly namespace: string
  readonly uid: string
}

export function metaOf(object: JsonObject): JsonObject {
  return ensureObject(object, 'metadata')
}

export function nameOf(object: JsonObject): string {
  return textAt(object, 'metadata', 'name')
}

export function namespaceOf(object: JsonObject): string {
  return textAt(object, 'metadata', 'namespace')
}

/** A string map such as labels; empty where there is none. */
export function stringMap(value: JsonValue | undefined): Record<string, string> {
  const map: Record<string, string> = {}
  if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) if (typeof item === 'string') map[key] = item
  }
  return map
}
