// Header names and values that users set, and the rules Envoy has for them.
import type { Place } from '../check.ts'

const token = /^[!#$%&'*+\-.^_`|~A-Za-z0-9]+$/
const pseudoHeaders = [':method', ':scheme', ':authority', ':path', ':status']
const claimPattern = /^@request\.auth\.claims(?:\..+|\[.+\])$/i

/** Whether a header match is one on a claim of the verified token (`@request.auth.claims.x`, `…claims[x]`). */
export function isClaimMatch(name: string): boolean {
  return claimPattern.test(name)
}

/** A header by which requests are matched. */
export function checkMatchedHeader(place: Place, name: string): void {
  if (isClaimMatch(name) || pseudoHeaders.includes(name)) return
  if (!token.test(name)) place.error(`${JSON.stringify(name)} is no header name`)
}

export function checkCorsHeader(place: Place, name: string): void {
  if (name !== '*' && !token.test(name)) place.error(`${JSON.stringify(name)} is no header name`)
}

export function isAuthority(name: string): boolean {
  return [':authority', 'host'].includes(name.toLowerCase())
}

/** A header that is set in requests: no pseudo header but the authority. */
export function checkSetHeader(place: Place, name: string): void {
  if (name === '') place.error('a header name must not be empty')
  else if (name.startsWith(':') && !isAuthority(name)) place.error(`${JSON.stringify(name)} cannot be set`)
}

/** A header that is removed, or set in responses: neither Host nor a pseudo header. */
export function checkPlainHeader(place: Place, name: string): void {
  if (name === '') place.error('a header name must not be empty')
  else if (name.startsWith(':') || name.toLowerCase() === 'host')
    place.error(`${JSON.stringify(name)} cannot be changed here`)
}

// oxlint-disable-next-line no-control-regex
const controlCharacters = /[\u0000-\u0008\u000A-\u001F\u007F]/

/** A header value: text with Envoy's substitutions (`%START_TIME%`, `%REQ(X)%`); `%%` is a percent sign. */
export function checkHeaderValue(place: Place, value: string): void {
  if (controlCharacters.test(value)) place.error('a header value must not hold control characters')
  const fault = faultOfSubstitutions(value)
  if (fault !== undefined) place.error(`${JSON.stringify(value)}: ${fault}`)
}

type State = 'text' | 'name' | 'arguments' | 'string' | 'quoted' | 'after-string' | 'after-list' | 'end'

/** Walks the value as Envoy's header parser does. */
function faultOfSubstitutions(value: string): string | undefined {
  let state: State = 'text'
  for (let i = 0; i < value.length; i++) {
    const char = value[i] ?? ''
    const next = value[i + 1]
    if (state === 'text' && char === '%' && next === undefined) return 'a single % must be written as %%'
    if (state === 'string' && char === '\\' && next === undefined) return 'it ends in a backslash'
    if ((state === 'text' && char === '%' && next === '%') || (state === 'string' && char === '\\')) i++
    else {
      const then = step(state, char)
      if (then === undefined) return `unexpected ${JSON.stringify(char)} at position ${i + 1}`
      state = then
    }
  }
  return state === 'text' ? undefined : 'a substitution is not closed with %'
}

/** Where a character leads; undefined = it may not stand there. */
function step(state: State, char: string): State | undefined {
  const space = char === ' ' ? state : undefined
  switch (state) {
    case 'text':
      return char === '%' ? 'name' : state
    case 'name':
      return char === '%' ? 'text' : char === '(' ? 'arguments' : state
    case 'arguments':
      return char === '[' ? 'quoted' : (space ?? 'string')
    case 'quoted':
      return char === '"' ? 'string' : space
    case 'string':
      return char === ')' ? 'end' : char === '"' ? 'after-string' : state
    case 'after-string':
      return char === ',' ? 'quoted' : char === ']' ? 'after-list' : space
    case 'after-list':
      return char === ')' ? 'end' : space
    case 'end':
      return char === '%' ? 'text' : space
  }
}
