// Services of type LoadBalancer → the files that an Envoy reads: listeners, clusters, endpoints. Pure.
import { compareText } from '../../../lib/index.ts'
import type { EndpointSlice, Service, ServicePort } from '../kinds.ts'

/** A service with the address that it got, and the ports to listen on. */
export interface Balanced {
  readonly service: Service
  readonly address: string
  /** Service port → port to listen on. */
  readonly ports: ReadonlyMap<number, number>
  readonly slices: readonly EndpointSlice[]
}

/** Where connections can come from that are to be told apart, so that they can be cut: name → address range. */
export interface Peer {
  readonly name: string
  /** `127.16.0.0/16` */
  readonly addresses: string
  /** `open`: nothing is done about it. `silent`: connections are taken, and nothing ever comes back. */
  readonly state: 'open' | 'silent'
}

/** A fixed way in beside the services: connections to `address:port` go to `target`. */
export interface Front {
  readonly name: string
  readonly address: string
  readonly port: number
  readonly target: { readonly address: string; readonly port: number }
  readonly state: Peer['state']
}

export interface EnvoyFiles {
  readonly listeners: object
  readonly clusters: object
  /** File name → content. */
  readonly endpoints: ReadonlyMap<string, object>
  /** Names of all listeners. */
  readonly names: readonly string[]
}

const typeUrl = (name: string): string => `type.googleapis.com/${name}`
const udp = 'UDP'

export function endpointsFile(name: string): string {
  return `${name.replace(/[^a-z0-9.-]+/gi, '_')}.json`
}

/** All files of the load balancer. `directory` is where they will be. */
export function envoyFiles(
  balanced: readonly Balanced[],
  peers: readonly Peer[],
  directory: string,
  fronts: readonly Front[] = [],
): EnvoyFiles {
  const ordered = [...balanced].sort((a, b) => compareText(nameOf(a.service), nameOf(b.service)))
  const parts = ordered.flatMap((one) =>
    (one.service.spec?.ports ?? [])
      .filter((port) => port.protocol !== udp)
      .map((port) => ({ one, port, name: `${nameOf(one.service)}:${port.port}` })),
  )
  return {
    listeners: response('envoy.config.listener.v3.Listener', [
      ...parts.map(({ one, port, name }) => listener(name, one.address, one.ports.get(port.port) ?? port.port, peers)),
      ...fronts.map(frontListener),
    ]),
    clusters: response('envoy.config.cluster.v3.Cluster', [
      ...parts.map(({ name }) => cluster(name, directory)),
      ...fronts.map(frontCluster),
    ]),
    endpoints: new Map(
      parts.map(({ one, port, name }) => [
        endpointsFile(name),
        response('envoy.config.endpoint.v3.ClusterLoadAssignment', [assignment(name, one, port)]),
      ]),
    ),
    names: [...parts.map(({ name }) => name), ...fronts.map(({ name }) => name)],
  }
}

function nameOf(service: Service): string {
  return `${service.metadata.namespace}/${service.metadata.name}`
}

function response(type: string, resources: readonly object[]): object {
  return { resources: resources.map((resource) => ({ '@type': typeUrl(type), ...resource })) }
}

/**
 * One filter chain for each peer, there from the start and alike while it is open: to change one chain drains only
 * the connections of this chain.
 */
function listener(name: string, address: string, port: number, peers: readonly Peer[]): object {
  const proxy = tcpProxy(name)
  return {
    name,
    address: { socket_address: { address, port_value: port } },
    enable_reuse_port: false,
    filter_chains: peers.map((peer) => {
      const [prefix = '', length = '32'] = peer.addresses.split('/')
      return {
        name: `from ${peer.name}`,
        filter_chain_match: { source_prefix_ranges: [{ address_prefix: prefix, prefix_len: Number(length) }] },
        filters: peer.state === 'open' ? [proxy] : [silence(name), proxy],
      }
    }),
    default_filter_chain: { name: 'from elsewhere', filters: [proxy] },
  }
}

function tcpProxy(cluster: string): object {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: {
      '@type': typeUrl('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'),
      stat_prefix: cluster,
      cluster,
      idle_timeout: '0s',
      // A pod that has just died is not yet gone from the endpoints: connections try the next one.
      max_connect_attempts: 3,
    },
  }
}

function frontListener({ name, address, port, state }: Front): object {
  const filters = state === 'open' ? [tcpProxy(name)] : [silence(name), tcpProxy(name)]
  return {
    name,
    address: { socket_address: { address, port_value: port } },
    enable_reuse_port: false,
    filter_chains: [{ name, filters }],
  }
}

function frontCluster({ name, target }: Front): object {
  const address = { socket_address: { address: target.address, port_value: target.port } }
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
  }
}

function silence(name: string): object {
  const anything = { permissions: [{ any: true }], principals: [{ any: true }] }
  return {
    name: 'envoy.filters.network.rbac',
    typed_config: {
      '@type': typeUrl('envoy.extensions.filters.network.rbac.v3.RBAC'),
      stat_prefix: name,
      rules: { action: 'DENY', policies: { cut: anything } },
      delay_deny: '60s',
    },
  }
}

function cluster(name: string, directory: string): object {
  return {
    name,
    type: 'EDS',
    connect_timeout: '1s',
    lb_policy: 'ROUND_ROBIN',
    close_connections_on_host_health_failure: true,
    circuit_breakers: { thresholds: [{ max_connections: 100_000, max_pending_requests: 100_000 }] },
    eds_cluster_config: {
      service_name: name,
      eds_config: {
        resource_api_version: 'V3',
        path_config_source: { path: `${directory}/eds/${endpointsFile(name)}` },
      },
    },
  }
}

function assignment(name: string, one: Balanced, port: ServicePort): object {
  const all = one.slices.flatMap((slice) => {
    const found = (slice.ports ?? []).find((p) => (p.name ?? '') === (port.name ?? ''))
    if (found?.port === undefined) return []
    return (slice.endpoints ?? []).map((endpoint) => ({ endpoint, port: found.port }))
  })
  const ready = all.filter(({ endpoint }) => endpoint.conditions?.ready !== false)
  // As kube-proxy does: while nothing is ready, endpoints that still serve while they end are better than none.
  const used = ready.length > 0 ? ready : all.filter(({ endpoint }) => endpoint.conditions?.serving === true)
  const addresses = used.flatMap(({ endpoint, port: number }) =>
    endpoint.addresses.slice(0, 1).map((address) => ({ address, port_value: number })),
  )
  addresses.sort((a, b) => compareText(a.address, b.address))
  return {
    cluster_name: name,
    endpoints: [{ lb_endpoints: addresses.map((address) => ({ endpoint: { address: { socket_address: address } } })) }],
  }
}

/** The bootstrap of an Envoy that reads everything else from files in `directory`. */
export function bootstrap(cluster: string, directory: string, admin: { address: string; port: number }): object {
  const fromFile = (name: string): object => ({
    resource_api_version: 'V3',
    path_config_source: { path: `${directory}/${name}` },
  })
  return {
    node: { id: `load-balancer.${cluster}`, cluster: 'load-balancer' },
    admin: { address: { socket_address: { address: admin.address, port_value: admin.port } } },
    dynamic_resources: { lds_config: fromFile('lds.json'), cds_config: fromFile('cds.json') },
  }
}
