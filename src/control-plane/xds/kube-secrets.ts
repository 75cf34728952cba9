// Identity's Secrets and token reviews, in Kubernetes.
import { hash } from 'node:crypto'
import { isConflict, isNotFound, type KubeClient, type ResourceType, UnreachableError } from '../../clusters/index.ts'
import {
  type PublicMarks,
  rotateAnnotation,
  type SecretContent,
  type SecretName,
  type SecretStore,
  type TokenIdentity,
  type TokenVerifier,
} from '../../identity/index.ts'
import type { KubeObject } from '../../resources/index.ts'

/** The client of a cluster, by its name or an alias; "" is the management cluster. Undefined: there is no such cluster. */
export type ClientOf = (cluster: string) => KubeClient | undefined

const secretType: ResourceType = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true }
const namespaceType: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
}

export const serviceAccountType: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
}

interface SecretObject extends KubeObject {
  data?: Record<string, string>
  type?: string
}

/** What a new Secret is beside its content, where a dialect says so. */
export interface SecretForm {
  readonly type?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

/**
 * Secrets of clusters. `known` is what was last seen of one, which is read while the cluster's API is away: losing sight
 * of a cluster is not losing its identity.
 */
export function kubeSecretStore(
  clientOf: ClientOf,
  known: (cluster: string, key: string) => KubeObject | undefined,
  formOf: (name: SecretName) => SecretForm | undefined = () => undefined,
): SecretStore {
  const client = (cluster: string): KubeClient => {
    const found = clientOf(cluster)
    if (!found) throw new Error(`cluster ${cluster} is not connected`)
    return found
  }
  const find = async (cluster: string, namespace: string, name: string): Promise<SecretObject | undefined> => {
    try {
      return await client(cluster).get(secretType, name, namespace)
    } catch (error) {
      if (isNotFound(error)) return undefined
      const last = error instanceof UnreachableError ? known(cluster, `${namespace}/${name}`) : undefined
      if (last) return last
      throw error
    }
  }
  return {
    async read({ cluster, namespace, name }) {
      const found = await find(cluster, namespace, name)
      if (!found) return undefined
      const { resourceVersion = '', annotations } = found.metadata
      return { content: decoded(found.data ?? {}), version: resourceVersion, rotation: annotations?.[rotateAnnotation] }
    },
    async write({ cluster, namespace, name }, content, version, marks) {
      const data = Object.fromEntries(
        Object.entries(content).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
      )
      try {
        if (version === undefined) {
          await makeNamespace(client(cluster), namespace)
          const form = formOf({ cluster, namespace, name })
          await client(cluster).create(secretType, newSecret(namespace, name, data, marks, form))
          return true
        }
        const before = await find(cluster, namespace, name)
        if (before?.metadata.resourceVersion !== version) return false
        const { namespace: at, name: called, labels, resourceVersion } = before.metadata
        const annotations = { ...before.metadata.annotations, ...marks }
        const metadata = { namespace: at, name: called, labels, annotations, resourceVersion }
        await client(cluster).update(secretType, { ...before, metadata, data } as SecretObject)
        return true
      } catch (error) {
        if (isConflict(error)) return false
        throw error
      }
    },
    async wish({ cluster, namespace, name }, rotation) {
      const patch = { metadata: { annotations: { [rotateAnnotation]: rotation } } }
      await client(cluster).mergePatch(secretType, { name, namespace }, patch)
    },
  }
}

async function makeNamespace(client: KubeClient, name: string): Promise<void> {
  try {
    await client.get(namespaceType, name)
  } catch (error) {
    if (!isNotFound(error)) throw error
    try {
      await client.create(namespaceType, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    } catch (second) {
      if (!isConflict(second)) throw second
    }
  }
}

function newSecret(
  namespace: string,
  name: string,
  data: Record<string, string>,
  marks: PublicMarks = {},
  { type = 'Opaque', ...form }: SecretForm = {},
): SecretObject {
  const labels = { ...form.labels, 'app.kubernetes.io/managed-by': 'fairlead' }
  const annotations = { ...form.annotations, ...marks }
  return { apiVersion: 'v1', kind: 'Secret', type, metadata: { namespace, name, labels, annotations }, data }
}

function decoded(data: Readonly<Record<string, string>>): SecretContent {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  )
}

/** Answers are kept this long: a fleet that reconnects must not ask about each token again and again. */
const reviewTtlMs = 10_000

/**
 * Asks API servers about tokens (TokenReview). A token is good if it is for one of our audiences, or, on servers that know
 * no audiences, for the API server itself.
 */
export function tokenReviewer(clientOf: ClientOf, now: () => number): TokenVerifier {
  const kept = new Map<string, { at: number; answer: Promise<TokenIdentity | undefined> }>()
  return (cluster, token) => {
    for (const [key, { at }] of kept) {
      if (now() - at < reviewTtlMs) break
      kept.delete(key)
    }
    // The token itself is kept nowhere.
    const key = `${cluster} ${hash('sha256', token)}`
    const known = kept.get(key)
    if (known) return known.answer
    const answer = review(clientOf(cluster), token)
    kept.set(key, { at: now(), answer })
    answer.catch(() => kept.delete(key))
    return answer
  }
}

interface TokenReview {
  readonly status?: {
    readonly authenticated?: boolean
    readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> }
  }
}

const audiences = ['istio-ca']

async function review(client: KubeClient | undefined, token: string): Promise<TokenIdentity | undefined> {
  if (!client) throw new Error('the cluster is not connected')
  for (const spec of [{ token, audiences }, { token }]) {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec }
    const { status } = await client.request<TokenReview>('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
      body,
    })
    const match = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(status?.user?.username ?? '')
    if (status?.authenticated !== true || !match?.[1] || !match[2]) continue
    const pod = status.user?.extra?.['authentication.kubernetes.io/pod-name']?.[0]
    return { namespace: match[1], serviceAccount: match[2], ...(pod !== undefined && { pod }) }
  }
  return undefined
}
