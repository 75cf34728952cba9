import { isObject, type JsonValue } from '../json.ts'

/** A value as Go's `%v` prints it: `map[a:1 b:[x y]]`. Some of the API's messages show values so. */
export function goFormat(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return '<nil>'
  if (Array.isArray(value)) return `[${value.map(goFormat).join(' ')}]`
  if (isObject(value)) {
    const parts = Object.keys(value)
      .sort()
      .map((key) => `${key}:${goFormat(value[key])}`)
    return `map[${parts.join(' ')}]`
  }
  return String(value)
}
