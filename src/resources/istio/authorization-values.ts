// Values that both the sources and operations of a rule and its conditions hold.
import type { Place } from '../check.ts'
import { isCidr, isIpAddress } from './address.ts'

export function checkIpBlock(place: Place, value: string): void {
  if (value.includes('/') ? !isCidr(value) : !isIpAddress(value))
    place.error(`${JSON.stringify(value)} is neither an IP address nor a CIDR range`)
}

/** `account` (of the policy's own namespace) or `namespace/account`. */
export function checkServiceAccount(place: Place, value: string): void {
  const parts = value.split('/')
  if (value.includes('*')) place.error('wildcards are not supported here')
  else if (parts.length > 2 || parts.includes(''))
    place.error(`${JSON.stringify(value)} must be serviceAccount or namespace/serviceAccount`)
}

/** One `*` at most, at the start or the end. */
export function checkOneWildcard(place: Place, value: string): void {
  const stars = value.split('*').length - 1
  if (stars > 1) place.error(`${JSON.stringify(value)}: one * at most`)
  else if (stars === 1 && !value.startsWith('*') && !value.endsWith('*'))
    place.error(`${JSON.stringify(value)}: a * stands at the start or the end`)
}

export function checkPortText(place: Place, value: string): void {
  if (!/^\d+$/.test(value) || Number(value) > 65535) place.error(`${JSON.stringify(value)} is no port`)
}
