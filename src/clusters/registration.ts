import type { Code, ObjectRef, Problem } from '../report/index.ts'
import { type KubeObject, objectKey, refOf } from '../resources/index.ts'
import { accessFromSecret, KubeconfigError } from './client/index.ts'
import type { Member } from './fleet.ts'

/** The kinds by which clusters are registered. */
export const registrationKinds = [
  'discovery.zephyr.solo.io/KubernetesCluster',
  'multicluster.solo.io/KubernetesCluster',
] as const

/** Finds a Secret of the cluster that the registration is on. */
export type FindSecret = (namespace: string, name: string) => KubeObject | undefined

export interface Registrations {
  readonly members: readonly Member[]
  readonly problems: readonly Problem[]
}

export const registrationRank = 0
export const remoteSecretRank = 30

/**
 * Clusters that KubernetesCluster objects register. Service Mesh Hub names the Secret (`spec.secretRef`) and perhaps
 * a context; Gloo Mesh means the Secret in the same namespace that `spec.secretName` names, or that is called as the
 * cluster (specs of both: the object's name is the cluster's name everywhere). A registration without a Secret is
 * valid with Gloo's relay; here it connects nothing, and is told.
 */
export function registeredClusters(
  cluster: string,
  objects: readonly KubeObject[],
  findSecret: FindSecret,
): Registrations {
  const members: Member[] = []
  const problems: Problem[] = []
  for (const object of objects) {
    const ref = refOf(cluster, object)
    const where = secretOf(object)
    const found = findSecret(where.namespace, where.name)
    const source = `KubernetesCluster ${objectKey(object)}`
    const problem = (code: Code, message: string): void =>
      void problems.push({ code, severity: 'error', object: ref, path: where.path, message })
    if (found === undefined) {
      problem('reference-not-found', `Secret ${where.namespace}/${where.name} with the kubeconfig not found`)
      continue
    }
    const text = kubeconfigIn(found, object.metadata.name)
    if (text === undefined) {
      problem('invalid-value', `Secret ${where.namespace}/${where.name} holds no kubeconfig`)
      continue
    }
    const member = memberFrom(object.metadata.name, source, registrationRank, text, where.context)
    if (member instanceof KubeconfigError) problem('invalid-value', member.message)
    else members.push({ ...member, registration: object })
  }
  return { members, problems }
}

/** Clusters joined by Istio's remote secrets: each key of the Secret is a cluster's id, its value a kubeconfig. */
export function joinedClusters(cluster: string, secrets: readonly KubeObject[]): Registrations {
  const members: Member[] = []
  const problems: Problem[] = []
  for (const secret of secrets) {
    const ref: ObjectRef = refOf(cluster, secret)
    for (const id of joinedBy(secret)) {
      const member = memberFrom(id, `remote secret ${objectKey(secret)}`, remoteSecretRank, valueOf(secret, id) ?? '')
      if (member instanceof KubeconfigError)
        problems.push({
          code: 'invalid-value',
          severity: 'error',
          object: ref,
          path: `data[${id}]`,
          message: member.message,
        })
      else members.push(member)
    }
  }
  return { members, problems }
}

/** Ids of the clusters that a remote secret joins. */
export function joinedBy(secret: KubeObject): string[] {
  return Object.keys(dataOf(secret)).sort()
}

/** True for Istio's remote secrets. */
export function isRemoteSecret(secret: KubeObject): boolean {
  return secret.metadata.labels?.['istio/multiCluster'] === 'true'
}

function secretOf(object: KubeObject): { namespace: string; name: string; path: string; context?: string } {
  const own = object.metadata.namespace ?? ''
  const spec = (object.spec ?? {}) as {
    secretRef?: { name?: string; namespace?: string }
    secretName?: string
    context?: string
  }
  if (object.apiVersion.startsWith('multicluster.'))
    return { namespace: own, name: spec.secretName || object.metadata.name, path: 'spec.secretName' }
  return {
    namespace: spec.secretRef?.namespace || own,
    name: spec.secretRef?.name || object.metadata.name,
    path: 'spec.secretRef',
    ...(spec.context && { context: spec.context }),
  }
}

function memberFrom(
  name: string,
  source: string,
  rank: number,
  text: string,
  context?: string,
): Member | KubeconfigError {
  try {
    const access = accessFromSecret(text, source, context)
    return { name, source, rank, access, fingerprint: `${context ?? ''}\n${text}` }
  } catch (error) {
    if (error instanceof KubeconfigError) return error
    throw error
  }
}

/** Service Mesh Hub keeps it under the cluster's name, Gloo Mesh under `kubeconfig`, some tools under `value`. */
function kubeconfigIn(secret: KubeObject, cluster: string): string | undefined {
  const keys = Object.keys(dataOf(secret))
  const only = keys.length === 1 ? keys[0] : undefined
  for (const key of ['kubeconfig', cluster, 'value', only]) {
    const text = key === undefined ? undefined : valueOf(secret, key)
    if (text) return text
  }
  return undefined
}

function dataOf(secret: KubeObject): Record<string, string> {
  return (secret as KubeObject & { data?: Record<string, string> }).data ?? {}
}

function valueOf(secret: KubeObject, key: string): string | undefined {
  const value = dataOf(secret)[key]
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8')
}
