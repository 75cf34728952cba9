// Registers a cluster as `meshctl cluster register` of Service Mesh Hub and of Gloo Mesh do: an account on the cluster, and
// on the management cluster a Secret with a kubeconfig for that account and a KubernetesCluster object that names it.
import { readFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { compareText } from '../lib/index.ts'
import { allKinds, type KubeObject } from '../resources/index.ts'
import { sleep } from './backoff.ts'
import { type Access, ApiResources, KubeClient } from './client/index.ts'
import { fieldManager } from './crds.ts'

/** For whom a cluster is registered: each generation looks only for registrations of its own kind. */
export interface Registration {
  readonly group: 'discovery.zephyr.solo.io' | 'multicluster.solo.io'
  readonly namespace: string
}

/** The registrations of all generations, where these expect them. */
export const standardRegistrations: readonly Registration[] = [
  { group: 'discovery.zephyr.solo.io', namespace: 'service-mesh-hub' },
  { group: 'multicluster.solo.io', namespace: 'gloo-mesh' },
]

export interface RegisterOptions {
  readonly name: string
  /** How we reach the cluster now, as somebody who may create accounts there. */
  readonly access: Access
  readonly management: Access
  /** What is written on the management cluster. */
  readonly registrations: readonly Registration[]
  /** DNS suffix of the cluster; without: `cluster.local`. */
  readonly clusterDomain?: string
  /** How the control plane is to reach the cluster, if not as we do. */
  readonly server?: string
  readonly report: (step: string) => void
}

export const accountNamespace = 'fairlead-system'
export const accountName = 'fairlead'

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

const read = ['get', 'list', 'watch']
const write = [...read, 'create', 'update', 'patch', 'delete']

/** What the control plane does on a cluster. */
const rules: readonly Rule[] = [
  { apiGroups: [''], resources: ['namespaces', 'nodes', 'pods'], verbs: read },
  { apiGroups: [''], resources: ['namespaces'], verbs: ['create', 'patch'] },
  { apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: write },
  { apiGroups: ['apps'], resources: ['replicasets', 'statefulsets', 'daemonsets'], verbs: read },
  // Gateways that users install by an object of install.tetrate.io.
  { apiGroups: [''], resources: ['services', 'serviceaccounts'], verbs: write },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: write },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
  { apiGroups: ['gateway.networking.k8s.io'], resources: ['*'], verbs: read },
  // Every kind that is watched can be one whose status is written.
  { apiGroups: [...new Set(allKinds.map(({ group }) => group))].sort(compareText), resources: ['*'], verbs: write },
  {
    apiGroups: ['apiextensions.k8s.io'],
    resources: ['customresourcedefinitions'],
    verbs: [...read, 'create', 'patch'],
  },
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
]

/** Throws ApiError, UnreachableError, or an Error that says which step did not come about. */
export async function registerCluster(options: RegisterOptions): Promise<void> {
  const { name, access, registrations, report } = options
  const remote = new Applier(access)
  const management = new Applier(options.management)
  try {
    for (const { group } of registrations)
      if (!(await management.resources.find(group, 'KubernetesCluster')))
        throw new Error(
          `the management cluster does not know the kind KubernetesCluster (${group}): start fairlead serve, which installs it, first`,
        )
    report(`account ${accountNamespace}/${accountName} on ${access.server}`)
    for (const object of accountObjects()) await remote.apply(object)
    const token = await awaitToken(remote)
    const kubeconfig = kubeconfigFor(options, token)
    for (const registration of registrations) {
      report(`registration ${registration.namespace}/${name} on ${management.client.server}`)
      for (const object of registrationObjects(options, registration, kubeconfig)) await management.apply(object)
    }
  } finally {
    remote.client.close()
    management.client.close()
  }
}

/** Applies objects by their own type. */
class Applier {
  readonly client: KubeClient
  readonly resources: ApiResources

  constructor(access: Access) {
    this.client = new KubeClient(access)
    this.resources = new ApiResources(this.client)
  }

  async apply(object: KubeObject): Promise<void> {
    const group = object.apiVersion.includes('/') ? object.apiVersion.slice(0, object.apiVersion.indexOf('/')) : ''
    const type = await this.resources.find(group, object.kind)
    if (type === undefined) throw new Error(`${this.client.server} does not serve ${object.apiVersion} ${object.kind}`)
    await this.client.apply(type, object, { manager: `${fieldManager}-cli`, force: true })
  }
}

const tokenSecret = `${accountName}-token`
const tokenWaitMs = 15_000

function accountObjects(): KubeObject[] {
  const inNamespace = { name: accountName, namespace: accountNamespace }
  const rbac = 'rbac.authorization.k8s.io'
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: accountNamespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: inNamespace },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name: accountName }, rules } as KubeObject,
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: accountName },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: accountName },
      subjects: [{ kind: 'ServiceAccount', ...inNamespace }],
    } as KubeObject,
    // A token that does not expire: Kubernetes fills the Secret in.
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: tokenSecret,
        namespace: accountNamespace,
        annotations: { 'kubernetes.io/service-account.name': accountName },
      },
      type: 'kubernetes.io/service-account-token',
    } as KubeObject,
  ]
}

async function awaitToken({ client }: Applier): Promise<{ token: string; ca: string | undefined }> {
  const type = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true }
  for (const until = Date.now() + tokenWaitMs; Date.now() < until; ) {
    const { data = {} } = (await client.get(type, tokenSecret, accountNamespace)) as { data?: Record<string, string> }
    if (data['token']) return { token: Buffer.from(data['token'], 'base64').toString('utf8'), ca: data['ca.crt'] }
    await sleep(200)
  }
  throw new Error(`${client.server} made no token for ${accountNamespace}/${accountName} in ${tokenWaitMs / 1000} s`)
}

function kubeconfigFor(options: RegisterOptions, token: { token: string; ca: string | undefined }): string {
  const { name, access, server } = options
  const { cluster } = access
  const file = cluster['certificate-authority']
  const ca = cluster['certificate-authority-data'] ?? (file ? readFileSync(file).toString('base64') : token.ca)
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [
      {
        name,
        cluster: {
          server: server ?? access.server,
          ...(cluster['insecure-skip-tls-verify']
            ? { 'insecure-skip-tls-verify': true }
            : ca && { 'certificate-authority-data': ca }),
          ...(cluster['tls-server-name'] && { 'tls-server-name': cluster['tls-server-name'] }),
        },
      },
    ],
    users: [{ name, user: { token: token.token } }],
  })
}

function registrationObjects(
  { name, clusterDomain }: RegisterOptions,
  { group, namespace }: Registration,
  kubeconfig: string,
): KubeObject[] {
  const metadata = { name, namespace }
  const spec =
    group === 'multicluster.solo.io'
      ? { secretName: name, clusterDomain: clusterDomain ?? 'cluster.local' }
      : // The kubeconfig's current context is meant: all registrations of a cluster are then one and the same connection.
        { secretRef: metadata, writeNamespace: namespace }
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      type: 'solo.io/kubeconfig',
      data: { kubeconfig: Buffer.from(kubeconfig).toString('base64') },
    } as KubeObject,
    { apiVersion: `${group}/v1alpha1`, kind: 'KubernetesCluster', metadata, spec },
  ]
}
