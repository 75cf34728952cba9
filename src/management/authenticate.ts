// Who asks over HTTP: by name and password, by token, or by a token of an OIDC provider.
import { createPublicKey, type JsonWebKey, scryptSync, timingSafeEqual, verify } from 'node:crypto'
import { ManagementError } from './findings.ts'
import type { Principal } from './permissions.ts'

/** One who may log in. */
export interface UserAccount {
  /** Name of the User object. */
  readonly name: string
  /** `scrypt:SALT:HASH`, both in base64; made by `fairlead tsb-api hash-password`. */
  readonly passwordHash?: string
  /** The same of a token. */
  readonly tokenHash?: string
  /** May do everything. */
  readonly admin?: boolean
}

/** A provider whose tokens are taken. */
export interface OidcProvider {
  readonly issuer: string
  readonly audience: string
  /** The provider's keys; or where they are. */
  readonly jwks?: { readonly keys: readonly JsonWebKey[] }
  readonly jwksUri?: string
  /** Claim with the name of the user; without: `sub`. */
  readonly usernameClaim?: string
  /** Claim with the groups, which `oidcGroups` of teams name; without: `groups`. */
  readonly groupsClaim?: string
}

export interface Accounts {
  readonly organization: string
  readonly users?: readonly UserAccount[]
  readonly oidc?: OidcProvider
}

export interface Credentials {
  /** Header `authorization`. */
  readonly authorization?: string | undefined
  /** Header `x-tetrate-token`. */
  readonly token?: string | undefined
}

type Keys = readonly JsonWebKey[]

export interface AuthenticatorOptions {
  readonly accounts: Accounts
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Gets a provider's keys. */
  readonly fetchKeys: (uri: string) => Promise<Keys>
}

const keysForMs = 5 * 60_000
const leewaySeconds = 60

export class Authenticator {
  readonly #accounts: Accounts
  readonly #now: () => number
  readonly #fetchKeys: (uri: string) => Promise<Keys>
  #keys: { readonly keys: Promise<Keys>; readonly at: number } | undefined

  constructor({ accounts, now, fetchKeys }: AuthenticatorOptions) {
    this.#accounts = accounts
    this.#now = now
    this.#fetchKeys = fetchKeys
  }

  /** Who the credentials are of. Throws a ManagementError of code Unauthenticated. */
  async authenticate({ authorization = '', token }: Credentials): Promise<Principal> {
    const [scheme = '', value = ''] = authorization.split(/\s+/, 2)
    if (scheme.toLowerCase() === 'basic') return this.#byPassword(value)
    const given = token ?? (scheme.toLowerCase() === 'bearer' ? value : '')
    if (given === '') throw denied('credentials are missing; run tctl login')
    const account = (this.#accounts.users ?? []).find(
      ({ tokenHash }) => tokenHash !== undefined && matches(given, tokenHash),
    )
    return account === undefined ? this.#byOidc(given) : this.#principal(account)
  }

  #byPassword(basic: string): Principal {
    const text = Buffer.from(basic, 'base64').toString('utf8')
    const colon = text.indexOf(':')
    const [name, password] = [text.slice(0, colon), text.slice(colon + 1)]
    const account = (this.#accounts.users ?? []).find((each) => each.name === name)
    // The same work for a name that is not there: how long it takes must not tell which names are.
    const isRight = matches(password, account?.passwordHash ?? nobody)
    if (account?.passwordHash === undefined || !isRight) throw denied('name or password is wrong')
    return this.#principal(account)
  }

  #principal({ name, admin = false }: UserAccount): Principal {
    return { name, isPlatform: admin, subjects: [`organizations/${this.#accounts.organization}/users/${name}`] }
  }

  async #byOidc(token: string): Promise<Principal> {
    const { oidc, organization } = this.#accounts
    if (oidc === undefined) throw denied('the token is not known')
    const claims = verifiedClaims(token, await this.#keysOf(oidc))
    const seconds = this.#now() / 1000
    const audiences = ([] as unknown[]).concat(claims['aud'] ?? [])
    if (claims['iss'] !== oidc.issuer) throw denied('the token is of another issuer')
    if (!audiences.includes(oidc.audience)) throw denied('the token is for another audience')
    if (typeof claims['exp'] !== 'number' || claims['exp'] + leewaySeconds < seconds)
      throw denied('the token has expired')
    if (typeof claims['nbf'] === 'number' && claims['nbf'] - leewaySeconds > seconds)
      throw denied('the token is not valid yet')
    const name = claims[oidc.usernameClaim ?? 'sub']
    if (typeof name !== 'string' || name === '') throw denied('the token names no user')
    const groups = ([] as unknown[]).concat(claims[oidc.groupsClaim ?? 'groups'] ?? [])
    return {
      name,
      isPlatform: false,
      subjects: [`organizations/${organization}/users/${name}`],
      groups: groups.filter((group) => typeof group === 'string'),
    }
  }

  #keysOf({ jwks, jwksUri }: OidcProvider): Promise<Keys> {
    if (jwks !== undefined) return Promise.resolve(jwks.keys)
    if (jwksUri === undefined) throw denied('the provider has no keys')
    if (this.#keys === undefined || this.#now() - this.#keys.at > keysForMs) {
      const keys = this.#fetchKeys(jwksUri)
      this.#keys = { keys, at: this.#now() }
      keys.catch(() => (this.#keys = undefined)) // Whoever asks next tries again; who waits is told.
    }
    return this.#keys.keys
  }
}

function denied(message: string): ManagementError {
  return new ManagementError('Unauthenticated', message)
}

/** How signatures are made, by `alg`; those that prove nothing to a stranger (HS256, none) are not here. */
const algorithms: Readonly<Record<string, { readonly hash: string | null; readonly kty: string }>> = {
  RS256: { hash: 'sha256', kty: 'RSA' },
  RS384: { hash: 'sha384', kty: 'RSA' },
  RS512: { hash: 'sha512', kty: 'RSA' },
  ES256: { hash: 'sha256', kty: 'EC' },
  ES384: { hash: 'sha384', kty: 'EC' },
  EdDSA: { hash: null, kty: 'OKP' },
}

/** Claims of a token that one of the keys has signed. Throws a ManagementError; times and audiences are the caller's. */
export function verifiedClaims(token: string, keys: Keys): Record<string, unknown> {
  const [head = '', body = '', signature = '', ...more] = token.split('.')
  const header = jsonOf(head)
  const claims = jsonOf(body)
  const algorithm = algorithms[String(header?.['alg'])]
  if (more.length > 0 || claims === undefined || algorithm === undefined) throw denied('the token is not known')
  const signed = Buffer.from(`${head}.${body}`)
  const isGood = keys
    .filter(
      ({ kty, kid }) =>
        kty === algorithm.kty && (header?.['kid'] === undefined || kid === undefined || kid === header['kid']),
    )
    .some((key) => {
      const publicKey = createPublicKey({ key, format: 'jwk' })
      // ECDSA signatures of tokens are two numbers side by side, not DER.
      return verify(
        algorithm.hash,
        signed,
        { key: publicKey, dsaEncoding: 'ieee-p1363' },
        Buffer.from(signature, 'base64url'),
      )
    })
  if (!isGood) throw denied('the signature of the token is wrong')
  return claims
}

function jsonOf(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

const hashBytes = 32

/** `scrypt:SALT:HASH` of a password or token. */
export function hashOf(secret: string, salt: Buffer): string {
  return `scrypt:${salt.toString('base64')}:${scryptSync(secret, salt, hashBytes).toString('base64')}`
}

const nobody = hashOf('', Buffer.alloc(16))

function matches(secret: string, hash: string): boolean {
  const [scheme, salt = '', wanted = ''] = hash.split(':')
  if (scheme !== 'scrypt') return false
  const expected = Buffer.from(wanted, 'base64')
  const given = scryptSync(secret, Buffer.from(salt, 'base64'), hashBytes)
  return expected.length === given.length && timingSafeEqual(expected, given)
}
