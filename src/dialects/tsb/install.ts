// Gateways that are installed in a cluster (install.tetrate.io): their Deployment, Service and account, all of the
// gateway's name.
import type { KubeObject } from '../../resources/index.ts'
import {
  asInteger,
  asList,
  asMap,
  asText,
  asTexts,
  at,
  type ClusterObject,
  compact,
  ownerLabel,
  type Plain,
} from '../shared/index.ts'
import type { TsbCluster } from './clusters.ts'
import { type Overlay, overlaysOf, patched } from './overlays.ts'
import { dialectId } from './written.ts'

type Labels = Readonly<Record<string, string>>

const kinds = ['IngressGateway', 'EgressGateway', 'Tier1Gateway', 'Gateway'] as const
const eastWestPort = { name: 'mtls', port: 15443, targetPort: 15443, protocol: 'TCP' }
const ordinaryPorts = [
  eastWestPort,
  { name: 'http2', port: 80, targetPort: 8080, protocol: 'TCP' },
  { name: 'https', port: 443, targetPort: 8443, protocol: 'TCP' },
]

interface Installed {
  readonly cluster: TsbCluster
  readonly object: KubeObject
  readonly name: string
  readonly namespace: string
  readonly spec: Plain
  readonly labels: Labels
}

/** What the gateways of a cluster that users installed consist of. */
export function installedGateways(clusters: readonly TsbCluster[]): ClusterObject[] {
  return clusters.flatMap((cluster) =>
    kinds
      .flatMap((kind) => cluster.facts.objects(`install.tetrate.io/${kind}`))
      .flatMap((object) => gatewayObjects(cluster, object)),
  )
}

function gatewayObjects(cluster: TsbCluster, object: KubeObject): ClusterObject[] {
  if (object.metadata.deletionTimestamp !== undefined) return []
  const { name, namespace = 'default' } = object.metadata
  const spec = asMap(object.spec)
  const installed = { cluster, object, name, namespace, spec, labels: labelsOf(object, cluster) }
  const made = [account(installed), service(installed), deployment(installed)]
  const overlays = overlaysOf(spec['kubeSpec'])
  return made.map((each) => ({ cluster: cluster.name, object: overlaid(each, overlays) }))
}

/** The kinds of a gateway that only other clusters call. */
function isEastWest({ kind, spec }: KubeObject): boolean {
  return at(spec, 'eastWestOnly') === true || (kind === 'Gateway' && asText(at(spec, 'type')) === 'EASTWEST')
}

function labelsOf(object: KubeObject, cluster: TsbCluster): Labels {
  const type = isEastWest(object) ? 'eastwest' : object.kind === 'EgressGateway' ? 'egress' : 'ingress'
  return compact({
    app: object.metadata.name,
    'topology.istio.io/network': cluster.network,
    'platform.tetrate.io/eastwest': object.kind === 'EgressGateway' ? undefined : 'enabled',
    'platform.tetrate.io/gateway-type': type,
  } as Labels)
}

function metadataOf({ name, namespace, object }: Installed, more: { labels?: Labels; annotations?: Labels } = {}) {
  const { uid, name: owner } = object.metadata
  const { apiVersion, kind } = object
  return compact({
    name,
    namespace,
    labels: { ...more.labels, app: name, [ownerLabel]: dialectId },
    annotations: { ...more.annotations },
    ownerReferences: uid === undefined ? [] : [{ apiVersion, kind, name: owner, uid, controller: true }],
  })
}

function account(installed: Installed): KubeObject {
  const metadata = metadataOf(installed)
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...metadata, name: accountName(installed) } }
}

const accountName = ({ name }: Installed): string => `${name}-service-account`

function service(installed: Installed): KubeObject {
  const { name, spec, object, cluster } = installed
  const said = asMap(at(spec, 'kubeSpec', 'service'))
  const given = asList(said['ports']).map((port) => ({ targetPort: asInteger(at(port, 'port')), ...asMap(port) }))
  const ports = isEastWest(object) ? [eastWestPort] : given.length > 0 ? given : ordinaryPorts
  const { 'topology.istio.io/network': _, ...labels } = labelsOf(object, cluster)
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(installed, {
      labels: { ...labels, ...asTexts(said['labels']) },
      annotations: asTexts(said['annotations']),
    }),
    spec: compact({
      type: asText(said['type']) || 'LoadBalancer',
      selector: { app: name },
      ports,
      loadBalancerIP: asText(said['loadBalancerIP']) || undefined,
    }),
  }
}

function deployment(installed: Installed): KubeObject {
  const { name, spec, labels, cluster } = installed
  const said = asMap(at(spec, 'kubeSpec', 'deployment'))
  const podLabels = { ...asTexts(said['labels']), ...labels }
  // Where Istio runs, its injector makes the container; a template with labels of its own kind asks for it.
  const injected = cluster.isOurs ? {} : { 'sidecar.istio.io/inject': 'true' }
  const annotations = cluster.isOurs
    ? { 'sidecar.istio.io/inject': 'false' }
    : { 'inject.istio.io/templates': 'gateway' }
  const container = compact({
    name: 'istio-proxy',
    image: cluster.isOurs ? 'istio/proxyv2:1.28.0' : 'auto',
    args: ['proxy', 'router', '--domain', '$(POD_NAMESPACE).svc.cluster.local'],
    env: [
      { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
      ...networkView(installed),
      ...asList(said['env']),
    ],
    ports: portsOf(installed),
    resources: said['resources'],
  })
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(installed, { labels }),
    spec: compact({
      replicas: asInteger(said['replicaCount']),
      strategy: said['strategy'],
      selector: { matchLabels: { app: name } },
      template: {
        metadata: {
          labels: { ...podLabels, ...injected },
          annotations: { ...asTexts(said['podAnnotations']), ...annotations },
        },
        spec: compact({
          serviceAccountName: accountName(installed),
          affinity: said['affinity'],
          nodeSelector: said['nodeSelector'],
          tolerations: said['tolerations'],
          containers: [container],
        }),
      },
    }),
  }
}

/**
 * A gateway that passes calls of other clusters on sees its own network only, so that they do not go to and fro. Envoys that
 * Fairlead drives know this of each call; there, what clients send to the same gateway may go to other clusters.
 */
function networkView({ object, cluster }: Installed): object[] {
  const isNarrow = isEastWest(object) || !(cluster.isOurs || object.kind === 'Tier1Gateway')
  return isNarrow ? [{ name: 'ISTIO_META_REQUESTED_NETWORK_VIEW', value: cluster.network }] : []
}

function portsOf({ object, spec }: Installed): object[] {
  const given = asList(at(spec, 'kubeSpec', 'service', 'ports'))
  const ports = isEastWest(object) ? [eastWestPort] : given.length > 0 ? given : ordinaryPorts
  return ports.flatMap((port) => {
    const containerPort = asInteger(at(port, 'targetPort')) ?? asInteger(at(port, 'port'))
    return containerPort === undefined ? [] : [compact({ name: asText(at(port, 'name')) || undefined, containerPort })]
  })
}

function overlaid(object: KubeObject, overlays: readonly Overlay[]): KubeObject {
  const patches = overlays
    .filter(({ kind, name }) => kind === object.kind && name === object.metadata.name)
    .flatMap((overlay) => overlay.patches)
  return patches.reduce<unknown>((value, patch) => patched(value, patch), object) as KubeObject
}
