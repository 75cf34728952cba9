import { slim, type WatchedKind } from '../clusters/index.ts'
import { allKinds, type KubeObject } from '../resources/index.ts'

/** Kinds of Kubernetes that tell what runs where, and what clusters are registered. */
const kubernetesKinds: readonly WatchedKind[] = [
  { group: '', kind: 'Namespace' },
  { group: '', kind: 'Node', keep: slimNode },
  { group: '', kind: 'Service' },
  { group: '', kind: 'Pod', keep: slimPod },
  { group: '', kind: 'ConfigMap', keep: slimConfigMap },
  { group: '', kind: 'ServiceAccount', keep: slimServiceAccount },
  // Tokens and Helm's releases are many, large, and nobody's business here.
  { group: '', kind: 'Secret', fieldSelector: 'type!=kubernetes.io/service-account-token,type!=helm.sh/release.v1' },
  { group: 'discovery.k8s.io', kind: 'EndpointSlice', versions: ['v1'] },
  { group: 'apps', kind: 'Deployment', versions: ['v1'] },
  { group: 'apps', kind: 'ReplicaSet', versions: ['v1'] },
  { group: 'apps', kind: 'StatefulSet', versions: ['v1'] },
  { group: 'apps', kind: 'DaemonSet', versions: ['v1'] },
]

/** Kinds whose definitions are other projects'. */
const foreignKinds: readonly WatchedKind[] = [
  'GatewayClass',
  'Gateway',
  'HTTPRoute',
  'GRPCRoute',
  'TLSRoute',
  'TCPRoute',
  'ReferenceGrant',
].map((kind) => ({
  group: 'gateway.networking.k8s.io',
  kind,
}))

/** Everything that is kept in sight on every cluster. */
export const watchedKinds: readonly WatchedKind[] = [
  ...kubernetesKinds,
  ...foreignKinds,
  ...allKinds.map(({ group, kind, versions }) => ({ group, kind, versions: versions.map(({ name }) => name) })),
]

type Fields = Readonly<Record<string, unknown>>

/** Of a pod, what tells who it is and where: a fifth of it. */
function slimPod(pod: KubeObject): KubeObject {
  const { nodeName, serviceAccountName, hostname, subdomain, hostNetwork, containers } = fieldsOf(pod.spec)
  const { phase, podIP, podIPs, hostIP, conditions } = fieldsOf(pod.status)
  const small = (container: Fields): Fields => pick(container, ['name', 'image', 'ports'])
  return {
    ...slim(pod),
    spec: defined({
      nodeName,
      serviceAccountName,
      hostname,
      subdomain,
      hostNetwork,
      containers: Array.isArray(containers) ? (containers as Fields[]).map(small) : undefined,
    }),
    status: defined({ phase, podIP, podIPs, hostIP, conditions: readyOnly(conditions) }),
  }
}

function readyOnly(conditions: unknown): readonly Fields[] | undefined {
  if (!Array.isArray(conditions)) return undefined
  return (conditions as Fields[]).filter(({ type }) => type === 'Ready').map((one) => pick(one, ['type', 'status']))
}

/** Of a node, where it is; its status changes every few seconds. */
function slimNode(node: KubeObject): KubeObject {
  return { ...slim(node), spec: {}, status: pick(fieldsOf(node.status), ['addresses']) }
}

/** Of accounts, that they are there: the gateways that we make have one. */
function slimServiceAccount(account: KubeObject): KubeObject {
  const { apiVersion, kind, metadata } = slim(account)
  return { apiVersion, kind, metadata }
}

/** ConfigMaps of others can be large. Ours and Istio's are read. */
function slimConfigMap(map: KubeObject): KubeObject {
  const { name } = map.metadata
  if (name === 'istio' || name.startsWith('istio-') || name.startsWith('fairlead-')) return slim(map)
  const { apiVersion, kind, metadata } = slim(map)
  return { apiVersion, kind, metadata }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

function pick(fields: Fields, names: readonly string[]): Fields {
  return defined(Object.fromEntries(names.map((name) => [name, fields[name]])))
}

function defined(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
