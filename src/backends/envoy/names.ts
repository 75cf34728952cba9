// Names on the wire are istiod's: EnvoyFilters, dashboards and the SNI of mutual TLS rely on them.

/** `outbound|80|v1|reviews.ns.svc.cluster.local` */
export function outboundClusterName(port: number, subset: string, host: string): string {
  return `outbound|${port}|${subset}|${host}`
}

/** Cluster of an east-west gateway, and SNI by which it is found: `outbound_.80_.v1_.reviews.ns.svc.cluster.local` */
export function sniName(port: number, subset: string, host: string): string {
  return `outbound_.${port}_.${subset}_.${host}`
}

/** `inbound|8080||`: by port of the workload, or of the Sidecar's ingress. */
export function inboundClusterName(port: number): string {
  return `inbound|${port}||`
}

export interface OutboundName {
  readonly port: number
  readonly subset: string
  readonly host: string
  readonly sniDnat: boolean
}

/** Parts of an outbound or SNI cluster's name; undefined for others. */
export function parseOutboundName(name: string): OutboundName | undefined {
  const sniDnat = name.startsWith('outbound_.')
  const parts = sniDnat ? name.split('_.') : name.split('|')
  const [direction, port = '', subset = '', ...host] = parts
  if (direction !== 'outbound' || host.length === 0 || !/^\d+$/.test(port)) return undefined
  return { port: Number(port), subset, host: host.join(sniDnat ? '_.' : '|'), sniDnat }
}

export const fixedClusters = {
  blackHole: 'BlackHoleCluster',
  passthrough: 'PassthroughCluster',
  inboundPassthrough: 'InboundPassthroughCluster',
  allowAnyDynamicDns: 'AllowAnyDynamicDNSCluster',
  httpInTunnel: 'http_in_tunnel',
} as const

export const virtualHostNames = {
  allowAny: 'allow_any',
  blockAll: 'block_all',
  allowAnyDynamicDns: 'allow_any_dynamic_dns',
} as const

/** Ports that the sidecar itself listens on. */
export const proxyPorts = { outbound: 15001, inbound: 15006 } as const

export const listenerNames = {
  outbound: 'virtualOutbound',
  inbound: 'virtualInbound',
  httpInTunnel: 'http_in_tunnel',
} as const

export const httpProxyRoute = 'http_proxy'

/** `host:port`, with brackets where the host is an IPv6 address. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/**
 * Response header by which a sidecar tells a peer that a request was never handed to the program, so that it may be sent
 * elsewhere whatever its method. Removed before the caller sees it.
 */
export const undeliveredHeader = 'x-fairlead-undelivered'
