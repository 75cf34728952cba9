export const labelNames = {
  cluster: 'topology.istio.io/cluster',
  network: 'topology.istio.io/network',
  subzone: 'topology.istio.io/subzone',
  region: 'topology.kubernetes.io/region',
  zone: 'topology.kubernetes.io/zone',
  node: 'kubernetes.io/hostname',
  locality: 'istio-locality',
  tlsMode: 'security.istio.io/tlsMode',
  gatewayPort: 'networking.istio.io/gatewayPort',
  canonicalName: 'service.istio.io/canonical-name',
  canonicalRevision: 'service.istio.io/canonical-revision',
  persistentSession: 'istio.io/persistent-session',
  /** On the system namespace of a cluster: `true` = its endpoints get nothing while others are healthy. */
  drain: 'fairlead.dev/drain',
  /** On the system namespace of a cluster: `envoy` = its proxies are Fairlead's to drive. */
  dataPlane: 'fairlead.dev/data-plane',
  /** On a Service, ServiceEntry or namespace; on the system namespace for the whole mesh: `disabled` = no failing over. */
  failover: 'fairlead.dev/failover',
  /**
   * On a namespace, on the system namespace for the whole mesh, and as annotation of a pod: `true` = sidecars are given what
   * their requests need, when they need it.
   */
  onDemand: 'fairlead.dev/on-demand',
  /** Of an endpoint that is the gateway of another cluster: that cluster. A gateway never passes TLS on to it. */
  remoteCluster: 'xcp.tetrate.io/cluster',
} as const

type Labels = Readonly<Record<string, string>>

/** Whether an object with `labels` is selected; a selector without labels selects everything. */
export function selects(selector: Labels | undefined, labels: Labels | undefined): boolean {
  if (selector === undefined) return true
  for (const name in selector) if (labels?.[name] !== selector[name]) return false
  return true
}

/** Where a workload runs, as labels beside its own (Istio's AugmentLabels): subsets and failover priorities read them. */
export function withPlace(
  labels: Labels | undefined,
  place: { cluster: string; network: string; locality: string; node: string },
): Labels {
  const [region, zone, subzone] = place.locality.split('/')
  const made: Record<string, string> = { ...labels }
  if (region) made[labelNames.region] = region
  if (zone) made[labelNames.zone] = zone
  if (subzone) made[labelNames.subzone] = subzone
  if (place.cluster) made[labelNames.cluster] = place.cluster
  if (place.node) made[labelNames.node] = place.node
  if (place.network && !made[labelNames.network]) made[labelNames.network] = place.network
  return made
}
