/** Type URLs of the xDS resources that Fairlead serves, and the order in which they are pushed. */
export const typeUrls = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  virtualHost: 'type.googleapis.com/envoy.config.route.v3.VirtualHost',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  extension: 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
  /** What the DNS server of Istio's agent answers. */
  nameTable: 'type.googleapis.com/istio.networking.nds.v1.NameTable',
  /** What Istio's agent is told while it runs. */
  agentConfig: 'type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig',
} as const

/**
 * Types by which a client tells something of itself in the form of a request: nothing is sent back. An error detail says
 * that something is wrong (Istio's agents tell the health of a program so).
 */
const reportTypes: ReadonlySet<string> = new Set(['type.googleapis.com/istio.v1.HealthInformation'])

export function isReport(typeUrl: string): boolean {
  return reportTypes.has(typeUrl)
}

/**
 * Make before break: what a resource refers to goes before it. Secrets and extensions refer to nothing, and clusters and
 * listeners stay warming until they come, so they are first. Types that are not listed follow at the end.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations
 */
export const pushOrder: readonly string[] = [
  typeUrls.agentConfig,
  typeUrls.secret,
  typeUrls.extension,
  typeUrls.cluster,
  typeUrls.endpoint,
  typeUrls.listener,
  typeUrls.route,
  typeUrls.virtualHost,
  typeUrls.nameTable,
]

/** Where a type stands in the order of pushes. */
export function pushRank(typeUrl: string): number {
  const rank = pushOrder.indexOf(typeUrl)
  return rank < 0 ? pushOrder.length : rank
}

/**
 * In the state-of-the-world protocol a response of these types is the whole truth: what it leaves out is deleted.
 * Of all other types a response may hold any part.
 */
export function isFullState(typeUrl: string): boolean {
  return typeUrl === typeUrls.cluster || typeUrl === typeUrls.listener
}

/** Types of which a client asks for all there is by naming nothing in its first request. */
export function isAskedUnnamed(typeUrl: string): boolean {
  return isFullState(typeUrl) || typeUrl === typeUrls.nameTable || typeUrl === typeUrls.agentConfig
}

/** The short name that operators know: CDS, EDS, …; the last word of the message's name for other types. */
export function shortTypeName(typeUrl: string): string {
  return shortNames.get(typeUrl) ?? typeUrl.slice(typeUrl.lastIndexOf('.') + 1)
}

const shortNames = new Map<string, string>([
  [typeUrls.cluster, 'CDS'],
  [typeUrls.endpoint, 'EDS'],
  [typeUrls.listener, 'LDS'],
  [typeUrls.route, 'RDS'],
  [typeUrls.virtualHost, 'VHDS'],
  [typeUrls.secret, 'SDS'],
  [typeUrls.extension, 'ECDS'],
  [typeUrls.nameTable, 'NDS'],
  [typeUrls.agentConfig, 'PCDS'],
])
