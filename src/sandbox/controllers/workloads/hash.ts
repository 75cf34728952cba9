import { createHash } from 'node:crypto'

// No vowels and no digits that look like letters: generated names must not spell words.
const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

/** A short name for a value: 10 characters that stand for its content, and for `salt` (count of collisions). */
export function hashName(value: unknown, salt = 0): string {
  const digest = createHash('sha256')
    .update(canonical(value))
    .update(salt === 0 ? '' : `\n${salt}`)
    .digest()
  return Array.from(digest.subarray(0, 10), (byte) => alphabet[byte % alphabet.length]).join('')
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, v]) => v !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(',')}}`
}
