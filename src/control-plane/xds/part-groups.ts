import type { EncodedPart } from './encode.ts'

/** Fewer parts are left as they are. */
const worthGrouping = 64
const longestGroup = 64

/** Groups in use, by the versions of their parts. */
const known = new Map<string, WeakRef<Uint8Array>>()
const gone = new FinalizationRegistry<string>((key) => {
  if (!known.get(key)?.deref()) known.delete(key)
})

/**
 * The bytes of parts, one after the other, in pieces of about sixteen parts: few enough to be sent as they are, and many
 * enough that a change of one part leaves the others. Where a group ends is for the part before it to say, so that
 * resources that differ in some parts share the groups in which they do not.
 */
export function inGroups(parts: readonly EncodedPart[]): readonly Uint8Array[] {
  if (parts.length < worthGrouping) return parts.map(({ bytes }) => bytes)
  const groups: Uint8Array[] = []
  let start = 0
  for (const [at, { version }] of parts.entries()) {
    const isLast = at === parts.length - 1
    if (!isLast && version.charCodeAt(0) % 16 !== 0 && at - start + 1 < longestGroup) continue
    groups.push(groupOf(parts.slice(start, at + 1)))
    start = at + 1
  }
  return groups
}

function groupOf(parts: readonly EncodedPart[]): Uint8Array {
  const key = parts.map(({ version }) => version).join(' ')
  const before = known.get(key)?.deref()
  if (before) return before
  let length = 0
  for (const { bytes } of parts) length += bytes.length
  // In memory of its own, that nothing else keeps.
  const made = new Uint8Array(length)
  let at = 0
  for (const { bytes } of parts) {
    made.set(bytes, at)
    at += bytes.length
  }
  known.set(key, new WeakRef(made))
  gone.register(made, key)
  return made
}
