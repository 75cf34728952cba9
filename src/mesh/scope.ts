import {
  allServices,
  labelNames,
  meshConfigOf,
  namespaceOf,
  podLocality,
  systemNamespace,
  type World,
  withPlace,
  worldQuery,
} from '../discovery/index.ts'
import { compareText, sameStructure } from '../lib/index.ts'
import { type ClosedPorts, closedPorts } from './closed-ports.ts'
import { ruleComparedLabels, ruleSelectorLabels } from './destination-rules/index.ts'
import { type ProxyPatches, patchesOf } from './envoy-filters/index.ts'
import { failoversCompareNodes } from './failover/index.ts'
import { gatewayPlan, gatewayPortsOf, passesMeshThrough } from './gateway/index.ts'
import { comparedLabels, effectiveLocality } from './locality/index.ts'
import { type DataPath, type Machines, metadataFlag, type Proxy, supportsIpv4, supportsIpv6 } from './proxy.ts'
import { selectSidecar } from './sidecar/select.ts'
import { type TelemetryScope, telemetryScope } from './telemetry/index.ts'
import type { ViewKey } from './view/index.ts'
import { sourceLabelNames } from './virtual-services/index.ts'

type Labels = Readonly<Record<string, string>>

/**
 * Everything about a proxy that what it is given depends on, and nothing else: proxies of equal `key` get equal outbound
 * resources. It is plain data, so `key` is its JSON text.
 */
export interface ProxyScope {
  readonly key: string
  readonly type: 'sidecar' | 'gateway'
  readonly namespace: string
  readonly cluster: string
  readonly network: string
  readonly networkView: readonly string[]
  readonly locality: string
  /** '' unless some service cares. */
  readonly node: string
  readonly ipFamilies: 'v4' | 'v6' | 'both'
  /** Those labels that rules ask for; all for gateways. */
  readonly labels: Labels
  readonly view: ViewKey
  readonly dataPath: DataPath
  readonly machines: Machines
  /** How connections are captured (Istio's INTERCEPTION_MODE): NONE = listeners have sockets of their own. */
  readonly interception: 'REDIRECT' | 'TPROXY' | 'NONE'
  /** Ports on which the proxy may open no socket. */
  readonly closedPorts: ClosedPorts
  /** Whether HTTP/1.0 is accepted. */
  readonly http10: boolean
  /** Where secrets come from: the stream to the control plane, or the agent beside the proxy (Istio's). */
  readonly secrets: 'ads' | 'agent'
  /** Is given virtual hosts when the first request for them comes, and the clusters to which they lead with them. */
  readonly onDemand: boolean
  /** Resolves names of ServiceEntries to addresses that the mesh gave them. */
  readonly autoAddresses: boolean
  /** Of gateways: ports of the Services before it, with the workload's port that each leads to. */
  readonly gatewayPorts: readonly (readonly [number, number])[]
  /** Patches of EnvoyFilters that its resources get. */
  readonly patches: ProxyPatches
  readonly telemetry: TelemetryScope
}

/** Finds the scope of a proxy. Depends on the rules that choose by label, not on what they say. */
export function scopeOf(world: World, proxy: Proxy): ProxyScope {
  const { type, namespace, cluster, network, dataPath } = proxy
  const isGateway = type === 'gateway'
  const ruleLabels = pick(proxy.labels, world.get(ruleSelectorLabels, undefined))
  const labels = isGateway ? sorted(proxy.labels) : pick(proxy.labels, world.get(labelsThatMatter, undefined))
  const gatewayPorts = isGateway ? gatewayPortsOf(world, proxy) : []
  const view: ViewKey = {
    type,
    namespace,
    sidecar: type === 'sidecar' ? selectSidecar(world, proxy) : '',
    ruleLabels,
    eastWest: isGateway && passesMeshThrough(world.get(gatewayPlan, { labels, gatewayPorts, namespace })),
  }
  const patches = patchesOf(world, proxy)
  const scope: Omit<ProxyScope, 'key'> = {
    type,
    namespace,
    cluster,
    network,
    networkView: networkView(proxy),
    locality: localityOf(world, proxy),
    node: world.get(nodesMatter, undefined) ? proxy.node : '',
    ipFamilies: !supportsIpv6(proxy) ? 'v4' : supportsIpv4(proxy) ? 'both' : 'v6',
    labels,
    view,
    dataPath,
    machines: proxy.machines,
    interception: interceptionOf(proxy),
    closedPorts: closedPorts(proxy),
    http10: metadataFlag(proxy, 'HTTP10'),
    secrets: hasIstioAgent(proxy) ? 'agent' : 'ads',
    onDemand: asksOnDemand(world, proxy) && patches.routes.length === 0,
    autoAddresses: metadataFlag(proxy, 'DNS_CAPTURE'),
    gatewayPorts,
    patches,
    telemetry: telemetryScope(world, proxy),
  }
  return { ...scope, key: JSON.stringify(scope) }
}

/** Istio's agent says what it was configured with, and older ones say outright that they are there. */
function hasIstioAgent(proxy: Proxy): boolean {
  if (metadataFlag(proxy, 'PROXY_VIA_AGENT')) return true
  const { PROXY_CONFIG: config } = proxy.metadata
  return proxy.dataPath !== 'loopback' && typeof config === 'object' && config !== null
}

/**
 * Whether what it needs is given to a proxy on demand. The nearest word counts: its agent's, an annotation of its pod, a label
 * of the namespace, one of the system namespace for the whole mesh. Patches of routes may want to see all of them.
 */
function asksOnDemand(world: World, proxy: Proxy): boolean {
  if (proxy.type === 'gateway' || !proxy.incremental) return false
  const { ANNOTATIONS: annotations } = proxy.metadata
  const ofPod = typeof annotations === 'object' && annotations !== null ? Object.entries(annotations) : []
  if (metadataFlag(proxy, 'FAIRLEAD_ON_DEMAND')) return true
  const said = [
    ofPod.find(([name]) => name === labelNames.onDemand)?.[1],
    ...[proxy.namespace, systemNamespace].map(
      (namespace) => namespaceOf(world, world.primary, namespace).labels[labelNames.onDemand],
    ),
  ]
  return said.find((value) => value === 'true' || value === 'false') === 'true'
}

/** Where the proxy runs by what is known now: what it said when it started may be older than the labels of its node. */
function localityOf(world: World, { cluster, namespace, name, locality }: Proxy): string {
  return world.get(podLocality, { cluster, key: `${namespace}/${name}` }) || locality
}

function interceptionOf({ metadata }: Proxy): ProxyScope['interception'] {
  const mode = metadata['INTERCEPTION_MODE']
  return mode === 'TPROXY' || mode === 'NONE' ? mode : 'REDIRECT'
}

function networkView(proxy: Proxy): string[] {
  const asked = proxy.metadata['REQUESTED_NETWORK_VIEW']
  const names = typeof asked === 'string' ? asked.split(',') : Array.isArray(asked) ? asked.map(String) : []
  return names.filter((name) => name !== '').sort(compareText)
}

function pick(labels: Labels, names: Iterable<string>): Labels {
  return Object.fromEntries(
    [...names].sort(compareText).flatMap((name) => (labels[name] === undefined ? [] : [[name, labels[name]]])),
  )
}

function sorted(labels: Labels): Labels {
  return pick(labels, Object.keys(labels))
}

/** Labels of proxies that routes and locality settings look at. */
const labelsThatMatter = worldQuery(
  'mesh/labels-that-matter',
  (world): readonly string[] => {
    const mesh = comparedLabels(effectiveLocality(meshConfigOf(world), undefined, { trafficDistribution: 'Any' }))
    const rules = world.get(ruleComparedLabels, undefined)
    return [...new Set([...world.get(sourceLabelNames, undefined), ...rules, ...mesh])].sort(compareText)
  },
  { equals: sameStructure },
)

/** Whether some service prefers or asks for endpoints of the client's node. */
const nodesMatter = worldQuery(
  'mesh/nodes-matter',
  (world): boolean =>
    world.get(labelsThatMatter, undefined).includes(labelNames.node) ||
    world.get(failoversCompareNodes, undefined) ||
    world
      .get(allServices, undefined)
      .some(({ nodeLocal, trafficDistribution }) => nodeLocal || trafficDistribution === 'PreferSameNode'),
  { equals: Object.is },
)

/** Labels of the proxy and where it runs, as endpoints have them: what locality settings compare. */
export function labelsOfClient({ labels, cluster, network, locality, node }: ProxyScope): Labels {
  return withPlace(labels, { cluster, network, locality, node })
}
