/** IP addresses as numbers, for ranges. */
export interface Ip {
  readonly bits: 32 | 128
  readonly value: bigint
}

/** Parses an IPv4 or IPv6 address; undefined if it is none. */
export function parseIp(text: string): Ip | undefined {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(text)) {
    const parts = text.split('.').map(Number)
    if (parts.some((part) => part > 255)) return undefined
    return { bits: 32, value: parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n) }
  }
  if (!text.includes(':') || !/^[0-9a-f:.]+$/i.test(text)) return undefined
  const [head = '', tail] = text.split('::')
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const missing = 8 - left.length - right.length
  if (tail === undefined ? left.length !== 8 : missing < 0) return undefined
  const all = [...left, ...Array.from({ length: tail === undefined ? 0 : missing }, () => '0'), ...right]
  if (all.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return { bits: 128, value: all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n) }
}

/** Whether an address lies in a CIDR range. */
export function inRange(range: { addressPrefix: string; prefixLen?: number | undefined }, address: string): boolean {
  const base = parseIp(range.addressPrefix)
  const ip = parseIp(address)
  if (!base || !ip || base.bits !== ip.bits) return false
  const shift = BigInt(base.bits - (range.prefixLen ?? 0))
  return base.value >> shift === ip.value >> shift
}
