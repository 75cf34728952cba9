// Intents of all generations → Istio objects for each cluster, and what became of each thing that a user wrote.
// Read `translateIntents` from top to bottom.
import type { Problem } from '../../report/index.ts'
import { type AccessResult, accessObjects, examineAccess, identitiesOf } from './access.ts'
import { type AddressOwner, assignAddresses } from './addresses.ts'
import { externalServiceObjects } from './external-service.ts'
import { gatewayObjects, type Unreachable } from './federation.ts'
import { type Federation, type Fleet, type Group, joinFleet } from './fleet.ts'
import { federate, formGroups, type GroupOutcome, groupsByMesh, type Verifies } from './groups.ts'
import type { Memory } from './memory.ts'
import { accessDefaultObjects } from './mesh-objects.ts'
import type { AccessPolicy, Intent, Mesh, OutlierDetection, Service, TrafficPolicy } from './model.ts'
import { subsetName } from './names.ts'
import type { ClusterObject } from './objects.ts'
import type { Occupied } from './occupied.ts'
import { referenceErrors } from './references.ts'
import { type Refusal, type RefusalError, Refusals } from './refusals.ts'
import { selectServices } from './selectors.ts'
import { bySeniority } from './seniority.ts'
import { applyTo, type Occupant, type UnitInput, unitObjects, unitText } from './service-unit.ts'
import type { AppliedPolicies, PolicyError, PolicyResult } from './traffic/applied.ts'
import { collectSubsets, type Subsets, virtualKey } from './traffic/destination-rule.ts'
import type { RouteContext } from './traffic/features/index.ts'
import {
  decideVirtualDestinations,
  type VirtualDestinationResult,
  virtualDestinationObjects,
} from './virtual-destinations.ts'

/** Beside the intents: what else decides the outcome. */
export interface EngineInput {
  readonly intents: readonly Intent[]
  /** Virtual addresses given before, by host name. */
  readonly addresses: Readonly<Record<string, string>>
  readonly occupied: Occupied
  /** A user's own object for the same host keeps Fairlead from writing its own (else: only one of the same name). */
  readonly yieldToUsers: boolean
  /** What is known from the translation before. */
  readonly memory: Memory
  readonly verifies: Verifies
  /** What proxies refuse of what was written before. */
  readonly refusals: readonly Refusal[]
}

/** What became of a TrafficPolicy. */
export interface TrafficResult {
  readonly policy: TrafficPolicy
  /** Errors that concern the policy as a whole; it then has no effect at all. */
  readonly errors: readonly PolicyError[]
  /** What became of it for each service that it selects, by the service's key. */
  readonly services: ReadonlyMap<string, PolicyResult & { readonly service: Service }>
}

export interface Outcome {
  readonly fleet: Fleet
  readonly groups: readonly GroupOutcome[]
  readonly federation: ReadonlyMap<string, Federation>
  /** Services that are federated, but cannot be reached: why, by the service's key. */
  readonly unreachable: ReadonlyMap<string, Unreachable>
  readonly traffic: readonly TrafficResult[]
  readonly access: readonly AccessResult[]
  /** TrafficPolicies in force for a service, senior first, by its key. */
  readonly applied: ReadonlyMap<string, AppliedPolicies>
  readonly subsets: Subsets
  readonly virtualDestinations: readonly VirtualDestinationResult[]
  readonly routing: Omit<RouteContext, 'service' | 'cluster'>
  readonly objects: readonly ClusterObject[]
  readonly addresses: ReadonlyMap<string, string>
  /** Id of the dialect that gave a host its address. */
  readonly hostOwners: ReadonlyMap<string, string>
  readonly problems: readonly Problem[]
}

/** Translates everything. Pure: the same input gives the same output, whatever the order of its parts. */
export function translateIntents(input: EngineInput): Outcome {
  const { intents } = input
  const fleet = joinFleet(intents)
  const groups = formGroups(intents, input.verifies)
  const byMesh = groupsByMesh(groups)
  const federation = federate(fleet, byMesh)
  const virtualDestinations = decideVirtualDestinations(intents, fleet, groups)
  const routing = routingOf(intents, fleet, federation, virtualDestinations)
  const units = unitsOf(input, fleet, federation, routing)
  const decided = decideTraffic(intents, fleet, units)
  const { applied, subsets } = decided
  const refusals = new Refusals(input.refusals)
  const refused = new Map<string, readonly RefusalError[]>()
  const addresses = assignAddresses(addressOwners(fleet, federation, virtualDestinations), input.addresses)
  const objects: ClusterObject[] = []
  const problems: Problem[] = []
  const unreachable = new Map<string, Unreachable>()

  for (const [key, { unit, made }] of applied) {
    const address = addresses.get(unit.federated?.hostname ?? '') ?? ''
    const written = unitObjects(unit, made.applied, made.made, subsets.get(key) ?? [], address)
    objects.push(...written.objects)
    refused.set(key, refusals.of(written.objects))
    problems.push(...written.problems)
    if (written.unreachable !== undefined) unreachable.set(key, written.unreachable)
  }
  for (const { externalServices } of intents) objects.push(...externalServices.flatMap(externalServiceObjects))
  const policies = new Map([...applied].map(([key, { made }]) => [key, made.applied]))
  objects.push(...destinationObjects(virtualDestinations, byMesh, { applied: policies, subsets, addresses }))
  const access = decideAccess(intents, fleet, objects, refusals)
  for (const { group } of groups) {
    if (group === undefined) continue
    const hostnames = hostnamesByMesh(group.members, fleet, federation, virtualDestinations)
    objects.push(...gatewayObjects(group, hostnames), ...accessDefaultObjects(group))
  }
  return {
    fleet,
    groups,
    federation,
    unreachable,
    traffic: decided.traffic.map((result) => withRefusals(result, refused)),
    access,
    applied: policies,
    subsets,
    virtualDestinations,
    routing,
    objects,
    addresses,
    hostOwners: ownersOf(federation, virtualDestinations),
    problems,
  }
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
      return { host: hostname, port: port.number, clusters: found.meshes.map(({ cluster }) => cluster) }
    },
    externalService: ({ name, namespace }) => {
      const found = external.find(({ object }) => object.name === name && object.namespace === namespace)
      return found && { host: found.hosts[0] ?? '', ports: found.ports.map(({ number }) => number) }
    },
  }
}

function decideTraffic(intents: readonly Intent[], fleet: Fleet, units: readonly UnitInput[]) {
  const sorted = bySeniority(intents.flatMap(({ trafficPolicies }) => trafficPolicies))
  const errors = new Map(sorted.map((policy) => [policy, referenceErrors(policy, fleet)]))
  const sound = sorted.filter((policy) => errors.get(policy)?.length === 0)
  const services = new Map<TrafficPolicy, Map<string, PolicyResult & { service: Service }>>()
  const applied = new Map<string, { readonly unit: UnitInput; readonly made: ReturnType<typeof applyTo> }>()
  const selected = selectServices(
    sound,
    units.map(({ service }) => service),
  )
  for (const unit of units) {
    const { service } = unit
    const made = applyTo(unit, unitText(unit), bySeniority(selected.get(service) ?? [], service))
    applied.set(service.key, { unit, made })
    for (const result of made.applied.results) {
      const own = services.get(result.policy) ?? new Map<string, PolicyResult & { service: Service }>()
      services.set(result.policy, own.set(service.key, { ...result, service }))
    }
  }
  const traffic: TrafficResult[] = sorted.map((policy) => ({
    policy,
    errors: errors.get(policy) ?? [],
    services: services.get(policy) ?? new Map(),
  }))
  const inForce = traffic.filter((each) => [...each.services.values()].some((result) => result.errors.length === 0))
  const targets = [
    ...inForce.flatMap(({ policy }) => policy.policy.trafficShift ?? []),
    ...intents.flatMap(({ otherTargets }) => otherTargets),
  ]
  return { traffic, applied, subsets: collectSubsets(targets) }
}

/** What proxies refuse of a service is told on the policies that are in force for it. */
function withRefusals(result: TrafficResult, refused: ReadonlyMap<string, readonly PolicyError[]>): TrafficResult {
  const services = new Map(
    [...result.services].map(([key, each]) => {
      const found = refused.get(key) ?? []
      return [key, found.length === 0 || each.errors.length > 0 ? each : { ...each, errors: found }]
    }),
  )
  return { ...result, services }
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

interface DestinationInput {
  readonly applied: ReadonlyMap<string, AppliedPolicies>
  readonly subsets: Subsets
  readonly addresses: ReadonlyMap<string, string>
}

function destinationObjects(
  results: readonly VirtualDestinationResult[],
  groups: ReadonlyMap<string, Group>,
  { applied, subsets, addresses }: DestinationInput,
): ClusterObject[] {
  const outlierOf = (service: Service): OutlierDetection | undefined =>
    applied.get(service.key)?.clusters[0]?.rule.get('outlierDetection')?.value as OutlierDetection | undefined
  return results.flatMap((result) => {
    const { object, hostname } = result.destination
    return virtualDestinationObjects(result, {
      groups,
      gatewaysOf: (mesh: Mesh) => groups.get(mesh.key)?.gateways.get(mesh.key) ?? [],
      address: addresses.get(hostname) ?? '',
      subsets: subsets.get(virtualKey(object)) ?? [],
      subsetName,
      outlierOf,
    })
  })
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

function decideAccess(
  intents: readonly Intent[],
  fleet: Fleet,
  objects: ClusterObject[],
  refusals: Refusals,
): AccessResult[] {
  const identities = identitiesOf(
    intents.flatMap(({ meshes }) => meshes),
    fleet,
  )
  const results = bySeniority(intents.flatMap(({ accessPolicies }) => accessPolicies)).map((policy) => {
    const result = examineAccess(policy, fleet, identities)
    return { ...result, errors: [...referenceErrors(policy, fleet), ...result.errors] }
  })
  const sound = results.filter(({ errors }) => errors.length === 0)
  const selected = selectServices(
    sound.map(({ policy }) => policy),
    [...fleet.services.values()],
  )
  const refused = new Map<AccessPolicy, RefusalError[]>()
  for (const [service, own] of selected) {
    if (!service.mesh.isIstio) continue
    const made = accessObjects(service, bySeniority(own, service), identities)
    objects.push(...made)
    const found = refusals.of(made)
    for (const policy of found.length > 0 ? own : []) refused.set(policy, [...(refused.get(policy) ?? []), ...found])
  }
  return results.map((result) => ({ ...result, errors: [...result.errors, ...(refused.get(result.policy) ?? [])] }))
}
