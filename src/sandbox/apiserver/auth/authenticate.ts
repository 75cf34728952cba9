// Who sent a request: by bearer token or client certificate. Nobody else gets in.
import type { TLSSocket } from 'node:tls'
import type { User } from '../core.ts'
import { type JsonObject, listAt, objectAt, textAt } from '../json.ts'
import type { Store } from '../store.ts'
import { apiAudience, issuer, type TokenSigner, userOfClaims } from './tokens.ts'

export interface Authenticator {
  /** The user of a bearer token, or why there is none. `audiences` are those that the token must be for (any one). */
  token(token: string, audiences?: readonly string[]): User | undefined
  /** Those of the audiences that a valid token is for. */
  audiencesOf(token: string, audiences: readonly string[]): string[]
  /** The user of a connection's client certificate. */
  certificate(socket: TLSSocket): User | undefined
}

const authenticated = 'system:authenticated'

export function createAuthenticator(
  store: Store,
  signer: TokenSigner,
  fixed: ReadonlyMap<string, User>,
): Authenticator {
  return {
    token(token, audiences = [apiAudience]) {
      const known = fixed.get(token)
      if (known) return known
      const claims = signer.verify(token)
      if (!claims) return undefined
      const user = userOfClaims(claims)
      if (user) return { name: user.name, uid: '', groups: withAuthenticated(user.groups), extra: {} }
      if (claims['iss'] !== issuer) return undefined
      if (!listAt(claims, 'aud').some((a) => typeof a === 'string' && audiences.includes(a))) return undefined
      return serviceAccountUser(store, claims)
    },
    audiencesOf(token, audiences) {
      const own = listAt(signer.verify(token), 'aud')
      return own.length > 0 ? audiences.filter((a) => own.includes(a)) : [...audiences]
    },
    certificate(socket) {
      if (!socket.authorized) return undefined
      const subject = socket.getPeerCertificate()?.subject as
        | { CN?: string | string[]; O?: string | string[] }
        | undefined
      const name = Array.isArray(subject?.CN) ? subject.CN.at(-1) : subject?.CN
      if (!name) return undefined
      const groups = subject?.O === undefined ? [] : Array.isArray(subject.O) ? subject.O : [subject.O]
      return { name, uid: '', groups: withAuthenticated(groups), extra: {} }
    },
  }
}

const withAuthenticated = (groups: readonly string[]): string[] =>
  groups.includes(authenticated) ? [...groups] : [...groups, authenticated]

/** The account of a token, as long as it and what the token is bound to are still the same objects. */
function serviceAccountUser(store: Store, claims: JsonObject): User | undefined {
  const identity = objectAt(claims, 'kubernetes.io')
  const namespace = textAt(identity, 'namespace')
  const name = textAt(identity, 'serviceaccount', 'name')
  const account = store.get('/serviceaccounts', namespace, name)
  const uid = textAt(identity, 'serviceaccount', 'uid')
  if (!account || textAt(account.object, 'metadata', 'uid') !== uid) return undefined
  const extra: Record<string, string[]> = {
    'authentication.kubernetes.io/credential-id': [`JTI=${textAt(claims, 'jti')}`],
  }
  const pod = objectAt(identity, 'pod')
  if (pod) {
    const found = store.get('/pods', namespace, textAt(pod, 'name'))
    if (!found || textAt(found.object, 'metadata', 'uid') !== textAt(pod, 'uid')) return undefined
    extra['authentication.kubernetes.io/pod-name'] = [textAt(pod, 'name')]
    extra['authentication.kubernetes.io/pod-uid'] = [textAt(pod, 'uid')]
  }
  const node = objectAt(identity, 'node')
  if (node) {
    extra['authentication.kubernetes.io/node-name'] = [textAt(node, 'name')]
    extra['authentication.kubernetes.io/node-uid'] = [textAt(node, 'uid')]
  }
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, authenticated],
    extra,
  }
}
