// Bearer tokens: JWTs signed with the cluster's key, for service accounts (as TokenRequest issues them) and for users.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
  verify,
} from 'node:crypto'
import { isObject, type JsonObject, parseJson } from '../json.ts'

export const issuer = 'https://kubernetes.default.svc.cluster.local'
/** Audience of tokens for the API server itself. */
export const apiAudience = issuer
/** How many genuine tokens are remembered. */
const remembered = 1000
const userIssuer = 'fairlead:users'

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A fresh signing key, as PEM. */
export function createSigningKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

export interface ServiceAccountClaims {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly audiences: readonly string[]
  readonly lifetimeSeconds: number
  /** The object whose end ends the token. */
  readonly bound?: { readonly kind: 'Pod' | 'Secret' | 'Node'; readonly name: string; readonly uid: string }
  /** The node of a bound pod. */
  readonly node?: { readonly name: string; readonly uid: string }
}

export class TokenSigner {
  readonly #key: KeyObject
  readonly #publicKey: KeyObject
  readonly keyId: string
  /** Claims of tokens whose signature was found genuine: a client shows the same one with every request. */
  readonly #genuine = new Map<string, JsonObject>()

  constructor(pem: string) {
    this.#key = createPrivateKey(pem)
    this.#publicKey = createPublicKey(this.#key)
    const der = this.#publicKey.export({ type: 'spki', format: 'der' })
    this.keyId = createHash('sha256').update(der).digest('base64url')
  }

  /** A token of a service account. */
  issueServiceAccount(claims: ServiceAccountClaims, now = Date.now()): { token: string; expires: Date } {
    const issued = Math.floor(now / 1000)
    const expires = issued + claims.lifetimeSeconds
    const identity: JsonObject = {
      namespace: claims.namespace,
      ...(claims.node ? { node: { ...claims.node } } : {}),
      ...(claims.bound
        ? { [claims.bound.kind.toLowerCase()]: { name: claims.bound.name, uid: claims.bound.uid } }
        : {}),
      serviceaccount: { name: claims.name, uid: claims.uid },
    }
    const token = this.#sign({
      aud: [...claims.audiences],
      exp: expires,
      iat: issued,
      iss: issuer,
      jti: randomUUID(),
      'kubernetes.io': identity,
      nbf: issued,
      sub: `system:serviceaccount:${claims.namespace}:${claims.name}`,
    })
    return { token, expires: new Date(expires * 1000) }
  }

  /** A token of a user who is in no object of the cluster; it does not end. */
  issueUser(user: string, groups: readonly string[]): string {
    return this.#sign({ iss: userIssuer, sub: user, groups: [...groups], jti: randomUUID() })
  }

  #sign(payload: JsonObject): string {
    const text = `${encode({ alg: 'RS256', kid: this.keyId })}.${encode(payload)}`
    return `${text}.${sign('sha256', Buffer.from(text), this.#key).toString('base64url')}`
  }

  /** The claims of a token that this cluster signed and that has not ended; undefined for any other. */
  verify(token: string, now = Date.now()): JsonObject | undefined {
    const claims = this.#genuine.get(token) ?? this.#check(token)
    const expires = claims?.['exp']
    return typeof expires === 'number' && expires * 1000 < now ? undefined : claims
  }

  #check(token: string): JsonObject | undefined {
    const [head, body, signature] = token.split('.')
    if (!head || !body || !signature) return undefined
    const genuine = verify(
      'sha256',
      Buffer.from(`${head}.${body}`),
      this.#publicKey,
      Buffer.from(signature, 'base64url'),
    )
    if (!genuine) return undefined
    const claims = parseJson(Buffer.from(body, 'base64url').toString('utf8'))
    if (!isObject(claims)) return undefined
    if (this.#genuine.size >= remembered) this.#genuine.clear()
    this.#genuine.set(token, claims)
    return claims
  }

  /** The public key, as `/openid/v1/jwks` shows it. */
  jwks(): JsonObject {
    const jwk = this.#publicKey.export({ format: 'jwk' }) as unknown as JsonObject
    return { keys: [{ use: 'sig', alg: 'RS256', kid: this.keyId, ...jwk }] }
  }
}

/** The user that a user token names. */
export function userOfClaims(claims: JsonObject): { name: string; groups: string[] } | undefined {
  const { iss, sub, groups } = claims
  if (iss !== userIssuer || typeof sub !== 'string') return undefined
  return { name: sub, groups: Array.isArray(groups) ? groups.filter((g) => typeof g === 'string') : [] }
}
