// Verdicts of the filter for JSON web tokens. Source: Envoy's jwt_authn filter (authenticator.cc, verifier.cc, extractor.cc).
import type {
  JwtAuthentication,
  JwtProvider,
  JwtRequirement,
} from '#gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js'
import type { Circumstances } from './call.ts'
import { matchesRoutePath } from './match/route.ts'
import { type Seen, split } from './request.ts'
import type { Verdict } from './verdict.ts'

type Claims = Readonly<Record<string, unknown>>
type Failure = 'missing' | 'issuer' | 'bad' | 'audience'

/** Of several failures these tell less than others. */
const weak: readonly (Failure | undefined)[] = [undefined, 'missing', 'issuer']

/** A token where a provider looks for it. */
interface Place {
  readonly token: string
  /** Header that it stands in, which goes once the token is verified, unless it is forwarded. */
  readonly header: string | undefined
}

const clockSkewSeconds = 60

/** The verdict on the tokens of a request; notes their claims and changes headers as providers say. */
export function checkTokens(
  name: string,
  config: JwtAuthentication,
  seen: Seen,
  circumstances: Circumstances,
): Verdict | undefined {
  const method = seen.headers.get(':method')
  const preflight =
    method === 'OPTIONS' && seen.headers.has('origin') && seen.headers.has('access-control-request-method')
  if (config.bypassCorsPreflight && preflight) return undefined
  const rule = config.rules.find((each) => each.match && matchesRoutePath(each.match, seen))
  const required = rule?.requirementType.case === 'requires' ? rule.requirementType.value : undefined
  if (!required) return undefined
  // What only the filter may say of a token, nobody else says.
  for (const { forwardPayloadHeader, claimToHeaders } of Object.values(config.providers))
    for (const header of [forwardPayloadHeader, ...claimToHeaders.map(({ headerName }) => headerName)])
      seen.headers.delete(header.toLowerCase())
  const failure = verify(required, undefined, { name, config, seen, circumstances })
  const allowed = failure === undefined
  const note = failure === undefined ? describeVerified(name, seen) : sayings[failure]
  const status = failure === undefined ? undefined : failure === 'audience' ? 403 : 401
  return { filter: name, action: 'TOKEN', allowed, policy: undefined, status, note }
}

const sayings: Readonly<Record<Failure, string>> = {
  missing: 'a token is required, and there is none',
  issuer: 'the token is of no accepted issuer',
  bad: 'the token is not valid: not signed by the keys of its issuer, or too old',
  audience: 'the token is for another audience',
}

function describeVerified(name: string, seen: Seen): string {
  const claim = (key: string): string | undefined => {
    const value = seen.metadata.find(name, ['payload', key])
    return typeof value === 'string' ? value : undefined
  }
  const issuer = claim('iss')
  return issuer === undefined ? 'no token, and none is required' : `token of ${issuer}/${claim('sub') ?? ''}`
}

interface Context {
  readonly name: string
  readonly config: JwtAuthentication
  readonly seen: Seen
  readonly circumstances: Circumstances
}

/** Why a requirement is not met; undefined if it is. `siblings`: providers of the same list, whose tokens must be valid too. */
function verify(
  requirement: JwtRequirement,
  siblings: readonly JwtRequirement[] | undefined,
  context: Context,
): Failure | undefined {
  const type = requirement.requiresType
  switch (type.case) {
    case 'providerName': {
      const provider = context.config.providers[type.value]
      return provider ? verifyProvider(provider, context) : 'bad'
    }
    case 'requiresAll': {
      for (const each of type.value.requirements) {
        const failure = verify(each, undefined, context)
        if (failure) return failure
      }
      return undefined
    }
    case 'requiresAny': {
      let last: Failure | undefined
      for (const each of type.value.requirements) {
        const failure = verify(each, type.value.requirements, context)
        if (failure === undefined) return undefined
        if (weak.includes(last) || !weak.includes(failure)) last = failure
      }
      return last
    }
    case 'allowMissing': {
      // Only where no provider beside it finds a token: one that is there must be valid.
      const others = (siblings ?? []).flatMap((each) =>
        each.requiresType.case === 'providerName' ? [context.config.providers[each.requiresType.value]] : [],
      )
      const asked = siblings === undefined || others.length === 0 ? Object.values(context.config.providers) : others
      return verifyWhatIsThere(
        asked.flatMap((provider) => provider ?? []),
        context,
      )
    }
    case 'allowMissingOrFailed':
      return undefined
    default:
      return undefined
  }
}

/** Tokens that are there, each by the provider that has its issuer. */
function verifyWhatIsThere(providers: readonly JwtProvider[], context: Context): Failure | undefined {
  const places = new Map(
    providers.flatMap((provider) => placesOf(provider, context.seen)).map((place) => [place.token, place]),
  )
  for (const place of places.values()) {
    const issuer = claimsOf(place.token)?.['iss']
    const own = providers.find((provider) => provider.issuer === issuer)
    const failure = own ? verifyToken(own, place, context) : 'issuer'
    if (failure) return failure
  }
  return undefined
}

function verifyProvider(provider: JwtProvider, context: Context): Failure | undefined {
  const places = placesOf(provider, context.seen)
  if (places.length === 0) return 'missing'
  // All tokens that are found must be valid.
  for (const place of places) {
    const failure = verifyToken(provider, place, context)
    if (failure) return failure
  }
  return undefined
}

function verifyToken(provider: JwtProvider, place: Place, context: Context): Failure | undefined {
  const { seen, circumstances, name } = context
  const claims = claimsOf(place.token)
  if (!claims) return 'bad'
  if (provider.issuer !== '' && claims['iss'] !== provider.issuer) return 'issuer'
  const { now } = circumstances
  const skew = provider.clockSkewSeconds || clockSkewSeconds
  if (now !== undefined) {
    if (typeof claims['exp'] === 'number' && claims['exp'] + skew < now) return 'bad'
    if (typeof claims['nbf'] === 'number' && claims['nbf'] - skew > now) return 'bad'
  }
  if (!isFor(provider.audiences, claims['aud'])) return 'audience'
  const source = provider.jwksSourceSpecifier
  const keySet =
    source.case === 'localJwks' && source.value.specifier.case === 'inlineString' ? source.value.specifier.value : ''
  if (circumstances.verifyToken && !circumstances.verifyToken(place.token, keySet)) return 'bad'
  for (const { headerName, claimName } of provider.claimToHeaders) {
    const text = claimText(claims[claimName])
    if (text !== undefined) seen.headers.set(headerName.toLowerCase(), text)
  }
  if (provider.forwardPayloadHeader !== '')
    seen.headers.set(provider.forwardPayloadHeader.toLowerCase(), place.token.split('.')[1] ?? '')
  if (!provider.forward && place.header !== undefined) seen.headers.delete(place.header)
  if (provider.payloadInMetadata !== '')
    seen.metadata.note(name, provider.payloadInMetadata, withLists(provider, claims))
  return undefined
}

/** A claim as a header: lists and objects as JSON in base64. */
function claimText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'object' || value === null) return undefined
  return btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value))))
}

function isFor(audiences: readonly string[], claim: unknown): boolean {
  if (audiences.length === 0) return true
  const own = (Array.isArray(claim) ? claim : [claim]).map((each) => trimmed(String(each ?? '')))
  return audiences.some((audience) => own.includes(trimmed(audience)))
}

/** Audiences are compared without scheme and final slash. */
function trimmed(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '')
}

function withLists(provider: JwtProvider, claims: Claims): Claims {
  const split = new Set(provider.normalizePayloadInMetadata?.spaceDelimitedClaims ?? [])
  return Object.fromEntries(
    Object.entries(claims).map(([key, value]) => [
      key,
      split.has(key) && typeof value === 'string' && value.includes(' ')
        ? value.split(' ').filter((part) => part !== '')
        : value,
    ]),
  )
}

/** Where a provider finds tokens. Without places of its own: Authorization, and the parameter access_token. */
function placesOf(provider: JwtProvider, seen: Seen): Place[] {
  const { fromHeaders, fromParams, fromCookies } = provider
  const usual = fromHeaders.length + fromParams.length + fromCookies.length === 0
  const headers = usual ? [{ name: 'authorization', valuePrefix: 'Bearer ' }] : fromHeaders
  const params = usual ? ['access_token'] : fromParams
  const found: Place[] = []
  for (const { name, valuePrefix } of headers) {
    const header = name.toLowerCase()
    const value = seen.headers.get(header)
    if (value === undefined) continue
    const start = valuePrefix === '' ? 0 : value.indexOf(valuePrefix)
    if (start < 0) continue
    found.push({ token: tokenIn(value.slice(start + valuePrefix.length)), header })
  }
  const query = new URLSearchParams(split(seen.headers.get(':path') ?? '')[1].slice(1))
  for (const name of params) {
    const value = query.get(name)
    if (value !== null && value !== '') found.push({ token: value, header: undefined })
  }
  const cookies = new Map(
    (seen.headers.get('cookie') ?? '').split(';').map((part): [string, string] => {
      const [name = '', ...value] = part.trim().split('=')
      return [name, value.join('=')]
    }),
  )
  for (const name of fromCookies) {
    const value = cookies.get(name)
    if (value !== undefined) found.push({ token: value, header: undefined })
  }
  return found
}

/** The longest text at the start that could be a token: Envoy takes what stands before any other character. */
function tokenIn(text: string): string {
  return /^\s*([A-Za-z0-9_\-.=+/]*)/.exec(text)?.[1] ?? ''
}

function claimsOf(token: string): Claims | undefined {
  const parts = token.split('.')
  if (parts.length !== 3) return undefined
  try {
    const bytes = Uint8Array.from(atob((parts[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims) ? (claims as Claims) : undefined
  } catch {
    return undefined
  }
}
