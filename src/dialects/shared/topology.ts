// All that policies rest on: who is where, in which VirtualMesh, and by which name it is called from where.
import { type Identities, identitiesOf } from './access.ts'
import { type AddressOwner, assignAddresses } from './addresses.ts'
import { gatewayObjects } from './federation.ts'
import { type Federation, type Fleet, type Group, joinFleet } from './fleet.ts'
import { federate, formGroups, type GroupOutcome, groupsByMesh, type Verifies } from './groups.ts'
import { itemsOf, type Memory } from './memory.ts'
import { accessDefaultObjects } from './mesh-objects.ts'
import type { Intent, Mesh } from './model.ts'
import { subsetName } from './names.ts'
import type { ClusterObject } from './objects.ts'
import type { OccupiedPlaces } from './occupied.ts'
import type { Refusal } from './refusals.ts'
import { ServiceIndex } from './selectors.ts'
import type { Occupant, UnitInput } from './service-unit.ts'
import type { RouteContext } from './traffic/features/index.ts'
import { decideVirtualDestinations, type VirtualDestinationResult } from './virtual-destinations.ts'

/** Beside the intents: what else decides the outcome. */
export interface EngineInput {
  readonly intents: readonly Intent[]
  /** Virtual addresses given before, by host name. */
  readonly addresses: Readonly<Record<string, string>>
  readonly occupied: OccupiedPlaces
  /** A user's own object for the same host keeps Fairlead from writing its own (else: only one of the same name). */
  readonly yieldToUsers: boolean
  /** What is known from the translation before. */
  readonly memory: Memory
  readonly verifies: Verifies
  /** What proxies refuse of what was written before. */
  readonly refusals: readonly Refusal[]
}

/** Where everything is, and who calls it by which name: all but what policies say. */
export interface Topology {
  readonly fleet: Fleet
  readonly groups: readonly GroupOutcome[]
  readonly federation: ReadonlyMap<string, Federation>
  readonly virtualDestinations: readonly VirtualDestinationResult[]
  readonly byMesh: ReadonlyMap<string, Group>
  readonly routing: Omit<RouteContext, 'service' | 'cluster'>
  readonly units: readonly UnitInput[]
  /** Services of Istio's meshes. */
  readonly index: ServiceIndex
  /** All services. */
  readonly all: ServiceIndex
  readonly identities: Identities
  readonly addresses: ReadonlyMap<string, string>
  /** Id of the dialect that gave a host its address. */
  readonly hostOwners: ReadonlyMap<string, string>
  /** Of VirtualMeshes: gateways and defaults of access. */
  readonly objects: readonly ClusterObject[]
}

function makeTopology(input: EngineInput): Topology {
  const { intents } = input
  const fleet = joinFleet(intents)
  const groups = formGroups(intents, input.verifies)
  const byMesh = groupsByMesh(groups)
  const federation = federate(fleet, byMesh)
  const virtualDestinations = decideVirtualDestinations(intents, fleet, groups)
  const routing = routingOf(intents, fleet, federation, virtualDestinations)
  const units = unitsOf(input, fleet, federation, routing)
  return {
    fleet,
    groups,
    byMesh,
    federation,
    virtualDestinations,
    routing,
    units,
    index: new ServiceIndex(units.map(({ service }) => service)),
    all: new ServiceIndex([...fleet.services.values()]),
    identities: identitiesOf(
      intents.flatMap(({ meshes }) => meshes),
      fleet,
    ),
    addresses: assignAddresses(addressOwners(fleet, federation, virtualDestinations), input.addresses),
    hostOwners: ownersOf(federation, virtualDestinations),
    objects: groups.flatMap(({ group }) => {
      if (group === undefined) return []
      const hostnames = hostnamesByMesh(group.members, fleet, federation, virtualDestinations)
      return [...gatewayObjects(group, hostnames), ...accessDefaultObjects(group)]
    }),
  }
}

/** The topology; the same one as last time while nothing that it is made from has changed. */
export function topologyOf(input: EngineInput): Topology {
  return input.memory.keep('topology', originsOf(input), () => makeTopology(input))
}

/** What a topology is made from. */
function originsOf({ intents, addresses, occupied, yieldToUsers, verifies }: EngineInput): unknown[] {
  const clusters = [...new Set(intents.flatMap(({ meshes }) => meshes.map(({ cluster }) => cluster)))].sort()
  const strangers = clusters.flatMap((one) =>
    clusters.filter((other) => !verifies(one, other)).map((other) => `${one} ${other}`),
  )
  return [
    JSON.stringify([addresses, strangers]),
    occupied.version,
    yieldToUsers,
    ...intents.flatMap((intent) => [
      intent.dialect,
      intent.meshes,
      intent.services,
      intent.workloads,
      ...itemsOf(intent.virtualMeshes),
      ...itemsOf(intent.virtualDestinations),
      ...itemsOf(intent.externalServices),
    ]),
  ]
}

/** What is needed to work on each service by itself. */
function unitsOf(
  { occupied, yieldToUsers, memory }: EngineInput,
  fleet: Fleet,
  federation: ReadonlyMap<string, Federation>,
  routing: Omit<RouteContext, 'service' | 'cluster'>,
): UnitInput[] {
  const occupant: Occupant = (kind, cluster, host) => (yieldToUsers ? occupied.byHost(kind, cluster, host) : undefined)
  return [...fleet.services.values()]
    .filter(({ mesh }) => mesh.isIstio)
    .map((service) => ({ service, federated: federation.get(service.key), routing, occupant, memory }))
}

/** Who is called by which name where, and what else routes refer to. */
function routingOf(
  intents: readonly Intent[],
  fleet: Fleet,
  federation: ReadonlyMap<string, Federation>,
  destinations: readonly VirtualDestinationResult[],
): Omit<RouteContext, 'service' | 'cluster'> {
  const external = intents.flatMap(({ externalServices }) => externalServices)
  return {
    fleet,
    hostOn: (service, cluster) => {
      if (service.ref.cluster === cluster) return service.localHost
      const found = federation.get(service.key)
      return found?.clients.some((mesh) => mesh.cluster === cluster) ? found.hostname : service.givenHostname
    },
    isAwaited: (service, cluster) => federation.get(service.key)?.awaited.some((m) => m.cluster === cluster) === true,
    subsetName,
    virtualDestination: ({ name, namespace }) => {
      const found = destinations.find(
        ({ destination: { object } }) => object.name === name && object.namespace === namespace,
      )
      if (found === undefined) return undefined
      const { hostname, port } = found.destination
      const services = found.services.map(({ ref }) => ref)
      return { host: hostname, port: port.number, clusters: found.meshes.map(({ cluster }) => cluster), services }
    },
    externalService: ({ name, namespace }) => {
      const found = external.find(({ object }) => object.name === name && object.namespace === namespace)
      return found && { host: found.hosts[0] ?? '', ports: found.ports.map(({ number }) => number) }
    },
  }
}

function addressOwners(
  fleet: Fleet,
  federation: ReadonlyMap<string, Federation>,
  destinations: readonly VirtualDestinationResult[],
): AddressOwner[] {
  const services = [...federation].flatMap(([key, { hostname }]) => {
    const ref = fleet.services.get(key)?.ref
    return ref === undefined ? [] : [{ hostname, ...ref, scope: 'kube-service' as const }]
  })
  const virtual = destinations
    .filter(({ meshes }) => meshes.length > 0)
    .map(({ destination: { hostname, object, addressScope } }) => ({
      hostname,
      name: object.name,
      namespace: object.namespace,
      cluster: '',
      scope: addressScope,
    }))
  return [...services, ...virtual]
}

function ownersOf(
  federation: ReadonlyMap<string, Federation>,
  destinations: readonly VirtualDestinationResult[],
): ReadonlyMap<string, string> {
  return new Map([
    ...[...federation.values()].map(({ hostname, group }) => [hostname, group.virtualMesh.dialect.id] as const),
    ...destinations.map(({ destination: { hostname, dialect } }) => [hostname, dialect.id] as const),
  ])
}

/** Host names by which others call into each member. */
function hostnamesByMesh(
  members: readonly Mesh[],
  fleet: Fleet,
  federation: ReadonlyMap<string, Federation>,
  destinations: readonly VirtualDestinationResult[],
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>(members.map(({ key }) => [key, new Set()]))
  for (const [key, { hostname }] of federation) found.get(fleet.services.get(key)?.mesh.key ?? '')?.add(hostname)
  for (const { destination, meshes, services } of destinations)
    for (const { mesh } of services) if (meshes.length > 0) found.get(mesh.key)?.add(destination.hostname)
  return new Map([...found].map(([key, hostnames]) => [key, [...hostnames].sort()]))
}
