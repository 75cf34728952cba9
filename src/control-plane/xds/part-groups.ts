/** Fewer parts are left as they are. */
const worthGrouping = 64
const longestGroup = 64

/**
 * Parts in groups of about sixteen: few enough to be put together at every change, and many enough that a change of one
 * part leaves the others. Where a group ends is for the name of its last part to say, so that lists that differ in some
 * parts have the same groups where they do not.
 */
export function inGroups<T extends { readonly name: string }>(parts: readonly T[]): readonly (readonly T[])[] {
  const known = grouped.get(parts)
  // The groups of a list are of the list's own type.
  if (known) return known as readonly (readonly T[])[]
  const groups: T[][] = []
  const isShort = parts.length < worthGrouping
  let group: T[] = []
  for (const part of parts) {
    group.push(part)
    if (!isShort && !endsGroup(part.name) && group.length < longestGroup) continue
    groups.push(group)
    group = []
  }
  if (group.length > 0) groups.push(group)
  grouped.set(parts, groups)
  return groups
}

/** The groups of each list, for as long as somebody holds it. */
const grouped = new WeakMap<readonly unknown[], readonly (readonly unknown[])[]>()

function endsGroup(name: string): boolean {
  let hash = 0x811c9dc5
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
  return hash >>> 28 === 0
}
