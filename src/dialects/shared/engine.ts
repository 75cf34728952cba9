// Intents of all generations → Istio objects for each cluster, and what became of each thing that a user wrote.
// Read `translateIntents` from top to bottom.
import type { Problem } from '../../report/index.ts'
import { type AccessResult, accessObjects, examineAccess } from './access.ts'
import { externalServiceObjects } from './external-service.ts'
import type { Unreachable } from './federation.ts'
import type { Federation, Fleet } from './fleet.ts'
import type { GroupOutcome } from './groups.ts'
import type { Memory } from './memory.ts'
import type { AccessPolicy, Intent, Mesh, OutlierDetection, Service, TrafficPolicy } from './model.ts'
import { subsetName } from './names.ts'
import type { ClusterObject } from './objects.ts'
import { referenceErrors } from './references.ts'
import { type RefusalError, Refusals } from './refusals.ts'
import { bySeniority } from './seniority.ts'
import { applyTo, type UnitInput, unitObjects } from './service-unit.ts'
import { type EngineInput, type Topology, topologyOf } from './topology.ts'
import type { AppliedPolicies, PolicyError, PolicyResult } from './traffic/applied.ts'
import { collectSubsets, type Subsets, virtualKey } from './traffic/destination-rule.ts'
import type { RouteContext } from './traffic/features/index.ts'
import { type VirtualDestinationResult, virtualDestinationObjects } from './virtual-destinations.ts'

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
  /** In lists that are the very same ones while nothing in them changes, as far as that is known. */
  readonly objects: readonly (readonly ClusterObject[])[]
  readonly addresses: ReadonlyMap<string, string>
  /** Id of the dialect that gave a host its address. */
  readonly hostOwners: ReadonlyMap<string, string>
  readonly problems: readonly Problem[]
}

/** Translates everything. Pure: the same input gives the same output, whatever the order of its parts. */
export function translateIntents(input: EngineInput): Outcome {
  const { intents } = input
  const topology = topologyOf(input)
  const { fleet, groups, federation, virtualDestinations, addresses } = topology
  const decided = decideTraffic(intents, topology)
  const { applied, subsets } = decided
  const refusals = new Refusals(input.refusals)
  const refused = new Map<string, readonly RefusalError[]>()
  const objects: (readonly ClusterObject[])[] = [topology.objects]
  const problems: Problem[] = []
  const unreachable = new Map<string, Unreachable>()

  for (const [key, { unit, made }] of applied) {
    const address = addresses.get(unit.federated?.hostname ?? '') ?? ''
    const written = unitObjects(unit, made, subsets.get(key) ?? [], address)
    objects.push(written.objects)
    const found = refusals.of(written.objects)
    if (found.length > 0) refused.set(key, found)
    problems.push(...written.problems)
    if (written.unreachable !== undefined) unreachable.set(key, written.unreachable)
  }
  for (const { externalServices } of intents) objects.push(externalServices.flatMap(externalServiceObjects))
  const policies = new Map([...applied].map(([key, { made }]) => [key, made.applied]))
  objects.push(...destinationObjects(topology, policies, subsets, input.memory))
  const access = decideAccess(input, topology, objects, refusals)
  return {
    fleet,
    groups,
    federation,
    unreachable,
    traffic: refused.size === 0 ? decided.traffic : decided.traffic.map((result) => withRefusals(result, refused)),
    access,
    applied: policies,
    subsets,
    virtualDestinations,
    routing: topology.routing,
    objects,
    addresses,
    hostOwners: topology.hostOwners,
    problems,
  }
}

function decideTraffic(intents: readonly Intent[], { fleet, units, index }: Topology) {
  const sorted = bySeniority(intents.flatMap(({ trafficPolicies }) => trafficPolicies))
  const errors = new Map(sorted.map((policy) => [policy, referenceErrors(policy, fleet)]))
  const sound = sorted.filter((policy) => errors.get(policy)?.length === 0)
  const services = new Map<TrafficPolicy, Map<string, PolicyResult & { service: Service }>>()
  const applied = new Map<string, { readonly unit: UnitInput; readonly made: ReturnType<typeof applyTo> }>()
  const selected = index.select(sound)
  for (const unit of units) {
    const { service } = unit
    const made = applyTo(unit, bySeniority(selected.get(service) ?? [], service))
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

/** Of each virtual destination. */
function destinationObjects(
  { virtualDestinations, byMesh, fleet, addresses }: Topology,
  applied: ReadonlyMap<string, AppliedPolicies>,
  subsetsOf: Subsets,
  memory: Memory,
): (readonly ClusterObject[])[] {
  const outlierOf = (service: Service): OutlierDetection | undefined =>
    applied.get(service.key)?.clusters[0]?.rule.get('outlierDetection')?.value as OutlierDetection | undefined
  return virtualDestinations.map((result) => {
    const { object, hostname } = result.destination
    const subsets = subsetsOf.get(virtualKey(object)) ?? []
    const origins = [result, fleet, JSON.stringify(subsets), ...result.services.map(({ key }) => applied.get(key))]
    return memory.keep(`destination ${virtualKey(object)}`, origins, () =>
      virtualDestinationObjects(result, {
        groups: byMesh,
        gatewaysOf: (mesh: Mesh) => byMesh.get(mesh.key)?.gateways.get(mesh.key) ?? [],
        address: addresses.get(hostname) ?? '',
        subsets,
        subsetName,
        outlierOf,
      }),
    )
  })
}

function decideAccess(
  { intents, memory }: EngineInput,
  { fleet, all, identities }: Topology,
  objects: (readonly ClusterObject[])[],
  refusals: Refusals,
): AccessResult[] {
  const policies = bySeniority(intents.flatMap(({ accessPolicies }) => accessPolicies))
  if (policies.length === 0) return []
  const results = policies.map((policy) => {
    const result = examineAccess(policy, fleet, identities)
    return { ...result, errors: [...referenceErrors(policy, fleet), ...result.errors] }
  })
  const sound = results.filter(({ errors }) => errors.length === 0)
  const refused = new Map<AccessPolicy, RefusalError[]>()
  for (const [service, own] of all.select(sound.map(({ policy }) => policy))) {
    if (!service.mesh.isIstio) continue
    const made = memory.keep(`access ${service.key}`, [service, all, ...own], () =>
      accessObjects(service, bySeniority(own, service), identities),
    )
    objects.push(made)
    const found = refusals.of(made)
    for (const policy of found.length > 0 ? own : []) refused.set(policy, [...(refused.get(policy) ?? []), ...found])
  }
  return results.map((result) => ({ ...result, errors: [...result.errors, ...(refused.get(result.policy) ?? [])] }))
}
