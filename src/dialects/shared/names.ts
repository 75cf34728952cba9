// Names that are made from other names.
import { compareText } from '../../lib/index.ts'

/** Longest name that every kind of object may have as label value and host label. */
const longest = 63

/** Text as (part of) an object's name: lower case, and `-` for what may not stand there. */
export function safeName(text: string): string {
  return text.toLowerCase().replaceAll(/[./:*_\s]/g, '-')
}

/** A safe name of at most 63 characters; a longer one is cut and ends with a hash of the whole. */
export function objectName(...parts: readonly string[]): string {
  const whole = safeName(parts.filter((part) => part !== '').join('-'))
  if (whole.length <= longest) return whole
  return `${whole.slice(0, longest - 9).replace(/-+$/, '')}-${hash32(whole).toString(16).padStart(8, '0')}`
}

const prime = 0x01000193
const basis = 0x811c9dc5

/** FNV-1, 32 bit, over the bytes of the text. */
export function hash32(text: string): number {
  let hash = basis
  for (const byte of new TextEncoder().encode(text)) hash = (Math.imul(hash, prime) ^ byte) >>> 0
  return hash
}

/** Name of the subset with these labels: `key-value` pairs in the order of keys. */
export function subsetName(labels: Readonly<Record<string, string>>): string {
  return safeName(
    Object.entries(labels)
      .sort(([a], [b]) => compareText(a, b))
      .map(([key, value]) => `${key}-${value}`)
      .join('-'),
  )
}

/** A short text that stands for a longer one, in names. */
export function hashName(text: string): string {
  return `${hash32(text)}${hash32(`${text}.`) % 100000}`
}
