// Intents of all generations → Istio objects for each cluster, and what became of each thing that a user wrote.
// Read `translateIntents` from top to bottom.
import type { ObjectRef, Problem } from '../../report/index.ts'
import { formatRef } from '../../report/index.ts'
import { type AccessResult, accessObjects, examineAccess, trustDomains } from './access.ts'
import { type AddressOwner, assignAddresses } from './addresses.ts'
import { clientEntry, gatewayObjects, serverEntry } from './federation.ts'
import { type Federation, type Fleet, joinFleet } from './fleet.ts'
import { federate, formGroups, type GroupOutcome, groupsByMesh } from './groups.ts'
import { accessDefaultObjects } from './mesh-objects.ts'
import type { AccessPolicy, ClusterRef, Intent, Mesh, Service, TrafficPolicy } from './model.ts'
import { subsetName } from './names.ts'
import { type ClusterObject, compareObjects, istioObject } from './objects.ts'
import type { Occupied } from './occupied.ts'
import { selectsService, serviceKey } from './selectors.ts'
import { bySeniority } from './seniority.ts'
import { type AppliedPolicies, applyPolicies, type PolicyError, type PolicyResult } from './traffic/applied.ts'
import { collectSubsets, ruleSpec, type Subsets } from './traffic/destination-rule.ts'
import type { HostOn, RouteContext } from './traffic/features/index.ts'
import { httpRoutes } from './traffic/virtual-service.ts'

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
  readonly warnings: readonly PolicyError[]
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
  const { traffic, applied, subsets } = decideTraffic(input, fleet, federation)
  const addresses = assignAddresses(addressOwners(fleet, federation), input.addresses)
  const writer = new Writer(input.occupied)
  const unreachable = new Map<string, string>()

  for (const service of fleet.services.values()) {
    if (!service.mesh.isIstio) continue
    const policies = applied.get(service.key)
    if (policies === undefined) continue
    const federated = federation.get(service.key)
    writeLocal(service, policies, subsets, input, writer)
    if (federated === undefined) continue
    const problem = writeFederated(service, federated, policies, { subsets, addresses, input, writer })
    if (problem !== undefined) unreachable.set(service.key, problem)
  }
  const access = decideAccess(intents, fleet, writer)
  for (const { group } of groups) {
    if (group === undefined) continue
    writer.add(
      ...gatewayObjects(group, hostnamesByMesh(group.members, fleet, federation)),
      ...accessDefaultObjects(group),
    )
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
    objects: writer.objects(),
    addresses,
    hostOwners: new Map(
      [...federation.values()].map(({ hostname, group }) => [hostname, group.virtualMesh.dialect.id]),
    ),
    problems: writer.problems,
  }
}

/** Collects objects; one that would overwrite a user's own object is left out, and the clash is told. */
class Writer {
  readonly problems: Problem[] = []
  readonly #occupied: Occupied
  readonly #made: ClusterObject[] = []

  constructor(occupied: Occupied) {
    this.#occupied = occupied
  }

  add(...objects: readonly ClusterObject[]): void {
    for (const made of objects) {
      const { kind, metadata } = made.object
      const place = { cluster: made.cluster, namespace: metadata.namespace ?? '', name: metadata.name }
      const user = this.#occupied.byName(kind, place)
      if (user === undefined) this.#made.push(made)
      else this.yieldTo(user, `a ${kind} of this name`)
    }
  }

  /** Tells that a user's object keeps Fairlead from writing its own. */
  yieldTo(user: ObjectRef, what: string): void {
    const message = `Fairlead would write ${what}; it does not, since ${formatRef(user)} is not its own`
    if (this.problems.some((problem) => problem.object === user && problem.message === message)) return
    this.problems.push({ code: 'conflict', severity: 'warning', object: user, path: '', message })
  }

  objects(): ClusterObject[] {
    return this.#made.sort(compareObjects)
  }
}

function contextsOf(
  service: Service,
  federated: Federation | undefined,
  base: Omit<RouteContext, 'service' | 'cluster'>,
): RouteContext[] {
  const clusters = [service.ref.cluster, ...(federated?.clients ?? []).map(({ cluster }) => cluster)]
  return [...new Set(clusters)].map((cluster) => ({ ...base, service, cluster }))
}

function decideTraffic(input: EngineInput, fleet: Fleet, federation: ReadonlyMap<string, Federation>) {
  const hostOn: HostOn = (service, cluster) => {
    if (service.ref.cluster === cluster) return service.localHost
    const found = federation.get(service.key)
    return found?.clients.some((mesh) => mesh.cluster === cluster) ? found.hostname : service.givenHostname
  }
  const base = {
    fleet,
    hostOn,
    subsetName,
    virtualDestination: () => undefined,
    externalService: () => undefined,
  }
  const sorted = bySeniority(input.intents.flatMap(({ trafficPolicies }) => trafficPolicies))
  const errors = new Map(sorted.map((policy) => [policy, referenceErrors(policy, fleet)]))
  const sound = sorted.filter((policy) => errors.get(policy)?.length === 0)
  const services = new Map<TrafficPolicy, Map<string, PolicyResult & { service: Service }>>()
  const applied = new Map<string, AppliedPolicies>()
  for (const service of fleet.services.values()) {
    const selected = bySeniority(
      sound.filter(({ destinations }) => selectsService(destinations, service)),
      service,
    )
    const done = applyPolicies(service, selected, contextsOf(service, federation.get(service.key), base))
    applied.set(service.key, done)
    for (const result of done.results) {
      const own = services.get(result.policy) ?? new Map()
      services.set(result.policy, own.set(service.key, { ...result, service }))
    }
  }
  const inForce = new Set(
    [...applied.values()].flatMap(({ results }) => results.filter((r) => r.errors.length === 0).map((r) => r.policy)),
  )
  const traffic: TrafficResult[] = sorted.map((policy) => ({
    policy,
    errors: errors.get(policy) ?? [],
    warnings: [],
    services: services.get(policy) ?? new Map(),
  }))
  return { traffic, applied, subsets: collectSubsets(inForce) }
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

function addressOwners(fleet: Fleet, federation: ReadonlyMap<string, Federation>): AddressOwner[] {
  return [...federation].flatMap(([key, { hostname }]) => {
    const ref = fleet.services.get(key)?.ref
    return ref === undefined ? [] : [{ hostname, ...ref, scope: 'kube-service' as const }]
  })
}

function writeLocal(
  service: Service,
  policies: AppliedPolicies,
  subsets: Subsets,
  input: EngineInput,
  writer: Writer,
): void {
  const { cluster, namespace, name } = service.ref
  const origin = { dialect: service.mesh.dialect, parents: [service.object] }
  const place = { cluster, namespace, name }
  const own = policies.clusters[0]
  const http = own === undefined ? [] : httpRoutes(own)
  const yields = (kind: 'VirtualService' | 'DestinationRule'): boolean => {
    const user = input.yieldToUsers ? input.occupied.byHost(kind, cluster, service.localHost) : undefined
    if (user !== undefined) writer.yieldTo(user, `a ${kind} for host ${service.localHost}`)
    return user !== undefined
  }
  if (http.length > 0 && !yields('VirtualService'))
    writer.add(istioObject('VirtualService', place, origin, { hosts: [service.localHost], http }))
  if (yields('DestinationRule')) return
  const spec = ruleSpec(
    { host: service.localHost, tlsMode: origin.dialect.tlsMode, subsets: subsets.get(service.key) ?? [], subsetName },
    policies.rule,
  )
  writer.add(istioObject('DestinationRule', place, origin, spec))
}

interface FederatedInput {
  readonly subsets: Subsets
  readonly addresses: ReadonlyMap<string, string>
  readonly input: EngineInput
  readonly writer: Writer
}

/** Writes the objects of a federated service; returns why it cannot be reached, if so. */
function writeFederated(
  service: Service,
  federated: Federation,
  policies: AppliedPolicies,
  context: FederatedInput,
): string | undefined {
  const { hostname, group, clients } = federated
  const { virtualMesh } = group
  const { dialect } = virtualMesh
  const { writer } = context
  if (service.ports.length === 0)
    return `service ${service.ref.name}.${service.ref.namespace}.${service.ref.cluster} has no known ports`
  const subsets = context.subsets.get(service.key) ?? []
  const entry = clientEntry(service, federated, context.addresses.get(hostname) ?? '', subsets)
  if ('error' in entry) return entry.error
  const server = serverEntry(service, hostname)
  if ('error' in server) return server.error
  const rule = ruleSpec(
    { host: hostname, tlsMode: dialect.tlsMode, keepalive: virtualMesh.federation?.keepalive, subsets, subsetName },
    policies.rule,
  )
  const parents = [service.object, virtualMesh.object]
  const copy = { dialect, parents, annotations: dialect.federated(service) }
  for (const client of clients) {
    const place = (name: string) => ({ cluster: client.cluster, namespace: client.namespace, name })
    writer.add(istioObject('ServiceEntry', place(hostname), { dialect, parents }, entry.spec))
    writer.add(istioObject('DestinationRule', place(dialect.clientRuleName(service, hostname)), copy, rule))
    const routes = policies.clusters.find((each) => each.context.cluster === client.cluster)
    const http = routes === undefined ? [] : httpRoutes(routes)
    const { name, namespace, cluster } = service.ref
    if (http.length > 0)
      writer.add(
        istioObject('VirtualService', place(`${name}-${namespace}-${cluster}`), copy, { hosts: [hostname], http }),
      )
  }
  const own = { cluster: service.mesh.cluster, namespace: service.mesh.namespace, name: hostname }
  writer.add(istioObject('ServiceEntry', own, { dialect, parents }, server.spec))
  writer.add(istioObject('DestinationRule', own, { dialect, parents }, rule))
  return undefined
}

function hostnamesByMesh(
  members: readonly Mesh[],
  fleet: Fleet,
  federation: ReadonlyMap<string, Federation>,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>(members.map(({ key }) => [key, []]))
  for (const [key, { hostname }] of federation) found.get(fleet.services.get(key)?.mesh.key ?? '')?.push(hostname)
  return new Map([...found].map(([key, hostnames]) => [key, hostnames.sort()]))
}

function decideAccess(intents: readonly Intent[], fleet: Fleet, writer: Writer): AccessResult[] {
  const domains = trustDomains(intents.flatMap(({ meshes }) => meshes))
  const results = bySeniority(intents.flatMap(({ accessPolicies }) => accessPolicies)).map((policy) => {
    const result = examineAccess(policy, fleet, domains)
    return { ...result, errors: [...referenceErrors(policy, fleet), ...result.errors] }
  })
  const sound = results.filter(({ errors }) => errors.length === 0)
  for (const service of fleet.services.values()) {
    const own = sound.filter(({ services }) => services.includes(service))
    if (own.length > 0 && service.mesh.isIstio) writer.add(...accessObjects(service, own, domains))
  }
  return results
}
