/**
 * A short text that differs where two plain values differ (two runs of FNV-1a over their JSON; Maps and Sets as lists).
 * Not for secrets, nor against an enemy.
 */
export function digestOf(value: unknown): string {
  const text = JSON.stringify(value, asLists)
  let low = 0x811c9dc5
  let high = 0x9dc5811c
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul(high ^ unit, 0x01000193) ^ (high >>> 15)
  }
  return (low >>> 0).toString(36) + (high >>> 0).toString(36).padStart(7, '0')
}

function asLists(_key: string, value: unknown): unknown {
  return value instanceof Map || value instanceof Set ? [...value] : value
}
