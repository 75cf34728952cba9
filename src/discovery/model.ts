import type { ObjectRef } from '../report/index.ts'
import type { Protocol } from './protocol.ts'

/** The inventory's model: services and what stands behind them, whatever they were declared with. */

export interface ServicePort {
  readonly number: number
  readonly name: string
  readonly protocol: Protocol
  /** Port of the workload that a ServiceEntry names; undefined = the same, or as endpoints say. */
  readonly targetPort?: number
}

/**
 * How a client comes from service to address:
 * `endpoints` picks one of those listed; `passthrough` goes to the address that was dialled; `dns` resolves names and uses all
 * answers, `dns-round-robin` one of them; `dynamic-dns` resolves the name in the request; `alias` is another name for a service.
 */
export type Resolution = 'endpoints' | 'passthrough' | 'dns' | 'dns-round-robin' | 'dynamic-dns' | 'alias'

export interface Service {
  /** Fully qualified; a wildcard for some ServiceEntries. */
  readonly host: string
  readonly namespace: string
  /** Name of the Service object; of a ServiceEntry the host. */
  readonly name: string
  readonly registry: 'kubernetes' | 'service-entry'
  /** The objects that it was made from, the one that decides first. */
  readonly origin: readonly ObjectRef[]
  /** RFC 3339; '' = unknown, which counts as oldest. */
  readonly createdAt: string
  readonly ports: readonly ServicePort[]
  readonly resolution: Resolution
  /** Stands outside the mesh: no sidecar is expected there. */
  readonly external: boolean
  /** As written: `*`, `.`, `~`, or namespaces. Empty: the mesh's default. */
  readonly exportTo: readonly string[]
  /** Virtual addresses (or CIDR ranges) by cluster; none for headless services. */
  readonly addresses: ReadonlyMap<string, readonly string[]>
  /** Address for clients whose cluster has none of its own. */
  readonly defaultAddresses: readonly string[]
  /** Allocated by the mesh for a ServiceEntry without address; used where the proxy asked for such addresses. */
  readonly autoAddresses: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** Labels of the workloads; undefined = endpoints are listed by somebody. */
  readonly selector: Readonly<Record<string, string>> | undefined
  /** Where an alias points. */
  readonly externalName: string | undefined
  readonly trafficDistribution: 'PreferSameZone' | 'PreferSameNode' | 'Any'
  /** internalTrafficPolicy: Local. */
  readonly nodeLocal: boolean
  /** sessionAffinity: ClientIP. */
  readonly sticky: boolean
  /** Identities (SPIFFE) that the declaration names, beside those of the endpoints. */
  readonly identities: readonly string[]
  /** ServiceEntry annotation: connect to the first address that answers. */
  readonly raceConnect: boolean
}

export type Health = 'healthy' | 'unhealthy' | 'draining'

/** A port of a workload behind a service. */
export interface Endpoint {
  /** IP address, DNS name, or path of a Unix socket (port 0). Empty: reachable through a gateway of its network only. */
  readonly address: string
  /** Further addresses of the same workload, of the other IP family. */
  readonly moreAddresses: readonly string[]
  readonly port: number
  /** Joins it to the service port of that name. */
  readonly portName: string
  readonly health: Health
  /** 0 = not given. */
  readonly weight: number
  readonly workload: EndpointWorkload
}

/** What is known of the workload behind endpoints; shared by them. */
export interface EndpointWorkload {
  readonly namespace: string
  readonly name: string
  readonly cluster: string
  readonly network: string
  /** `region/zone/subzone`; '' = unknown. */
  readonly locality: string
  readonly node: string
  /** Labels of the workload plus where it runs (cluster, network, region, zone, subzone, node). */
  readonly labels: Readonly<Record<string, string>>
  /** SPIFFE id; '' = unknown. */
  readonly identity: string
  /** Of an endpoint that stands for several workloads elsewhere: their labels, and how many have them. */
  readonly behind?: readonly { readonly labels: Readonly<Record<string, string>>; readonly count: number }[]
  /** Takes the mesh's mutual TLS, so a proxy stands before it. */
  readonly meshTls: boolean
  /** For the DNS names of single pods. */
  readonly hostname: string
  readonly subdomain: string
  /** What says that it exists, and what it is made from. */
  readonly origin: readonly ObjectRef[]
}

/** Where a network can be entered from outside. */
export interface NetworkGateway {
  readonly network: string
  /** '' if it stands for the whole network. */
  readonly cluster: string
  /** IP address or DNS name. */
  readonly address: string
  readonly port: number
  readonly origin: ObjectRef | undefined
}

export interface NamespacedHost {
  readonly namespace: string
  readonly host: string
}
