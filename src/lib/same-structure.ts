/** Whether two plain values (objects, arrays, maps, sets of texts, primitives) say the same. */
export function sameStructure(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return Number.isNaN(a) && Number.isNaN(b)
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, at) => sameStructure(item, b[at]))
  if (a instanceof Map) {
    if (!(b instanceof Map) || a.size !== b.size) return false
    for (const [key, value] of a) if (!b.has(key) || !sameStructure(value, b.get(key))) return false
    return true
  }
  if (a instanceof Set) return b instanceof Set && a.size === b.size && [...a].every((item) => b.has(item))
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  if (Array.isArray(b) || b instanceof Map || b instanceof Set) return false
  const names = Object.keys(left)
  if (names.length !== Object.keys(right).length) return false
  return names.every((name) => Object.hasOwn(right, name) && sameStructure(left[name], right[name]))
}
