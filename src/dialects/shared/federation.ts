// The objects by which a service is called from other meshes:
//   client mesh:  ServiceEntry for the global host → gateway addresses of the service's mesh, port 15443
//   own mesh:     ServiceEntry for the same host → the pods, so that the gateway knows whom an SNI name means
// Both have the pods' labels on their endpoints, so that subsets work across clusters.
import { formatRef } from '../../report/index.ts'
import type { Federation, Group } from './fleet.ts'
import type { Endpoint, Service, ServicePort } from './model.ts'
import { type ClusterObject, istioObject, type Origin } from './objects.ts'
import { canonical, compact } from './plain.ts'

export interface FederatedObjects {
  readonly objects: readonly ClusterObject[]
  readonly errors: readonly string[]
}

/** Name of a port in a ServiceEntry: an unnamed port of a Service is called after its protocol. */
export function portName(port: ServicePort): string {
  return port.name === '' ? port.protocol : port.name
}

const layer4 = ['TCP', 'UDP', 'SCTP']
const applications: Readonly<Record<string, string>> = {
  http: 'HTTP',
  http2: 'HTTP2',
  h2c: 'HTTP2',
  'kubernetes.io/h2c': 'HTTP2',
  'kubernetes.io/ws': 'HTTP',
  grpc: 'GRPC',
  'grpc-web': 'GRPC-Web',
  https: 'HTTPS',
  tls: 'TLS',
  tcp: 'TCP',
  mongo: 'Mongo',
  mysql: 'MySQL',
  redis: 'Redis',
}

/** The application protocol, as Istio decides it: by appProtocol, else by the start of the port's name. */
export function istioProtocol({ name, protocol, appProtocol = '' }: ServicePort): string {
  const said = applications[appProtocol.toLowerCase()]
  if (said !== undefined) return said
  if (!layer4.includes(protocol)) return protocol
  if (protocol === 'UDP') return protocol
  const prefix = name.toLowerCase().startsWith('grpc-web') ? 'grpc-web' : (name.toLowerCase().split('-')[0] ?? '')
  return applications[prefix] ?? protocol
}

const isAddress = (text: string): boolean => /^\d+\.\d+\.\d+\.\d+$/.test(text) || text.includes(':')

/** Why a federated service cannot be called from other meshes. */
export interface Unreachable {
  readonly message: string
  /** `wrong`: what is configured cannot work. `missing`: something is not there (yet). */
  readonly cause: 'wrong' | 'missing'
}

/** How Envoy finds the endpoints; an error if they cannot be together in one ServiceEntry. */
export function resolutionOf(
  addresses: readonly string[],
): { readonly resolution: string } | { readonly error: Unreachable } {
  const wildcard = addresses.some((address) => address.startsWith('*'))
  const names = addresses.filter((address) => !isAddress(address) && !address.startsWith('*'))
  if (wildcard && addresses.some((address) => !address.startsWith('*')))
    return { error: { message: 'endpoints contain both wildcard and other addresses', cause: 'wrong' } }
  if (wildcard) return { resolution: 'NONE' }
  if (names.length > 0 && addresses.some((address) => address.includes(':')))
    return { error: { message: 'endpoints contain both IPv6 and host name addresses', cause: 'wrong' } }
  return { resolution: names.length > 0 ? 'DNS' : 'STATIC' }
}

/**
 * The endpoints that a client mesh is told of. Where the pods are not known, one for each set of labels that the
 * service is said to have, so that its subsets can be called all the same.
 */
function endpointsSeen(service: Service, subsets: readonly Readonly<Record<string, string>>[]): readonly Endpoint[] {
  if (service.endpoints.length > 0) return service.endpoints
  const kinds = new Map<string, Readonly<Record<string, string>>>()
  for (const labels of subsets) kinds.set(canonical(labels), labels)
  for (const [key, values] of Object.entries(service.subsets ?? {}))
    for (const value of values) kinds.set(canonical({ [key]: value }), { [key]: value })
  const labels = kinds.size > 0 ? [...kinds.values()] : [{}]
  return labels.map((each) => ({ address: '', labels: each, locality: service.region, ports: new Map() }))
}

const tableOf = (ports: Iterable<readonly [string, number]>): Record<string, number> => Object.fromEntries(ports)

/** ServiceEntry of a client mesh; an error if the service's mesh cannot be reached. */
export function clientEntry(
  service: Service,
  { hostname, group }: Federation,
  address: string,
  subsets: readonly Readonly<Record<string, string>>[],
): { readonly spec: object } | { readonly error: Unreachable } {
  const gateways = group.gateways.get(service.mesh.key) ?? []
  const flat = group.virtualMesh.federation?.flatNetwork === true
  const ways = gateways.flatMap(({ addresses, externalPort }) =>
    addresses.map((each) => ({ address: each, externalPort })),
  )
  if (!flat && ways.length === 0) {
    const message = `mesh ${service.mesh.object.name} has no east-west gateway with an address`
    return { error: { message, cause: 'missing' } }
  }
  const seen = endpointsSeen(service, subsets)
  const endpoints = flat
    ? service.endpoints.map(podEndpoint)
    : ways.flatMap((way) =>
        seen.map(({ labels, locality }) =>
          compact({
            address: way.address,
            ports: tableOf(service.ports.map((port) => [portName(port), way.externalPort] as const)),
            labels,
            ...(locality !== '' && { locality }),
          }),
        ),
      )
  const resolution = resolutionOf(endpoints.map((endpoint) => endpoint.address))
  if ('error' in resolution) return resolution
  return {
    spec: { ...entryHead(service, hostname), addresses: [address], ...resolution, endpoints },
  }
}

/** ServiceEntry of the service's own mesh, seen by its gateways only. */
export function serverEntry(
  service: Service,
  hostname: string,
): { readonly spec: object } | { readonly error: Unreachable } {
  const resolution = resolutionOf(service.endpoints.map(({ address }) => address))
  if ('error' in resolution) return resolution
  return {
    spec: compact({
      ...entryHead(service, hostname),
      exportTo: ['.'],
      ...resolution,
      endpoints: service.endpoints.map(podEndpoint),
    }),
  }
}

function podEndpoint({ address, labels, locality, ports }: Endpoint): { address: string } & Record<string, unknown> {
  return compact({ address, ports: tableOf(ports), labels, ...(locality !== '' && { locality }) })
}

function entryHead(service: Service, hostname: string): Record<string, unknown> {
  return {
    hosts: [hostname],
    location: 'MESH_INTERNAL',
    ports: service.ports.map((port) => ({ number: port.number, protocol: istioProtocol(port), name: portName(port) })),
  }
}

/** The Istio Gateways that let members in. A group of one has no need of any. */
export function gatewayObjects(group: Group, hostnames: ReadonlyMap<string, readonly string[]>): ClusterObject[] {
  const { virtualMesh, members, gateways } = group
  if (members.length < 2 || virtualMesh.federation === undefined || virtualMesh.federation.flatNetwork) return []
  const origin: Origin = { dialect: virtualMesh.dialect, parents: [virtualMesh.object] }
  const made = new Map<string, ClusterObject>()
  for (const mesh of members)
    for (const gateway of gateways.get(mesh.key) ?? []) {
      const { name, hosts } = virtualMesh.dialect.eastWestGateway(virtualMesh, gateway, hostnames.get(mesh.key) ?? [])
      if (hosts.length === 0) continue
      const port = { number: gateway.port, protocol: 'TLS', name: 'tls' }
      const spec = { selector: gateway.selector, servers: [{ port, hosts, tls: { mode: 'AUTO_PASSTHROUGH' } }] }
      const place = { cluster: mesh.cluster, namespace: mesh.namespace, name }
      made.set(`${mesh.key}/${name}`, istioObject('Gateway', place, origin, spec))
    }
  return [...made.values()]
}

/** Text for messages: which object said that a service is federated. */
export function federationSource({ group }: Federation): string {
  return formatRef(group.virtualMesh.object)
}
