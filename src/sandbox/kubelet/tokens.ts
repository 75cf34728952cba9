import { type KubeApi, resources } from '../controllers/client/index.ts'
import type { Pod } from './types.ts'

export interface Token {
  readonly token: string
  /** Milliseconds since the epoch at which to ask for a new one: after four fifths of its life. */
  readonly renewAtMs: number
}

/** A token of the pod's service account, bound to the pod. `audience` undefined: the API server itself. */
export async function requestToken(
  api: KubeApi,
  pod: Pod,
  audience: string | undefined,
  expirationSeconds = 3607,
): Promise<Token> {
  const { name, namespace = 'default', uid } = pod.metadata
  const account = pod.spec?.serviceAccountName ?? 'default'
  const nowMs = Date.now()
  const answer = await api.createSub<{ status: { token: string; expirationTimestamp: string } }>(
    resources.serviceAccounts,
    namespace,
    account,
    'token',
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { name: account, namespace },
      spec: {
        audiences: audience === undefined ? [] : [audience],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    },
  )
  const expiresAtMs = Date.parse(answer.status.expirationTimestamp)
  return { token: answer.status.token, renewAtMs: nowMs + (expiresAtMs - nowMs) * 0.8 }
}
