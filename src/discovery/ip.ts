/** An IP address as a number, with its family's width. */
interface Address {
  readonly bits: 32 | 128
  readonly value: bigint
}

export interface Cidr extends Address {
  readonly length: number
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0n
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    value = value * 256n + BigInt(part)
  }
  return value
}

function parseV6(text: string): bigint | undefined {
  let source = text
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (tail) {
    const v4 = parseV4(tail[2] ?? '')
    if (v4 === undefined) return undefined
    source = `${tail[1]}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`
  }
  const halves = source.split('::')
  if (halves.length > 2) return undefined
  const groups = (half: string | undefined): string[] => (half === undefined || half === '' ? [] : half.split(':'))
  const [head, rest] = [groups(halves[0]), groups(halves[1])]
  const missing = 8 - head.length - rest.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  let value = 0n
  for (const group of [...head, ...Array<string>(missing).fill('0'), ...rest]) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined
    value = value * 65536n + BigInt(`0x${group}`)
  }
  return value
}

export function parseIp(text: string): Address | undefined {
  const v4 = parseV4(text)
  if (v4 !== undefined) return { bits: 32, value: v4 }
  const v6 = text.includes(':') ? parseV6(text) : undefined
  return v6 === undefined ? undefined : { bits: 128, value: v6 }
}

export function isIpAddress(text: string): boolean {
  return parseIp(text) !== undefined
}

export function isIpv6(text: string): boolean {
  return parseIp(text)?.bits === 128
}

/** A range with its host bits cleared; undefined if the text is not one. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.lastIndexOf('/')
  const address = slash < 0 ? undefined : parseIp(text.slice(0, slash))
  const lengthText = text.slice(slash + 1)
  if (!address || !/^\d{1,3}$/.test(lengthText) || Number(lengthText) > address.bits) return undefined
  const length = Number(lengthText)
  const host = BigInt(address.bits - length)
  return { ...address, length, value: (address.value >> host) << host }
}

export function cidrContains(range: Cidr, text: string): boolean {
  const address = parseIp(text)
  if (!address || address.bits !== range.bits) return false
  const host = BigInt(range.bits - range.length)
  return address.value >> host === range.value >> host
}

/** Text of an address, in its shortest usual form. */
export function formatIp(address: Address): string {
  if (address.bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (address.value >> shift) & 255n).join('.')
  const groups = Array.from({ length: 8 }, (_, at) => ((address.value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16))
  const zeros = [...groups.join(':').matchAll(/\b0(:0)+\b/g)].sort((a, b) => b[0].length - a[0].length)[0]
  if (!zeros) return groups.join(':')
  const text = groups.join(':')
  const before = text.slice(0, zeros.index).replace(/:$/, '')
  const after = text.slice(zeros.index + zeros[0].length).replace(/^:/, '')
  return `${before}::${after}`
}
