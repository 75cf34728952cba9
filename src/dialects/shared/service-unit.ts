// One service: which policies are in force for it, and the Istio objects that it needs on its own cluster and on those
// of its clients. Each step is remembered with everything that it was made from.
import type { ObjectRef, Problem } from '../../report/index.ts'
import { clientEntry, serverEntry, type Unreachable } from './federation.ts'
import { backingWorkloads, type Federation, findService } from './fleet.ts'
import type { Memory } from './memory.ts'
import type { CsrfPolicy, Service, TrafficPolicy } from './model.ts'
import { subsetName } from './names.ts'
import { type ClusterObject, istioObject, type Origin, yieldsTo } from './objects.ts'
import { type AppliedPolicies, applyPolicies, type ClusterRoutes, type RouteScope } from './traffic/applied.ts'
import { ruleSpec } from './traffic/destination-rule.ts'
import { csrfFilter } from './traffic/features/csrf.ts'
import type { RouteContext } from './traffic/features/index.ts'
import { httpRoutes } from './traffic/virtual-service.ts'

type Routing = Omit<RouteContext, 'service' | 'cluster'>
type Labels = Readonly<Record<string, string>>

/** A user's own object that decides the routes or rules of a host on a cluster. */
export type Occupant = (
  kind: 'VirtualService' | 'DestinationRule',
  cluster: string,
  host: string,
) => ObjectRef | undefined

export interface UnitInput {
  readonly service: Service
  readonly federated: Federation | undefined
  readonly routing: Routing
  readonly occupant: Occupant
  readonly memory: Memory
}

/** Everything that is known of a service, as text. */
function serviceText({
  key,
  localHost,
  mesh,
  labels,
  selector,
  ports,
  subsets,
  endpoints,
  region,
  givenHostname,
}: Service): string {
  const seen = endpoints.map((each) => [each.address, each.labels, each.locality, [...each.ports]])
  const { dialect, cluster, namespace, object, isIstio } = mesh
  const own = [key, localHost, cluster, namespace, object.name, isIstio, dialect.id, dialect.tlsMode]
  return JSON.stringify([own, labels, selector, ports, subsets, seen, region, givenHostname])
}

function federationText(federated: Federation | undefined, service: Service): string {
  if (federated === undefined) return ''
  const { hostname, clients, group } = federated
  const { object, federation, dialect } = group.virtualMesh
  const gateways = group.gateways.get(service.mesh.key)
  const known = clients.map(({ cluster, namespace }) => `${cluster}/${namespace}`)
  return JSON.stringify([
    hostname,
    known,
    object,
    federation?.keepalive,
    federation?.flatNetwork,
    dialect.tlsMode,
    gateways,
  ])
}

/** Which subsets of a service there can be. */
function podsText(service: Service | undefined, { fleet }: Routing): unknown {
  if (service === undefined) return undefined
  const pods = backingWorkloads(fleet, service).map(({ labels }) => labels)
  return [service.subsets, service.endpoints.map(({ labels }) => labels), pods]
}

/** What policies say of other services reaches as far as where these are, and what their pods are. */
function targetsText(policies: readonly TrafficPolicy[], clusters: readonly string[], routing: Routing): string {
  const refs = policies.flatMap(({ policy }) => [
    ...(policy.trafficShift ?? []).map(({ target }) => target),
    ...(policy.mirror ? [{ kind: 'service' as const, ref: policy.mirror.ref }] : []),
  ])
  const texts = refs.map((target) => {
    if (target.kind === 'virtual') {
      const found = routing.virtualDestination(target.ref)
      return [found, found?.services.map((ref) => podsText(findService(routing.fleet, ref), routing))]
    }
    if (target.kind === 'static') return routing.externalService(target.ref)
    if (target.kind === 'cluster-header') return target
    const service = findService(routing.fleet, target.ref)
    if (service === undefined) return undefined
    const hosts = clusters.map((cluster) => [routing.hostOn(service, cluster), routing.isAwaited(service, cluster)])
    return [hosts, service.ports, podsText(service, routing)]
  })
  return JSON.stringify(texts)
}

const clustersOf = (service: Service, federated: Federation | undefined): string[] => [
  ...new Set([service.ref.cluster, ...(federated?.clients ?? []).map(({ cluster }) => cluster)]),
]

/** Policies in force for a service, and a text of all that they were applied from. */
export interface AppliedUnit {
  readonly applied: AppliedPolicies
  readonly made: string
}

/** Applies policies, senior first, to the service. */
export function applyTo(input: UnitInput, policies: readonly TrafficPolicy[]): AppliedUnit {
  const { service, federated, routing, occupant, memory } = input
  return memory.keep(`unit ${service.key}`, [input, ...policies], () => {
    const ids = policies.map(({ version }) => memory.idOf(version)).join()
    const user = (kind: 'VirtualService' | 'DestinationRule'): ObjectRef | undefined =>
      occupant(kind, service.ref.cluster, service.localHost)
    const targets = targetsText(policies, clustersOf(service, federated), routing)
    const users = JSON.stringify([user('VirtualService'), user('DestinationRule')])
    const made = [serviceText(service), federationText(federated, service), ids, targets, users].join('\n')
    const applied = memory.recall(`policies ${service.key}`, made, () =>
      applyPolicies(service, policies, scopesOf(input, policies), user),
    )
    // What was remembered speaks of policies as they were read then; they say the same now.
    const results = applied.results.map((result, index) => ({ ...result, policy: policies[index] ?? result.policy }))
    return { applied: { ...applied, results }, made }
  })
}

/** The callers for whom routes are made: those of the own cluster, and those of others, together where they are alike. */
function scopesOf({ service, federated, routing }: UnitInput, policies: readonly TrafficPolicy[]): RouteScope[] {
  const [own = service.ref.cluster, ...others] = clustersOf(service, federated)
  const scope = (clusters: readonly string[]): RouteScope => ({
    clusters,
    context: { ...routing, service, cluster: clusters[0] ?? own },
  })
  const differs = policies.some(
    ({ policy, sources }) =>
      policy.trafficShift !== undefined ||
      policy.mirror !== undefined ||
      sources.some(({ clusters }) => clusters.length > 0),
  )
  if (others.length === 0) return [scope([own])]
  return [scope([own]), ...(differs ? others.map((cluster) => scope([cluster])) : [scope(others)])]
}

export interface UnitObjects {
  readonly objects: readonly ClusterObject[]
  readonly problems: readonly Problem[]
  readonly unreachable?: Unreachable | undefined
}

/** The objects of a service. */
export function unitObjects(
  input: UnitInput,
  unit: AppliedUnit,
  subsets: readonly Labels[],
  address: string,
): UnitObjects {
  const { service, federated, memory } = input
  const { applied, made } = unit
  const wanted = subsets.length === 0 ? '' : JSON.stringify(subsets)
  return memory.keep(`written ${service.key}`, [unit, wanted, address], () =>
    memory.recall(`objects ${service.key}`, `${made}\n${address}\n${wanted}`, () => {
      const local = localObjects(input, applied, subsets)
      if (federated === undefined) return local
      const remote = federatedObjects(service, federated, applied, subsets, address)
      if ('message' in remote) return { ...local, unreachable: remote }
      return { ...local, objects: [...local.objects, ...remote] }
    }),
  )
}

const noClaims: ClusterRoutes['rule'] = new Map()

function localObjects(
  { service, occupant }: UnitInput,
  { clusters }: AppliedPolicies,
  subsets: readonly Labels[],
): UnitObjects {
  const { cluster, namespace, name } = service.ref
  const { dialect } = service.mesh
  const origin = { dialect, parents: [service.object] }
  const [own] = clusters
  const http = own === undefined ? [] : httpRoutes(service, own)
  const rule = ruleSpec(
    { host: service.localHost, tlsMode: dialect.tlsMode, subsets, subsetName },
    own?.rule ?? noClaims,
  )
  const objects: ClusterObject[] = []
  const problems: Problem[] = []
  const write = (kind: 'VirtualService' | 'DestinationRule', spec: object): void => {
    const user = occupant(kind, cluster, service.localHost)
    if (user === undefined) objects.push(istioObject(kind, { cluster, namespace, name }, origin, spec))
    else problems.push(yieldsTo(user, `a ${kind} for host ${service.localHost}`))
  }
  if (http.length > 0) write('VirtualService', { hosts: [service.localHost], http })
  write('DestinationRule', rule)
  const csrf = own?.rule.get('csrf')?.value as CsrfPolicy | undefined
  // A selector of nothing would mean every pod of the namespace.
  if (csrf !== undefined && Object.keys(service.selector).length > 0) objects.push(csrfFilter(service, csrf))
  return { objects, problems }
}

/** The objects by which others call the service, or why they cannot. */
function federatedObjects(
  service: Service,
  federated: Federation,
  applied: AppliedPolicies,
  subsets: readonly Labels[],
  address: string,
): ClusterObject[] | Unreachable {
  const { hostname, group, clients } = federated
  const { virtualMesh } = group
  const { dialect } = virtualMesh
  const { name, namespace, cluster } = service.ref
  if (service.ports.length === 0)
    return { message: `service ${name}.${namespace}.${cluster} has no known ports`, cause: 'missing' }
  const entry = clientEntry(service, federated, address, subsets)
  if ('error' in entry) return entry.error
  const server = serverEntry(service, hostname)
  if ('error' in server) return server.error
  const base = {
    host: hostname,
    tlsMode: dialect.tlsMode,
    keepalive: virtualMesh.federation?.keepalive,
    subsets,
    subsetName,
  }
  const plain: Origin = { dialect, parents: [service.object, virtualMesh.object] }
  const copy: Origin = { ...plain, annotations: dialect.federated(service) }
  const made: ClusterObject[] = []
  for (const scope of applied.clusters.slice(1)) {
    const http = httpRoutes(service, scope)
    const rule = ruleSpec(base, scope.rule)
    const routes = { hosts: [hostname], http }
    for (const client of clients.filter((mesh) => scope.clusters.includes(mesh.cluster))) {
      const place = (object: string) => ({ cluster: client.cluster, namespace: client.namespace, name: object })
      made.push(istioObject('ServiceEntry', place(hostname), plain, entry.spec))
      made.push(istioObject('DestinationRule', place(dialect.clientRuleName(service, hostname)), copy, rule))
      if (http.length > 0)
        made.push(istioObject('VirtualService', place(`${name}-${namespace}-${cluster}`), copy, routes))
    }
  }
  const own = { cluster: service.mesh.cluster, namespace: service.mesh.namespace, name: hostname }
  made.push(istioObject('ServiceEntry', own, plain, server.spec))
  made.push(istioObject('DestinationRule', own, plain, ruleSpec(base, applied.clusters[0]?.rule ?? noClaims)))
  return made
}
