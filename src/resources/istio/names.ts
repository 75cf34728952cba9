// Names as Istio's API knows them: DNS labels, host names with wildcards, addresses, ports, label sets.
import type { Place } from '../check.ts'

const label = '[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?'
const labelPattern = new RegExp(`^${label}$`)
const wildcardLabelPattern = new RegExp(`^(?:\\*|(?:\\*|\\*-)?${label})$`)
const labelKeyPattern = new RegExp(`^(${label}(?:\\.${label})*/)?((?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$`)
const labelValuePattern = /^(?:(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/

/** A DNS label (RFC 1123; capitals are allowed, as in Istio). */
export function isDnsLabel(text: string): boolean {
  return text.length <= 63 && labelPattern.test(text)
}

/** What is wrong with a fully qualified domain name; undefined if nothing. A trailing dot is allowed. */
export function faultOfDomain(domain: string): string | undefined {
  return faultOfLength(domain) ?? faultOfLabels(domain)
}

/** The same, but the first label may be `*` or start with `*`. */
export function faultOfWildcardDomain(domain: string): string | undefined {
  const tooLong = faultOfLength(domain)
  if (tooLong !== undefined) return tooLong
  const dot = domain.indexOf('.')
  const first = dot < 0 ? domain : domain.slice(0, dot)
  if (first.length > 63 || !wildcardLabelPattern.test(first))
    return `${JSON.stringify(domain)} is no host name: its label ${JSON.stringify(first)} is not allowed`
  return dot < 0 ? undefined : faultOfLabels(domain.slice(dot + 1))
}

function faultOfLength(domain: string): string | undefined {
  if (domain === '') return 'a host name must not be empty'
  return domain.length > 255 ? `host name of ${domain.length} characters is too long (255 at most)` : undefined
}

function faultOfLabels(domain: string): string | undefined {
  const parts = domain.split('.')
  if (/^[+-]?\d+$/.test(parts.at(-1) ?? '')) return `${JSON.stringify(domain)} is no host name: it ends in a number`
  if (parts.at(-1) === '') parts.pop()
  const bad = parts.find((part) => !isDnsLabel(part))
  return bad === undefined
    ? undefined
    : `${JSON.stringify(domain)} is no host name: its label ${JSON.stringify(bad)} is not allowed`
}

/** `*` anywhere but as the whole first label. */
export function hasPartialWildcard(host: string): boolean {
  return host.includes('*') && host.length !== 1 && !host.startsWith('*.')
}

export function isWildcard(host: string): boolean {
  return host.startsWith('*')
}

/** Whether some name is covered by both hosts, either of which may be a wildcard. */
export function hostsOverlap(a: string, b: string): boolean {
  if (isWildcard(a) && isWildcard(b))
    return a.length < b.length ? b.slice(1).endsWith(a.slice(1)) : a.slice(1).endsWith(b.slice(1))
  if (isWildcard(a)) return b.endsWith(a.slice(1))
  if (isWildcard(b)) return a.endsWith(b.slice(1))
  return a === b
}

/** Whether every name that `inner` covers is covered by `outer` too. */
export function hostWithin(inner: string, outer: string): boolean {
  if (isWildcard(inner))
    return isWildcard(outer) && inner.length >= outer.length && inner.slice(1).endsWith(outer.slice(1))
  return isWildcard(outer) ? inner.endsWith(outer.slice(1)) : inner === outer
}

export function checkDomain(place: Place, domain: string): void {
  const fault = faultOfDomain(domain)
  if (fault !== undefined) place.error(fault)
}

export function checkWildcardDomain(place: Place, domain: string): void {
  const fault = faultOfWildcardDomain(domain)
  if (fault !== undefined) place.error(fault)
}

/** The label that is used as a name of ports and subsets. */
export function checkDnsLabel(place: Place, text: string): void {
  if (!isDnsLabel(text))
    place.error(`${JSON.stringify(text)} must be letters, digits and hyphens, at most 63 (a DNS label)`)
}

export function checkPort(place: Place, port: number): void {
  if (port < 1 || port > 65535) place.error(`port ${port} must be between 1 and 65535`)
}

/** Names and values of labels, as Kubernetes allows them. */
export function checkLabels(place: Place, labels: Readonly<Record<string, string>> | undefined): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    const match = labelKeyPattern.exec(key)
    const prefix = match?.[1] ?? ''
    if (match === null || prefix.length > 254 || (match[2] ?? '').length > 63)
      place.field(key).error(`${JSON.stringify(key)} is no name of a label`)
    if (!labelValuePattern.test(value)) place.field(key).error(`${JSON.stringify(value)} is no value of a label`)
  }
}
