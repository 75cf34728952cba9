// IP addresses and ranges, without help from Node (this folder is pure).
import type { Place } from '../check.ts'

const unixPrefix = 'unix://'

/** Whether the text is an IPv4 or IPv6 address (the latter may have a zone: `fe80::1%eth0`). */
export function isIpAddress(text: string): boolean {
  return isIpv4(text) || isIpv6(text)
}

export function isIpv4(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p) && Number(p) <= 255)
}

export function isIpv6(text: string): boolean {
  const [address = '', zone] = text.split('%')
  if (zone === '' || !address.includes(':')) return false
  const halves = address.split('::')
  if (halves.length > 2) return false
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const flat = groups.flat()
  const last = flat.at(-1) ?? ''
  const tail = last.includes('.') ? 2 : 1
  if (tail === 2 && !isIpv4(last)) return false
  const plain = tail === 2 ? flat.slice(0, -1) : flat
  if (!plain.every((g) => /^[0-9a-fA-F]{1,4}$/.test(g))) return false
  const size = plain.length + (tail === 2 ? 2 : 0)
  return halves.length === 2 ? size < 8 : size === 8
}

/** Whether the text is a range like `10.0.0.0/8`. */
export function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/')
  if (rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(bits) || address.includes('%')) return false
  return isIpv4(address) ? Number(bits) <= 32 : isIpv6(address) && Number(bits) <= 128
}

export function isUnixAddress(address: string): boolean {
  return address.startsWith(unixPrefix)
}

export function checkIpAddress(place: Place, address: string): void {
  if (!isIpAddress(address)) place.error(`${JSON.stringify(address)} is no IP address`)
}

/** An address, or a range of addresses. */
export function checkSubnet(place: Place, subnet: string): void {
  if (subnet.split('/').length === 2) {
    if (!isCidr(subnet)) place.error(`${JSON.stringify(subnet)} is no CIDR range`)
  } else checkIpAddress(place, subnet)
}

/** `unix:///absolute/path` or `unix://@abstract`. */
export function checkUnixAddress(place: Place, address: string): void {
  const path = address.slice(unixPrefix.length)
  if (path.startsWith('@')) return
  if (!path.startsWith('/') || path.endsWith('/'))
    place.error(`${JSON.stringify(address)} must name an absolute path of a file, or an abstract socket (unix://@name)`)
}
