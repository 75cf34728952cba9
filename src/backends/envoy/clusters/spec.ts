import { isWildcard, type Query, type ServicePort, sameItems, type World } from '../../../discovery/index.ts'
import { type Binding, type ProxyScope, ruleOf, viewOf } from '../../../mesh/index.ts'
import { outboundClusterName, sniName } from '../names.ts'

/** One outbound cluster: a port of a service, or of a subset of it. */
export interface ClusterSpec {
  readonly name: string
  readonly binding: Binding
  readonly port: ServicePort
  /** '' = the whole service. */
  readonly subset: string
  /** `sni-dnat`: an east-west gateway's, which passes TLS on as it is. */
  readonly mode: 'outbound' | 'sni-dnat'
}

export function portsOf({ service, ports }: Binding): readonly ServicePort[] {
  return ports === undefined ? service.ports : service.ports.filter(({ number }) => ports.includes(number))
}

/** All clusters that a binding stands for. Bindings of equal key share them. */
export const clustersOfBinding: Query<{ binding: Binding; mode: ClusterSpec['mode'] }, readonly ClusterSpec[]> = {
  name: 'envoy/clusters-of-binding',
  keyOf: ({ binding, mode }) => `${mode}|${binding.key}`,
  compute: (world, { binding, mode }) => {
    const { service, rule } = binding
    if (service.resolution === 'alias') return []
    const dynamic = service.resolution === 'dynamic-dns'
    if (mode === 'sni-dnat' && (service.external || dynamic)) return []
    const subsets = dynamic ? [] : (ruleOf(world, rule)?.subsets ?? []).map(({ name }) => name)
    const nameOf = mode === 'outbound' ? outboundClusterName : sniName
    return portsOf(binding)
      .filter(({ protocol }) => protocol !== 'UDP')
      .filter(
        ({ protocol }) => !dynamic || (isWildcard(service.host) && ['HTTP', 'TLS', 'GRPC', 'HTTP2'].includes(protocol)),
      )
      .flatMap((port) =>
        ['', ...subsets].map((subset) => ({
          name: nameOf(port.number, subset, service.host),
          binding,
          port,
          subset,
          mode,
        })),
      )
  },
  equals: (a, b) => a.length === b.length && a.every((spec, at) => sameSpec(spec, b[at])),
}

function sameSpec(a: ClusterSpec, b: ClusterSpec | undefined): boolean {
  return a.name === b?.name && a.binding === b.binding && a.port === b.port
}

/** The outbound clusters of a scope by name, in the order in which they are sent. */
export const outboundClusterSpecs: Query<ProxyScope, ReadonlyMap<string, ClusterSpec>> = {
  name: 'envoy/outbound-cluster-specs',
  keyOf: ({ view }) => viewOf.keyOf(view),
  compute: (world, { view }) => {
    const specs = new Map<string, ClusterSpec>()
    const { services } = world.get(viewOf, view)
    for (const binding of services) addSpecs(world, specs, binding, 'outbound')
    if (view.eastWest) for (const binding of services) addSpecs(world, specs, binding, 'sni-dnat')
    return specs
  },
  equals: (a, b) => sameItems([...a.values()], [...b.values()]),
}

function addSpecs(world: World, specs: Map<string, ClusterSpec>, binding: Binding, mode: ClusterSpec['mode']): void {
  for (const spec of world.get(clustersOfBinding, { binding, mode }))
    if (!specs.has(spec.name)) specs.set(spec.name, spec)
}

/** How Envoy finds the endpoints of a cluster. */
export type Discovery = 'eds' | 'original-dst' | 'strict-dns' | 'logical-dns' | 'dynamic-forward-proxy'

export function discoveryOf(
  { binding: { service }, mode }: ClusterSpec,
  { type, asksByName }: { readonly type: ProxyScope['type']; readonly asksByName: boolean },
  passthrough: boolean,
): Discovery {
  if (passthrough) return 'original-dst'
  switch (service.resolution) {
    case 'dns':
      return service.raceConnect ? 'logical-dns' : 'strict-dns'
    case 'dns-round-robin':
      return 'logical-dns'
    case 'dynamic-dns':
      return 'dynamic-forward-proxy'
    case 'passthrough':
      // A gateway has no original destination, nor has a proxy that is asked by name; but they may know endpoints.
      if (type !== 'sidecar' || mode !== 'outbound') return 'eds'
      return asksByName && service.registry === 'kubernetes' ? 'eds' : 'original-dst'
    default:
      return 'eds'
  }
}
