// Intents of all generations → Istio objects for each cluster, and what became of each thing that a user wrote.
// Read `translateIntents` from top to bottom.
import type { ObjectRef, Problem } from '../../report/index.ts'
import { type AccessResult, accessObjects, examineAccess, trustDomains } from './access.ts'
import { type AddressOwner, assignAddresses } from './addresses.ts'
import { externalServiceObjects } from './external-service.ts'
import { clientEntry, gatewayObjects, serverEntry } from './federation.ts'
import { type Federation, type Fleet, type Group, joinFleet } from './fleet.ts'
import { federate, formGroups, type GroupOutcome, groupsByMesh } from './groups.ts'
import { accessDefaultObjects } from './mesh-objects.ts'
import type { AccessPolicy, ClusterRef, Intent, Mesh, OutlierDetection, Service, TrafficPolicy } from './model.ts'
import { subsetName } from './names.ts'
import { type ClusterObject, istioObject, yieldsTo } from './objects.ts'
import type { Occupied } from './occupied.ts'
import { selectsService, serviceKey } from './selectors.ts'
import { bySeniority } from './seniority.ts'
import { type AppliedPolicies, applyPolicies, type PolicyError, type PolicyResult } from './traffic/applied.ts'
import { collectSubsets, ruleSpec, type Subsets, virtualKey } from './traffic/destination-rule.ts'
import type { HostOn, RouteContext } from './traffic/features/index.ts'
import { httpRoutes } from './traffic/virtual-service.ts'
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
  readonly unreachable: ReadonlyMap<string, string>
  readonly traffic: readonly TrafficResult[]
  readonly access: readonly AccessResult[]
  /** TrafficPolicies in force for a service, senior first, by its key. */
  readonly applied: ReadonlyMap<string, AppliedPolicies>
  readonly subsets: Subsets
  readonly virtualDestinations: readonly VirtualDestinationResult[]
  readonly hostOn: HostOn
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
  const groups = formGroups(intents)
  const byMesh = groupsByMesh(groups)
  const federation = federate(fleet, byMesh)
  const virtualDestinations = decideVirtualDestinations(intents, fleet, groups)
  const routing = routingOf(intents, fleet, federation, virtualDestinations)
  const { traffic, applied, subsets } = decideTraffic(input, fleet, federation, routing)
  const addresses = assignAddresses(addressOwners(fleet, federation, virtualDestinations), input.addresses)
  const writing: Writing = { input, subsets, addresses, objects: [], problems: [] }
  const unreachable = new Map<string, string>()

  for (const service of fleet.services.values()) {
    const policies = applied.get(service.key)
    if (!service.mesh.isIstio || policies === undefined) continue
    writeLocal(service, policies, writing)
    const federated = federation.get(service.key)
    const problem = federated && writeFederated(service, federated, policies, writing)
    if (problem !== undefined) unreachable.set(service.key, problem)
  }
  for (const { externalServices } of intents) writing.objects.push(...externalServices.flatMap(externalServiceObjects))
  writeVirtualDestinations(virtualDestinations, byMesh, applied, writing)
  const access = decideAccess(intents, fleet, writing)
  for (const { group } of groups) {
    if (group === undefined) continue
    const hostnames = hostnamesByMesh(group.members, fleet, federation, virtualDestinations)
    writing.objects.push(...gatewayObjects(group, hostnames), ...accessDefaultObjects(group))
  }
  return {
    fleet,
    groups,
    federation,
    unreachable,
    traffic,
    access,
    applied,
    subsets,
    virtualDestinations,
    hostOn: routing.hostOn,
    routing,
    objects: writing.objects,
    addresses,
    hostOwners: ownersOf(federation, virtualDestinations),
    problems: writing.problems,
  }
}

/** What the writing steps share; they add to its lists. */
interface Writing {
  readonly input: EngineInput
  readonly subsets: Subsets
  readonly addresses: ReadonlyMap<string, string>
  readonly objects: ClusterObject[]
  readonly problems: Problem[]
}

function contextsOf(
  service: Service,
  federated: Federation | undefined,
  routing: Omit<RouteContext, 'service' | 'cluster'>,
): RouteContext[] {
  const clusters = [service.ref.cluster, ...(federated?.clients ?? []).map(({ cluster }) => cluster)]
  return [...new Set(clusters)].map((cluster) => ({ ...routing, service, cluster }))
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

function decideTraffic(
  input: EngineInput,
  fleet: Fleet,
  federation: ReadonlyMap<string, Federation>,
  routing: Omit<RouteContext, 'service' | 'cluster'>,
) {
  const { intents } = input
  const sorted = bySeniority(intents.flatMap(({ trafficPolicies }) => trafficPolicies))
  const errors = new Map(sorted.map((policy) => [policy, referenceErrors(policy, fleet)]))
  const sound = sorted.filter((policy) => errors.get(policy)?.length === 0)
  const services = new Map<TrafficPolicy, Map<string, PolicyResult & { service: Service }>>()
  const applied = new Map<string, AppliedPolicies>()
  for (const service of fleet.services.values()) {
    const selected = bySeniority(
      sound.filter(({ destinations }) => selectsService(destinations, service)),
      service,
    )
    const contexts = contextsOf(service, federation.get(service.key), routing)
    const done = applyPolicies(service, selected, contexts, refusal(service, input))
    applied.set(service.key, done)
    for (const result of done.results) {
      const own = services.get(result.policy) ?? new Map<string, PolicyResult & { service: Service }>()
      services.set(result.policy, own.set(service.key, { ...result, service }))
    }
  }
  const traffic: TrafficResult[] = sorted.map((policy) => ({
    policy,
    errors: errors.get(policy) ?? [],
    services: services.get(policy) ?? new Map(),
  }))
  const inForce = [...applied.values()].flatMap(({ results }) => results.filter((r) => r.errors.length === 0))
  const targets = [
    ...new Set(inForce.flatMap(({ policy }) => policy.policy.trafficShift ?? [])),
    ...intents.flatMap(({ otherTargets }) => otherTargets),
  ]
  return { traffic, applied, subsets: collectSubsets(targets) }
}

/** Why a policy can have no effect on a service, though it is valid: a user's own object decides. */
function refusal(
  service: Service,
  { yieldToUsers, occupied }: EngineInput,
): (kind: 'VirtualService' | 'DestinationRule') => ObjectRef | undefined {
  const { cluster } = service.ref
  return (kind) => (yieldToUsers ? occupied.byHost(kind, cluster, service.localHost) : undefined)
}

/** References to services that do not exist, and what was found in the policy by itself. */
function referenceErrors(policy: TrafficPolicy | AccessPolicy, fleet: Fleet): PolicyError[] {
  const own = policy.problems
    .filter(({ severity }) => severity === 'error')
    .map(({ code, path, message }) => ({ code, path, message }))
  const selected = policy.destinations.flatMap(({ refs = [] }, index) => {
    const path = policy.destinations.length > 1 ? `spec.destinationSelector[${index}]` : 'spec.destinationSelector'
    return refs.flatMap((ref) => missingService(ref, fleet, path, 'Destination'))
  })
  return [...own, ...selected, ...('policy' in policy ? missingTargets(policy, fleet) : [])]
}

function missingTargets({ policy }: TrafficPolicy, fleet: Fleet): PolicyError[] {
  const shift = (policy.trafficShift ?? []).flatMap(({ target }, index) =>
    target.kind === 'service'
      ? missingService(
          target.ref,
          fleet,
          `trafficShift.destinations[${index}]`,
          'invalid traffic shift destination: service',
        )
      : [],
  )
  const mirror =
    policy.mirror === undefined
      ? []
      : missingService(policy.mirror.ref, fleet, 'mirror', 'invalid mirror destination: service')
  return [...shift, ...mirror]
}

/** A reference that lacks a field was told of already. */
function missingService(ref: ClusterRef, fleet: Fleet, path: string, what: string): PolicyError[] {
  const { name, namespace, cluster } = ref
  if (name === '' || namespace === '' || cluster === '' || fleet.services.has(serviceKey(ref))) return []
  return [{ code: 'reference-not-found', path, message: `${what} ${name}.${namespace}.${cluster} not found` }]
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

function writeLocal(service: Service, policies: AppliedPolicies, writing: Writing): void {
  const { cluster, namespace, name } = service.ref
  const origin = { dialect: service.mesh.dialect, parents: [service.object] }
  const place = { cluster, namespace, name }
  const own = policies.clusters[0]
  const http = own === undefined ? [] : httpRoutes(service, own)
  const user = refusal(service, writing.input)
  const write = (kind: 'VirtualService' | 'DestinationRule', spec: object): void => {
    const occupant = user(kind)
    if (occupant === undefined) writing.objects.push(istioObject(kind, place, origin, spec))
    else writing.problems.push(yieldsTo(occupant, `a ${kind} for host ${service.localHost}`))
  }
  if (http.length > 0) write('VirtualService', { hosts: [service.localHost], http })
  const subsets = writing.subsets.get(service.key) ?? []
  const base = { host: service.localHost, tlsMode: origin.dialect.tlsMode, subsets, subsetName }
  write('DestinationRule', ruleSpec(base, policies.rule))
}

/** Writes the objects of a federated service; returns why it cannot be reached, if so. */
function writeFederated(
  service: Service,
  federated: Federation,
  policies: AppliedPolicies,
  writing: Writing,
): string | undefined {
  const { hostname, group, clients } = federated
  const { virtualMesh } = group
  const { dialect } = virtualMesh
  const { name, namespace, cluster } = service.ref
  if (service.ports.length === 0) return `service ${name}.${namespace}.${cluster} has no known ports`
  const subsets = writing.subsets.get(service.key) ?? []
  const entry = clientEntry(service, federated, writing.addresses.get(hostname) ?? '', subsets)
  if ('error' in entry) return entry.error
  const server = serverEntry(service, hostname)
  if ('error' in server) return server.error
  const keepalive = virtualMesh.federation?.keepalive
  const rule = ruleSpec({ host: hostname, tlsMode: dialect.tlsMode, keepalive, subsets, subsetName }, policies.rule)
  const parents = [service.object, virtualMesh.object]
  const plain = { dialect, parents }
  const copy = { ...plain, annotations: dialect.federated(service) }
  for (const client of clients) {
    const place = (object: string) => ({ cluster: client.cluster, namespace: client.namespace, name: object })
    writing.objects.push(
      istioObject('ServiceEntry', place(hostname), plain, entry.spec),
      istioObject('DestinationRule', place(dialect.clientRuleName(service, hostname)), copy, rule),
    )
    const routes = policies.clusters.find((each) => each.context.cluster === client.cluster)
    const http = routes === undefined ? [] : httpRoutes(service, routes)
    const spec = { hosts: [hostname], http }
    if (http.length > 0)
      writing.objects.push(istioObject('VirtualService', place(`${name}-${namespace}-${cluster}`), copy, spec))
  }
  const own = { cluster: service.mesh.cluster, namespace: service.mesh.namespace, name: hostname }
  writing.objects.push(
    istioObject('ServiceEntry', own, plain, server.spec),
    istioObject('DestinationRule', own, plain, rule),
  )
  return undefined
}

function writeVirtualDestinations(
  results: readonly VirtualDestinationResult[],
  groups: ReadonlyMap<string, Group>,
  applied: ReadonlyMap<string, AppliedPolicies>,
  writing: Writing,
): void {
  for (const result of results) {
    const { object, hostname, addressScope } = result.destination
    const outlierOf = (service: Service): OutlierDetection | undefined =>
      applied.get(service.key)?.rule.get('outlierDetection')?.value as OutlierDetection | undefined
    const input = {
      groups,
      gatewaysOf: (mesh: Mesh) => groups.get(mesh.key)?.gateways.get(mesh.key) ?? [],
      address: writing.addresses.get(hostname) ?? '',
      subsets: writing.subsets.get(virtualKey(object)) ?? [],
      subsetName,
      outlierOf,
      addressScope,
    }
    writing.objects.push(...virtualDestinationObjects(result, input))
  }
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

function decideAccess(intents: readonly Intent[], fleet: Fleet, writing: Writing): AccessResult[] {
  const domains = trustDomains(intents.flatMap(({ meshes }) => meshes))
  const results = bySeniority(intents.flatMap(({ accessPolicies }) => accessPolicies)).map((policy) => {
    const result = examineAccess(policy, fleet, domains)
    return { ...result, errors: [...referenceErrors(policy, fleet), ...result.errors] }
  })
  const sound = results.filter(({ errors }) => errors.length === 0)
  for (const service of fleet.services.values()) {
    const own = sound.filter(({ policy }) => selectsService(policy.destinations, service))
    const ordered = bySeniority(
      own.map(({ policy }) => policy),
      service,
    )
    if (own.length > 0 && service.mesh.isIstio) writing.objects.push(...accessObjects(service, ordered, domains))
  }
  return results
}
