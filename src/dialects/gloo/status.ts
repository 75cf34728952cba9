// What became of Gloo Mesh's objects, in its own words.
import type { ObjectRef } from '../../report/index.ts'
import {
  type AccessResult,
  at,
  compact,
  type GroupOutcome,
  type Outcome,
  type Service,
  type StatusObject,
  selectsWorkload,
  serviceKey,
  statusKey,
  type TrafficResult,
  type UserObject,
  type VirtualDestinationResult,
  type Workload,
} from '../shared/index.ts'

/** The status object of something; only what names it, and the status. */
export function statusOf({ cluster, apiVersion, kind, name, namespace }: ObjectRef, status: object): StatusObject {
  return { cluster, object: { apiVersion, kind, metadata: { name, namespace }, status } }
}

export const refTo = ({ name, namespace }: ObjectRef) => ({ name, namespace })
export const observed = ({ generation }: UserObject) => ({ observedGeneration: String(generation) })

export interface Finding {
  readonly path: string
  readonly message: string
}

export const textOf = ({ path, message }: Finding): string => (path === '' ? message : `${path}: ${message}`)
export const texts = (findings: readonly Finding[]): string[] => [...new Set(findings.map(textOf))]

export function ownWarnings(object: UserObject): Finding[] {
  return object.problems.filter(({ severity }) => severity === 'warning')
}

/** State of an object for one other: with its place in the order of acceptance, if accepted. */
function approval(errors: readonly Finding[], warnings: readonly Finding[], acceptanceOrder: number): object {
  if (errors.length > 0) return compact({ state: 'INVALID', errors: texts(errors), warnings: texts(warnings) })
  // The order 0 is left out, as is every zero of protobuf's.
  return compact({ ...(acceptanceOrder > 0 && { acceptanceOrder }), state: 'ACCEPTED', warnings: texts(warnings) })
}

const refText = ({ name, namespace }: ObjectRef): string => `${name}.${namespace}`
const state = (errors: readonly unknown[]): string => (errors.length === 0 ? 'ACCEPTED' : 'INVALID')

export function trafficPolicyStatus(
  result: TrafficResult,
  outcome: Outcome,
  gatewayRoutes: Readonly<Record<string, readonly string[]>>,
): StatusObject {
  const { policy, errors } = result
  const each = [...result.services.values()]
  const destinations = Object.fromEntries(
    each.map(({ service, errors: found, warnings }) => {
      const inForce = outcome.applied.get(service.key)?.results.filter((r) => r.errors.length === 0) ?? []
      const order = inForce.findIndex((r) => r.policy === policy)
      return [statusKey(service.object), approval(found, warnings, order)]
    }),
  )
  const all = [...errors, ...each.flatMap((r) => r.errors)]
  const services = each.map(({ service }) => service)
  const possible = callersOf(outcome, services)
  const callers = possible.filter((workload) => selectsWorkload(policy.sources, workload))
  const isUnused = errors.length === 0 && possible.length > 0 && Object.keys(gatewayRoutes).length === 0
  return statusOf(
    policy.object,
    compact({
      ...observed(policy),
      state: state(all),
      errors: texts(all),
      warnings: texts([
        ...ownWarnings(policy),
        ...each.flatMap((r) => r.warnings),
        ...noMatch(policy, errors, services, Object.keys(gatewayRoutes).length),
        ...(isUnused && callers.length === 0 ? [noCaller] : []),
      ]),
      destinations,
      workloads: errors.length > 0 ? [] : callers.map(({ object }) => statusKey(object)),
      gatewayRoutes: Object.fromEntries(Object.entries(gatewayRoutes).map(([key, routes]) => [key, { routes }])),
    }),
  )
}

/** A selector that means nothing is no error, but nearly always a mistake. */
function noMatch(
  policy: { readonly destinations: readonly unknown[] },
  errors: readonly unknown[],
  services: readonly Service[],
  routes: number,
): Finding[] {
  if (errors.length > 0 || services.length > 0 || routes > 0 || policy.destinations.length === 0) return []
  return [{ path: 'spec.destinationSelector', message: 'no Destination matches, so the policy has no effect' }]
}

const noCaller: Finding = {
  path: 'spec.sourceSelector',
  message: 'no known workload that can call these services matches',
}

// Many policies have the same possible callers.
const callersKnown = new WeakMap<Outcome, Map<string, readonly Workload[]>>()

/** Workloads that can call one of the services: those of its mesh, or of its VirtualMesh. */
function callersOf(outcome: Outcome, services: readonly Service[]): readonly Workload[] {
  const meshes = new Set<string>()
  for (const mesh of new Set(services.map((service) => service.mesh))) {
    const group = outcome.groups.find(({ group: found }) => found?.members.some(({ key }) => key === mesh.key))?.group
    for (const { key } of group?.members ?? [mesh]) meshes.add(key)
  }
  const known = callersKnown.get(outcome) ?? new Map<string, readonly Workload[]>()
  callersKnown.set(outcome, known)
  const name = [...meshes].sort().join()
  const found = known.get(name) ?? outcome.fleet.workloads.filter(({ mesh }) => meshes.has(mesh.key))
  known.set(name, found)
  return found
}

export function accessPolicyStatus(
  { policy, errors, warnings, services }: AccessResult,
  outcome: Outcome,
): StatusObject {
  const destinations = Object.fromEntries(services.map(({ object }) => [statusKey(object), approval(errors, [], 0)]))
  const callers = callersOf(outcome, services).filter((workload) => isCaller(policy, workload))
  return statusOf(
    policy.object,
    compact({
      ...observed(policy),
      state: state(errors),
      errors: texts(errors),
      warnings: texts([...ownWarnings(policy), ...warnings, ...noMatch(policy, errors, services, 0)]),
      destinations,
      workloads: errors.length > 0 ? [] : callers.map(({ object }) => statusKey(object)),
    }),
  )
}

function isCaller({ sources }: AccessResult['policy'], { ref, serviceAccount }: Workload): boolean {
  const admits = (list: readonly string[], value: string): boolean => list.length === 0 || list.includes(value)
  const fits = (wanted: string, value: string): boolean => wanted === '' || wanted === value
  return (
    sources.length === 0 ||
    sources.some(({ namespaces, clusters, accounts }) => {
      const isPlaced = admits(namespaces, ref.namespace) && admits(clusters, ref.cluster)
      if (accounts === undefined) return isPlaced
      const isNamed = accounts.some(
        (a) => fits(a.cluster, ref.cluster) && fits(a.namespace, ref.namespace) && fits(a.name, serviceAccount),
      )
      return clusters.length > 0 ? isNamed || isPlaced : isNamed && isPlaced
    })
  )
}

/** `refused`: members that cannot be told of the others' services, and why; `trust`: why no certificates can be had. */
export function virtualMeshStatus(
  outcome: GroupOutcome,
  all: Outcome,
  found: { readonly refused: readonly string[]; readonly trust: readonly string[] },
  previous: unknown,
): StatusObject {
  const { virtualMesh, objections, gatewayErrors } = outcome
  const own = virtualMesh.problems.filter(({ severity }) => severity === 'error')
  const plain = [...gatewayErrors.values()]
    .flat()
    .concat(found.refused, found.trust)
    .map((message) => ({ path: '', message }))
  const unreachable = [...all.unreachable].flatMap(([key, { message, cause }]) => {
    const service = all.fleet.services.get(key)
    if (all.federation.get(key)?.group !== outcome.group || gatewayErrors.size > 0 || service === undefined) return []
    return [{ service, cause, path: '', message: `Destination ${refText(service.object)}: ${message}` }]
  })
  const wrong = unreachable.filter(({ cause }) => cause === 'wrong')
  const strangers = outcome.group?.strangers ?? []
  const errors = [...own, ...objections, ...plain, ...wrong]
  const meshes = (outcome.group?.members ?? []).map(({ key, object }) => {
    const messages = (gatewayErrors.get(key) ?? []).map((message) => ({ path: '', message }))
    return [statusKey(object), approval(messages, [], 0)]
  })
  return statusOf(
    virtualMesh.object,
    compact({
      ...observed(virtualMesh),
      // Proxies are about to learn of the shared root, and to get certificates below it.
      state: errors.length === 0 && strangers.length > 0 ? 'PENDING' : state(errors),
      errors: texts(errors),
      warnings: texts([
        ...ownWarnings(virtualMesh),
        ...unreachable.filter(({ cause }) => cause === 'missing'),
        ...strangers.map(([a, b]) => ({ path: '', message: `${a.cluster} and ${b.cluster} wait for the shared root` })),
      ]),
      meshes: Object.fromEntries(meshes),
      destinations: Object.fromEntries(wrong.map((each) => [statusKey(each.service.object), approval([each], [], 0)])),
      // The history of root rotations is kept by whoever rotates.
      ...(previous !== undefined && { conditions: previous }),
    }),
  )
}

export function virtualDestinationStatus({
  destination,
  errors,
  warnings,
  meshes,
  services,
}: VirtualDestinationResult): StatusObject {
  return statusOf(
    destination.object,
    compact({
      ...observed(destination),
      state: state(errors),
      errors: texts(errors),
      warnings: texts([...ownWarnings(destination), ...warnings]),
      meshes: Object.fromEntries(meshes.map(({ object }) => [statusKey(object), approval([], [], 0)])),
      selectedDestinations: services.map(({ ref }) => ({
        ref: { name: ref.name, namespace: ref.namespace, clusterName: ref.cluster },
      })),
    }),
  )
}

/**
 * Everything that is in force for a service; `own`: policies of access that select it, and policies in force anywhere that
 * shift to a subset of it. `specOf`: the spec of a user's object, as written.
 */
export function destinationStatus(
  service: Service,
  generation: number,
  outcome: Outcome,
  own: { readonly access: readonly AccessResult[]; readonly shifts: readonly UserObject[] },
  specOf: (ref: ObjectRef) => unknown,
): StatusObject {
  const { key, object, localHost } = service
  const inForce = outcome.applied.get(key)?.results.filter(({ errors }) => errors.length === 0) ?? []
  const applied = ({ policy }: { readonly policy: UserObject }) => ({
    ref: refTo(policy.object),
    ...observed(policy),
    spec: specOf(policy.object),
  })
  const federation = outcome.federation.get(key)
  return statusOf(
    object,
    compact({
      observedGeneration: String(generation),
      appliedTrafficPolicies: inForce.map(applied),
      appliedAccessPolicies: own.access.map(applied),
      localFqdn: localHost,
      appliedFederation:
        federation &&
        compact({
          federatedHostname: federation.hostname,
          federatedToMeshes: federation.clients.map((mesh) => refTo(mesh.object)),
          virtualMeshRef: refTo(federation.group.virtualMesh.object),
          ...(federation.group.virtualMesh.federation?.flatNetwork && { flatNetwork: true }),
          tcpKeepalive: federation.group.virtualMesh.federation?.keepalive,
        }),
      requiredSubsets: own.shifts.map((policy) => ({
        trafficPolicyRef: refTo(policy.object),
        ...observed(policy),
        trafficShift: shiftOf(specOf(policy.object)),
      })),
    }),
  )
}

/** The shift of a policy's spec, as written; before v1 it stood in the spec itself. */
function shiftOf(spec: unknown): unknown {
  return at(spec, 'policy', 'trafficShift') ?? at(spec, 'trafficShift')
}

/** Policies in force anywhere that shift to a subset of a service, by the service's key. */
export function shiftsByService({ traffic }: Outcome): ReadonlyMap<string, readonly TrafficResult['policy'][]> {
  const found = new Map<string, Set<TrafficResult['policy']>>()
  for (const { policy, services } of traffic) {
    if (![...services.values()].some(({ errors }) => errors.length === 0)) continue
    for (const { target } of policy.policy.trafficShift ?? []) {
      if (target.kind !== 'service' || Object.keys(target.subset).length === 0) continue
      const key = serviceKey(target.ref)
      found.set(key, (found.get(key) ?? new Set()).add(policy))
    }
  }
  return new Map([...found].map(([key, policies]) => [key, [...policies]]))
}

/** Statuses of the meshes of VirtualMeshes. */
export function meshStatus(
  mesh: { readonly object: ObjectRef; readonly key: string },
  generation: number,
  outcome: Outcome,
  specOf: (ref: ObjectRef) => unknown,
): StatusObject {
  const group = outcome.groups.find(({ group: found }) => found?.members.some(({ key }) => key === mesh.key))?.group
  const destinations = outcome.virtualDestinations.filter(({ meshes }) => meshes.some(({ key }) => key === mesh.key))
  return statusOf(
    mesh.object,
    compact({
      observedGeneration: String(generation),
      appliedVirtualMesh: group && {
        ref: refTo(group.virtualMesh.object),
        ...observed(group.virtualMesh),
        spec: specOf(group.virtualMesh.object),
      },
      appliedVirtualDestinations: destinations.map(({ destination }) => ({
        ref: refTo(destination.object),
        ...observed(destination),
      })),
      appliedEastWestIngressGateways: (group?.gateways.get(mesh.key) ?? []).map((gateway) => ({
        destinationRef: { name: gateway.name, namespace: gateway.namespace },
        externalAddresses: [...gateway.addresses],
        port: gateway.port,
        externalPort: gateway.externalPort,
      })),
    }),
  )
}
