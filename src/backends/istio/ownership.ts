import type { KubeObject } from '../../resources/index.ts'

/**
 * Label of everything that one installation of Fairlead wrote, on every cluster; its value is the uid of the namespace
 * kube-system of the management cluster. What carries it with that value is ours to change and delete, nothing else is:
 * two installations that manage one cluster leave each other's objects alone.
 */
export const instanceLabel = 'fairlead.dev/instance'

/** Annotation with a digest of what was written: tells whether a write is needed when a field is to vanish. */
export const contentAnnotation = 'fairlead.dev/content'

export function isOwned(object: KubeObject, instance: string): boolean {
  return object.metadata.labels?.[instanceLabel] === instance
}

/** The object as it is written: with its marks of ownership. */
export function stamped(object: KubeObject, instance: string): KubeObject {
  const labels = { ...object.metadata.labels, [instanceLabel]: instance }
  const content = digest({ ...object, metadata: { ...object.metadata, labels } })
  const annotations = { ...object.metadata.annotations, [contentAnnotation]: content }
  return { ...object, metadata: { ...object.metadata, labels, annotations } }
}

/** 64 bits: FNV-1a from two offsets. Guards against waste, not against an adversary. */
function digest(value: unknown): string {
  const text = canonical(value)
  const prime = 0x01000193
  let low = 0x811c9dc5
  let high = 0xc9dc5118
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    low = Math.imul(low ^ unit, prime)
    high = Math.imul(high ^ unit, prime) ^ (high >>> 15)
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
}

/** JSON with sorted fields; fields that are undefined do not count. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value)
    .filter(([, v]) => v !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([name, v]) => `${JSON.stringify(name)}:${canonical(v)}`).join()}}`
}
