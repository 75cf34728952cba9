// The files that a machine outside all clusters needs to join a mesh, with the names and forms that
// `istioctl x workload entry configure` gives them, so that either agent can start from them. Pure.
import { parse, stringify } from 'yaml'
import type { WorkloadGroup } from '../resources/istio/index.ts'
import { envFile } from './env-file.ts'

/** Names of the files, in the folder that is copied to the machine. */
export const machineFileNames = {
  environment: 'cluster.env',
  mesh: 'mesh.yaml',
  hosts: 'hosts',
  roots: 'root-cert.pem',
  token: 'istio-token',
  chain: 'cert-chain.pem',
  key: 'key.pem',
} as const

/** Proof of the machine's identity: a service account token, or a certificate that was made for it. */
export type MachineProof = { readonly token: string } | { readonly chain: string; readonly key: string }

export interface MachineInput {
  /** From the cluster or from a file. What its template says is what the machine's entry starts from. */
  readonly group: WorkloadGroup
  /** Key `mesh` of the cluster's ConfigMap `istio`. */
  readonly meshConfig: string
  /** Name under which the control plane knows the cluster. */
  readonly cluster: string
  /** Namespace of the control plane. */
  readonly systemNamespace: string
  /** Network of the machine, if the group names none. */
  readonly network: string
  /** Address under which the mesh is to know the machine; the machine finds it out itself if not given. */
  readonly address?: string | undefined
  /** Address that the control plane's name is to have on the machine; undefined leaves that to the machine's DNS. */
  readonly controlPlaneIp?: string | undefined
  /** Port of the control plane, where it is not the one of the mesh configuration (15012). */
  readonly controlPlanePort?: number | undefined
  /** Makes a WorkloadEntry whenever the machine connects. Needs the group to be in the cluster. */
  readonly autoRegister: boolean
  /** Resolves names of the mesh on the machine. */
  readonly captureDns: boolean
  /** PEM. */
  readonly roots: string
  readonly proof: MachineProof
}

interface ProxyConfigText {
  discoveryAddress?: string
  meshId?: string
  statusPort?: number
  proxyMetadata?: Record<string, string>
  [field: string]: unknown
}

const defaultPort = 15_012

/** All files by name. Throws if the mesh configuration, or an annotation of the group, is not YAML. */
export function machineFiles(input: MachineInput): Record<string, string> {
  const { group, proof, roots, controlPlaneIp, systemNamespace } = input
  const mesh = parseMap(input.meshConfig)
  const config = proxyConfig(input, mesh)
  const names = machineFileNames
  const secrets =
    'token' in proof ? { [names.token]: proof.token } : { [names.chain]: proof.chain, [names.key]: proof.key }
  return {
    [names.environment]: envFile({ ...config.proxyMetadata, ...environment(group, config, input) }),
    [names.mesh]: stringify({ defaultConfig: config }),
    [names.hosts]: controlPlaneIp === undefined ? '' : `${controlPlaneIp} istiod.${systemNamespace}.svc\n`,
    [names.roots]: roots,
    ...secrets,
  }
}

/** The settings of a proxy: the mesh's, under those of the group's annotation, under what is known of the machine. */
function proxyConfig(input: MachineInput, mesh: Record<string, unknown>): ProxyConfigText {
  const { group, systemNamespace, controlPlanePort } = input
  let config: ProxyConfigText = { ...(mesh['defaultConfig'] as ProxyConfigText | undefined) }
  for (const annotations of [group.metadata.annotations, group.spec?.metadata?.annotations]) {
    const own = parseMap(annotations?.['proxy.istio.io/config'] ?? '') as ProxyConfigText
    config = { ...config, ...own, proxyMetadata: { ...config.proxyMetadata, ...own.proxyMetadata } }
  }
  const said = config.discoveryAddress ?? ''
  const port = controlPlanePort ?? Number(/:(\d+)$/.exec(said)?.[1] ?? defaultPort)
  const host = said === '' ? `istiod.${systemNamespace}.svc` : said.replace(/:\d+$/, '')
  const { probe } = group.spec ?? {}
  return {
    ...config,
    discoveryAddress: `${host}:${port}`,
    proxyMetadata: { ...config.proxyMetadata, ...metadata(input, config, mesh) },
    ...(probe && { readinessProbe: probe }),
  }
}

/** Labels of the machine: those of the group's template win over those of its metadata. */
function labelsOf({ spec, metadata: { name } }: WorkloadGroup): Record<string, string> {
  const labels = { ...spec?.metadata?.labels, ...spec?.template.labels }
  return {
    ...labels,
    'service.istio.io/canonical-name':
      labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? name,
    'service.istio.io/canonical-revision':
      labels['service.istio.io/canonical-revision'] ??
      labels['app.kubernetes.io/version'] ??
      labels['version'] ??
      'latest',
  }
}

function metadata(
  { group, cluster, network, autoRegister, captureDns }: MachineInput,
  config: ProxyConfigText,
  mesh: Record<string, unknown>,
): Record<string, string> {
  const { template } = group.spec ?? {}
  const labels = labelsOf(group)
  const ports = Object.entries(template?.ports ?? {}).map(([name, containerPort]) => ({ name, containerPort }))
  return {
    CANONICAL_SERVICE: labels['service.istio.io/canonical-name'] ?? '',
    CANONICAL_REVISION: labels['service.istio.io/canonical-revision'] ?? '',
    POD_NAMESPACE: group.metadata.namespace ?? 'default',
    SERVICE_ACCOUNT: template?.serviceAccount ?? '',
    TRUST_DOMAIN: typeof mesh['trustDomain'] === 'string' ? mesh['trustDomain'] : '',
    ISTIO_META_CLUSTER_ID: cluster,
    ISTIO_META_MESH_ID: config.meshId ?? '',
    ISTIO_META_NETWORK: template?.network || network,
    ISTIO_META_WORKLOAD_NAME: group.metadata.name,
    ISTIO_METAJSON_LABELS: JSON.stringify(labels),
    ...(ports.length > 0 && { ISTIO_META_POD_PORTS: JSON.stringify(ports) }),
    ...(captureDns && { ISTIO_META_DNS_CAPTURE: 'true' }),
    ...(autoRegister && { ISTIO_META_AUTO_REGISTER_GROUP: group.metadata.name }),
  }
}

function environment(group: WorkloadGroup, config: ProxyConfigText, input: MachineInput): Record<string, string> {
  const { name, namespace = 'default' } = group.metadata
  const ports = Object.values(group.spec?.template.ports ?? {})
  // ssh must stay reachable whatever goes wrong; the others are the agent's own.
  const status = config.statusPort ?? 15_020
  const excluded = [22, 15_090, 15_021, ...([15_090, 15_021].includes(status) ? [] : [status])]
  return {
    ISTIO_INBOUND_PORTS: ports.length > 0 ? ports.join(',') : '*',
    ISTIO_LOCAL_EXCLUDE_PORTS: excluded.join(','),
    ISTIO_NAMESPACE: namespace,
    ISTIO_SERVICE: `${name}.${namespace}`,
    ISTIO_SERVICE_CIDR: '*',
    SERVICE_ACCOUNT: group.spec?.template.serviceAccount ?? '',
    ...(input.address !== undefined && { ISTIO_SVC_IP: input.address }),
    // Istio's agent looks for a certificate that it did not ask for itself where this says.
    ...('chain' in input.proof && { PROV_CERT: '/etc/certs' }),
  }
}

function parseMap(text: string): Record<string, unknown> {
  const value: unknown = parse(text)
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
