// Vault as a VirtualMesh says it → as identity knows it; and where the tokens for it are.
import { readFile } from 'node:fs/promises'
import type { AccountToken, SecretStore, VaultCredentials, VaultLogin, VaultSettings } from '../../identity/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { type ClientOf, serviceAccountType } from './kube-secrets.ts'

type Said = Readonly<Record<string, unknown>>

/** Settings of a VirtualMesh's Vault, as written. What is missing is empty, and told by who uses it. */
export function vaultSettings(said: Said): VaultSettings {
  return {
    server: text(said, 'server'),
    caBundle: bundle(text(said, 'caBundle')),
    namespace: text(said, 'namespace'),
    caPath: text(said, 'caPath'),
    csrPath: text(said, 'csrPath'),
    login: loginOf(said),
  }
}

function loginOf(said: Said): VaultLogin | undefined {
  const secret = part(said, 'tokenSecretRef')
  if (secret) return { kind: 'token', secret: placeOf(secret) }
  const kubernetes = part(said, 'kubernetesAuth')
  if (!kubernetes) return undefined
  const account = part(kubernetes, 'serviceAccountRef')
  const token: AccountToken = account
    ? { kind: 'account', account: placeOf(account), key: text(kubernetes, 'secretTokenKey') || 'token' }
    : { kind: 'mounted', path: text(kubernetes, 'mountedSaPath') || ownToken }
  return { kind: 'kubernetes', mountPath: text(kubernetes, 'mountPath'), role: text(kubernetes, 'role'), token }
}

const ownToken = '/var/run/secrets/kubernetes.io/serviceaccount/token'

const placeOf = (said: Said) => ({ namespace: text(said, 'namespace'), name: text(said, 'name') })

function text(said: Said, key: string): string {
  const value = said[key]
  return typeof value === 'string' ? value : ''
}

function part(said: Said, key: string): Said | undefined {
  const value = said[key]
  return typeof value === 'object' && value !== null ? (value as Said) : undefined // Checked to be an object.
}

/** Bytes of the API are base64; PEM that somebody wrote as it is is taken too. */
function bundle(value: string): string {
  return value === '' || value.includes('-----BEGIN') ? value : Buffer.from(value, 'base64').toString('utf8')
}

interface TokenRequest {
  readonly status?: { readonly token?: string }
}

/** Tokens for Vaults, from clusters and from what is mounted for the control plane. */
export function vaultCredentials(clientOf: ClientOf, store: SecretStore): VaultCredentials {
  return {
    secret: async (cluster, place) => (await store.read({ cluster, ...place }))?.content,
    async accountToken(cluster, account, key) {
      const client = clientOf(cluster)
      if (!client) throw new Error(`cluster ${cluster} is not connected`)
      const { namespace, name } = account
      const found: KubeObject & { secrets?: readonly { name?: string }[] } = await client.get(
        serviceAccountType,
        name,
        namespace,
      )
      // Before Kubernetes 1.24 each account had a Secret; later ones give tokens for a while to who may ask.
      for (const secret of found.secrets ?? []) {
        const content = (await store.read({ cluster, namespace, name: secret.name ?? '' }))?.content
        const token = content?.[key]
        if (token) return token
      }
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(name)}/token`
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } }
      const { status } = await client.request<TokenRequest>('POST', path, { body })
      if (!status?.token) throw new Error(`cluster ${cluster} gave no token for account ${namespace}/${name}`)
      return status.token
    },
    mountedToken: (path) => readFile(path, 'utf8'),
  }
}
