// VirtualDestinations: a host name for which the services of several clusters stand in for each other.
//   on each mesh that may call it:  ServiceEntry with the own pods and the gateways of the others, and a DestinationRule
//                                   that says who comes next
//   on each mesh that serves it:    a ServiceEntry of the own pods alone, for the gateway, so that a call that came in
//                                   from another cluster is never sent on to a third
import { formatRef } from '../../report/index.ts'
import { resolutionOf } from './federation.ts'
import { areStrangers, type Fleet, findMesh, findService, type Group } from './fleet.ts'
import type { GroupOutcome, Objection } from './groups.ts'
import type { EastWestGateway, Intent, Mesh, OutlierDetection, Service, VirtualDestination } from './model.ts'
import { type ClusterObject, istioObject } from './objects.ts'
import { compact } from './plain.ts'
import { selectsService } from './selectors.ts'
import { bySeniority } from './seniority.ts'

type Labels = Readonly<Record<string, string>>

/** What became of a VirtualDestination. */
export interface VirtualDestinationResult {
  readonly destination: VirtualDestination
  readonly errors: readonly Objection[]
  readonly warnings: readonly Objection[]
  /** Meshes that know it. Empty if there are errors. */
  readonly meshes: readonly Mesh[]
  /** In order of preference, where there is one. */
  readonly services: readonly Service[]
}

const showMesh = ({ object }: Mesh): string => `${object.name}.${object.namespace}`

/** Which VirtualDestinations are in force. A host name is one's only on each mesh: the senior one keeps it. */
export function decideVirtualDestinations(
  intents: readonly Intent[],
  fleet: Fleet,
  groups: readonly GroupOutcome[],
): VirtualDestinationResult[] {
  const taken = new Map<string, VirtualDestination>()
  return bySeniority(intents.flatMap(({ virtualDestinations }) => virtualDestinations)).map((destination) => {
    const errors: Objection[] = destination.problems.filter(({ severity }) => severity === 'error')
    const { meshes, objections } = membersOf(destination, intents, groups)
    const backing = servicesOf(destination, fleet)
    errors.push(...objections, ...backing.errors)
    for (const mesh of meshes) {
      const owner = taken.get(`${mesh.key} ${destination.hostname}`)
      if (owner === undefined) continue
      const message = `host ${destination.hostname} is already owned on mesh ${showMesh(mesh)} by ${formatRef(owner.object)}`
      errors.push({ code: 'conflict', path: 'spec.hostname', message })
    }
    if (errors.length > 0) return { destination, errors, warnings: backing.warnings, meshes: [], services: [] }
    for (const mesh of meshes) taken.set(`${mesh.key} ${destination.hostname}`, destination)
    return {
      destination,
      errors,
      warnings: [...backing.warnings, ...dnsWarnings(destination, meshes)],
      meshes,
      services: backing.services,
    }
  })
}

function membersOf(destination: VirtualDestination, intents: readonly Intent[], groups: readonly GroupOutcome[]) {
  const { members } = destination
  const objections: Objection[] = []
  if ('virtualMesh' in members) {
    const { name, namespace } = members.virtualMesh
    const found = groups.find(
      ({ virtualMesh: { object, dialect } }) =>
        object.name === name && object.namespace === namespace && dialect.id === destination.dialect.id,
    )
    if (found?.group !== undefined) return { meshes: found.group.members, objections }
    const why = found === undefined ? 'not found' : 'is not valid'
    objections.push({
      code: 'reference-not-found',
      path: 'spec.virtualMesh',
      message: `VirtualMesh ${name}.${namespace} ${why}`,
    })
    return { meshes: [], objections }
  }
  const meshes = members.meshes.flatMap((ref) => {
    const mesh = findMesh(intents, destination, ref)
    if (mesh === undefined)
      objections.push({
        code: 'reference-not-found',
        path: 'spec.meshes',
        message: `Mesh ${ref.name}.${ref.namespace} not found`,
      })
    return mesh ?? []
  })
  return { meshes, objections }
}

function servicesOf({ backing, port, hostname }: VirtualDestination, fleet: Fleet) {
  const errors: Objection[] = []
  const warnings: Objection[] = []
  const services: Service[] = []
  if (backing.kind === 'ordered') {
    for (const ref of backing.services) {
      const service = findService(fleet, ref)
      if (service !== undefined) services.push(service)
      else if (ref.name !== '' && ref.namespace !== '' && ref.cluster !== '')
        errors.push({
          code: 'reference-not-found',
          path: 'spec.static.destinations',
          message: `Destination ${ref.name}.${ref.namespace}.${ref.cluster} not found`,
        })
    }
  } else services.push(...[...fleet.services.values()].filter((service) => selectsService(backing.services, service)))
  if (services.length === 0 && errors.length === 0)
    warnings.push({ code: 'no-effect', path: 'spec', message: `no service backs ${hostname}` })
  for (const service of services)
    if (service.ports.length > 0 && targetPort(service, port.target) === undefined)
      warnings.push({
        code: 'invalid-value',
        path: 'spec.port',
        message: `Destination ${service.object.name} has no port ${port.target}; it is left out`,
      })
  return { services, errors, warnings }
}

/** A mesh resolves host names of other suffixes only if its proxies answer DNS queries. */
function dnsWarnings({ hostname }: VirtualDestination, meshes: readonly Mesh[]): Objection[] {
  if (hostname.endsWith('.global')) return []
  const blind = meshes.filter(({ smartDns }) => !smartDns)
  if (blind.length === 0) return []
  const message = `mesh ${blind.map(showMesh).join(', ')} does not have smart DNS proxying enabled, so ${hostname} resolves there only if its DNS knows the name (names that end in .global need none)`
  return [{ code: 'no-effect', path: 'spec.hostname', message }]
}

function targetPort(service: Service, target: number | string): Service['ports'][number] | undefined {
  return service.ports.find(({ number, name }) => (typeof target === 'number' ? number === target : name === target))
}

/** What is needed to write the objects. */
export interface VirtualDestinationInput {
  readonly groups: ReadonlyMap<string, Group>
  readonly gatewaysOf: (mesh: Mesh) => readonly EastWestGateway[]
  readonly address: string
  readonly subsets: readonly Labels[]
  readonly subsetName: (labels: Labels) => string
  /** Outlier detection of a backing service, where a policy sets one. */
  readonly outlierOf: (service: Service) => OutlierDetection | undefined
}

/** Label of endpoints by which an order of preference is written: those of the n-th choice lack the first n of them. */
const rankLabel = (rank: number): string => `failover.fairlead.dev/before-${rank}`

type EndpointSpec = { readonly address: string; readonly labels?: Labels } & Readonly<Record<string, unknown>>

/** The Istio objects of a VirtualDestination that is in force. */
export function virtualDestinationObjects(
  result: VirtualDestinationResult,
  input: VirtualDestinationInput,
): ClusterObject[] {
  const { destination, meshes, services } = result
  const origin = { dialect: destination.dialect, parents: [destination.object] }
  const { name, namespace } = destination.place
  const made: ClusterObject[] = []
  for (const mesh of meshes) {
    const endpoints = services.flatMap((service, rank) => endpointsFor(mesh, service, rank, result, input))
    const place = { cluster: mesh.cluster, namespace, name }
    made.push(istioObject('ServiceEntry', place, origin, entrySpec(destination, endpoints, [input.address])))
    made.push(istioObject('DestinationRule', place, origin, ruleSpec(result, input)))
  }
  // A mesh that serves others need not know the name itself.
  for (const [mesh, backing] of Map.groupBy(services, (service) => service.mesh)) {
    if (meshes.every(({ key }) => key === mesh.key)) continue
    const serving = backing.filter(
      (service) => service.ports.length === 0 || targetPort(service, destination.port.target),
    )
    if (serving.length === 0) continue
    // Written while nobody is ready, too: a gateway must know the name before others send it requests for new pods.
    const own = serving.flatMap((service) => podEndpoints(service, destination))
    const place = { cluster: mesh.cluster, namespace: mesh.namespace, name: destination.hostname }
    made.push(istioObject('ServiceEntry', place, origin, { ...entrySpec(destination, own, []), exportTo: ['.'] }))
    const rule = compact({
      host: destination.hostname,
      trafficPolicy: { tls: { mode: destination.dialect.tlsMode } },
      subsets: subsetsOf(input),
    })
    made.push(istioObject('DestinationRule', place, origin, { ...rule, exportTo: ['.'] }))
  }
  return made
}

function entrySpec(
  { hostname, port }: VirtualDestination,
  endpoints: readonly EndpointSpec[],
  addresses: readonly string[],
): object {
  const resolution = resolutionOf(endpoints.map(({ address }) => address))
  return compact({
    hosts: [hostname],
    addresses: addresses.filter((address) => address !== ''),
    location: 'MESH_INTERNAL',
    ports: [{ number: port.number, protocol: port.protocol, name: portNameOf(port.protocol) }],
    resolution: 'error' in resolution ? 'DNS' : resolution.resolution,
    endpoints,
  })
}

const portNameOf = (protocol: string): string => protocol.toLowerCase()

function podEndpoints(service: Service, { port }: VirtualDestination): EndpointSpec[] {
  const target = targetPort(service, port.target)
  const name = target === undefined ? undefined : target.name === '' ? target.protocol : target.name
  if (service.ports.length > 0 && name === undefined) return []
  return service.endpoints.map(({ address, labels, locality, ports }) =>
    compact({
      address,
      ports: { [portNameOf(port.protocol)]: (name === undefined ? undefined : ports.get(name)) ?? Number(port.target) },
      labels,
      ...(locality !== '' && { locality }),
    }),
  )
}

/** The endpoints of one backing service as the callers of a mesh see them. */
function endpointsFor(
  mesh: Mesh,
  service: Service,
  rank: number,
  { destination, services }: VirtualDestinationResult,
  input: VirtualDestinationInput,
): EndpointSpec[] {
  const pods = podEndpoints(service, destination)
  const group = input.groups.get(service.mesh.key)
  if (group && areStrangers(group, mesh, service.mesh)) return []
  const flat = group?.virtualMesh.federation?.flatNetwork === true
  const seen =
    service.mesh.key === mesh.key || flat
      ? pods
      : input.gatewaysOf(service.mesh).flatMap(({ addresses, externalPort }) =>
          addresses.flatMap((address) =>
            pods.map((pod) => ({
              ...pod,
              address,
              ports: { [portNameOf(destination.port.protocol)]: externalPort },
            })),
          ),
        )
  if (destination.backing.kind !== 'ordered') return seen
  // The first choice has all rank labels, the last one none.
  const ranks = Object.fromEntries(services.slice(rank + 1).map((_, index) => [rankLabel(rank + 1 + index), 'true']))
  return seen.map((endpoint) => ({ ...endpoint, labels: { ...endpoint.labels, ...ranks } }))
}

const subsetsOf = ({ subsets, subsetName }: VirtualDestinationInput) =>
  subsets.map((labels) => ({ name: subsetName(labels), labels }))

function ruleSpec({ destination, services }: VirtualDestinationResult, input: VirtualDestinationInput): object {
  const outlier = destination.outlierDetection ?? services.map(input.outlierOf).find((each) => each !== undefined)
  const { consecutiveErrors = 10, interval = '5s', baseEjectionTime = '120s', maxEjectionPercent = 100 } = outlier ?? {}
  return compact({
    host: destination.hostname,
    trafficPolicy: {
      tls: { mode: destination.dialect.tlsMode },
      // Without outlier detection Istio never leaves a locality or a rank.
      outlierDetection: { consecutive5xxErrors: consecutiveErrors, interval, baseEjectionTime, maxEjectionPercent },
      loadBalancer: { localityLbSetting: localityOf(destination, services.length) },
    },
    subsets: subsetsOf(input),
  })
}

function localityOf({ backing }: VirtualDestination, count: number): object {
  if (backing.kind === 'ordered') {
    // A label that is met moves an endpoint ahead of those that lack it; the last rank to compare comes first.
    const failoverPriority = Array.from(
      { length: Math.max(0, count - 1) },
      (_, index) => `${rankLabel(count - 1 - index)}=true`,
    )
    return compact({ enabled: true, failoverPriority })
  }
  const failover = backing.failover.flatMap(({ from, to }) => {
    const next = to.find(({ region }) => region !== '' && region !== from.region)
    return from.region === '' || next === undefined ? [] : [{ from: from.region, to: next.region }]
  })
  return compact({ enabled: true, failover })
}
