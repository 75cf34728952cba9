// What is wrong with Failovers that only the mesh tells: services, clusters and rules that they meet.
import {
  endpointsOfService,
  isHttpOrAuto,
  labelNames,
  networkGateways,
  resolveHost,
  rootNamespaceOf,
  type Service,
  servicesOfHost,
  textQuery,
  type World,
  worldQuery,
} from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import { formatRef, type Problem } from '../../report/index.ts'
import type { Failover, FailoverSpec } from '../../resources/fairlead/index.ts'
import { collect, objectKey, type Place, refOf } from '../../resources/index.ts'
import { fairleadKinds } from '../kinds.ts'
import type { FailoverPlan } from './model.ts'
import { clusterOfEndpoint, rungPlaceOf } from './place.ts'
import { checkRules, rulesFor } from './rule-problems.ts'
import { decidingClaim, failoverPlanOf } from './select.ts'
import { failoverSwitch } from './switch.ts'

/** The services that a host of a Failover means: of its own namespace; of any for one of the root namespace. */
export function servicesMeant(world: World, failover: Failover, host: string): readonly Service[] {
  const { namespace = '' } = failover.metadata
  const all = world.get(servicesOfHost, resolveHost(host, namespace))
  return namespace === rootNamespaceOf(world) ? all : all.filter((service) => service.namespace === namespace)
}

/** Problems of one Failover (`namespace/name`), beside those that its own fields tell. */
const problemsOfFailover = textQuery(
  'mesh/failover-problems',
  (world, key): readonly Problem[] => {
    const failover = world.object(world.primary, fairleadKinds.failover, key) as Failover | undefined
    if (!failover?.spec) return []
    const { spec } = failover
    const found = collect(refOf(world.primary, failover), (root) => {
      const place = root.field('spec')
      place.field('hosts').each(spec.hosts, (at, host) => checkHost(world, failover, host, at))
      checkClusters(world, spec, place.field('rungs'))
      for (const host of spec.hosts) {
        for (const service of servicesMeant(world, failover, host)) {
          if (decidingClaim(world, service)?.key !== key) continue
          checkSubsets(world, spec, service, place.field('rungs'))
          checkService(world, spec, service, place)
          checkRules(world, spec, service, place)
        }
      }
    })
    // Several services may give the same reason.
    return [...new Map(found.map((problem) => [`${problem.path}|${problem.message}`, problem])).values()]
  },
  { equals: sameStructure },
)

/** Problems of all Failovers of a world. */
export const failoverProblems = worldQuery(
  'mesh/all-failover-problems',
  (world): readonly Problem[] =>
    world
      .objects(world.primary, fairleadKinds.failover)
      .flatMap((failover) => world.get(problemsOfFailover, objectKey(failover))),
  { equals: sameStructure },
)

function checkHost(world: World, failover: Failover, host: string, at: Place): void {
  const { namespace = '' } = failover.metadata
  const name = resolveHost(host, namespace)
  const services = servicesMeant(world, failover, host)
  const [foreign] = world.get(servicesOfHost, name)
  if (services.length === 0 && foreign)
    at.error(
      `${name} is a service of namespace ${foreign.namespace}: a Failover there, or in ${rootNamespaceOf(world)}, may speak for it`,
      'not-allowed',
    )
  else if (services.length === 0) at.error(`there is no service ${name}`, 'reference-not-found')
  for (const service of services) checkClaim(world, failover, service, at)
}

const switches = {
  service: ({ host }: Service) => `by the label ${labelNames.failover} of ${host}`,
  namespace: ({ namespace }: Service) => `by the label ${labelNames.failover} of namespace ${namespace}`,
  mesh: () => `for the whole mesh, by the label ${labelNames.failover} of namespace istio-system`,
} as const

function checkClaim(world: World, failover: Failover, service: Service, at: Place): void {
  const deciding = decidingClaim(world, service)
  if (deciding && deciding.key !== objectKey(failover)) {
    const other = world.object(world.primary, fairleadKinds.failover, deciding.key)
    const name = other ? formatRef(refOf(world.primary, other)) : deciding.key
    const sameAge = other?.metadata.creationTimestamp === failover.metadata.creationTimestamp
    const earlier = sameAge ? 'whose name comes first' : 'which is older'
    const why = deciding.namespace === failover.metadata.namespace ? earlier : 'which is in its namespace'
    at.error(`${name}, ${why}, decides over ${service.host}`, 'conflict')
    return
  }
  const state = failoverSwitch(world, service)
  if (state !== 'on' && state !== 'object')
    at.warn(`nothing is in force for ${service.host}: failing over is switched off ${switches[state](service)}`)
}

function checkClusters(world: World, { rungs = [] }: FailoverSpec, place: Place): void {
  const known = new Set(world.clusters())
  place.each(rungs, (at, { members }) =>
    at.field('members').each(members, (of, { clusters }) =>
      of.field('clusters').each(clusters, (one, name) => {
        if (name === '.' || known.has(name) || gatewayClusters(world).has(name)) return
        one.warn(
          `no cluster of this mesh is named ${JSON.stringify(name)}; known: ${[...known].join(', ')}`,
          'reference-not-found',
        )
      }),
    ),
  )
}

/** Clusters that endpoints stand for without being joined to this mesh. */
function gatewayClusters(world: World): ReadonlySet<string> {
  return world.get(remoteClusters, undefined)
}

const remoteClusters = worldQuery(
  'mesh/failover-remote-clusters',
  (world): ReadonlySet<string> => {
    const failovers = world.objects(world.primary, fairleadKinds.failover) as readonly Failover[]
    const services = failovers.flatMap((failover) =>
      (failover.spec?.hosts ?? []).flatMap((host) => servicesMeant(world, failover, host)),
    )
    return new Set(services.flatMap((service) => world.get(endpointsOfService, service).map(clusterOfEndpoint)))
  },
  { equals: (a, b) => sameStructure([...a], [...b]) },
)

function checkSubsets(world: World, { rungs = [] }: FailoverSpec, { host }: Service, place: Place): void {
  if (!rungs.some(({ members }) => members.some(({ subset }) => subset !== undefined))) return
  const known = new Set(rulesFor(world, host).flatMap(({ spec }) => (spec?.subsets ?? []).map(({ name }) => name)))
  place.each(rungs, (at, { members }) =>
    at.field('members').each(members, (of, { subset }) => {
      if (subset === undefined || known.has(subset)) return
      of.field('subset').error(
        `no DestinationRule for ${host} has a subset ${JSON.stringify(subset)}`,
        'reference-not-found',
      )
    }),
  )
}

function checkService(world: World, spec: FailoverSpec, service: Service, place: Place): void {
  const { host, resolution, ports } = service
  if (spec.retry !== undefined && !ports.some(({ protocol }) => isHttpOrAuto(protocol)))
    place.field('retry').warn(`only requests are sent again, and ${host} has no HTTP port`)
  if (spec.rungs === undefined) return
  const rungs = place.field('rungs')
  if (resolution !== 'endpoints' && resolution !== 'dns')
    rungs.warn(`has no effect on ${host}: its callers see one address, and not what is behind it`)
  rungs.each(spec.rungs, (at, { members }) => {
    const differs = members.some(({ same, subset }) => (same && same !== 'Cluster') || subset)
    if (differs && spec.failBack !== undefined)
      at.warn('comes back at once: who is in it differs from caller to caller, so nobody can say that it failed')
  })
  const plan = world.get(failoverPlanOf, service)
  if (plan) checkGateways(world, plan, service, rungs)
}

/** Endpoints behind the same gateways cannot be in different rungs for who is outside of their network. */
function checkGateways(world: World, plan: FailoverPlan, service: Service, place: Place): void {
  const gateways = world.get(networkGateways, undefined)
  const nowhere = { cluster: '', network: '', locality: '', node: '' }
  const found = new Map<string, Set<number>>()
  for (const endpoint of world.get(endpointsOfService, service)) {
    const { network, cluster } = endpoint.workload
    if (network === '' || gateways.of(network, cluster).length === 0) continue
    // Which subset an endpoint is in would need a caller's rule; members that name one are told apart by nobody outside.
    const at = rungPlaceOf(plan, endpoint, nowhere, new Map())
    if (at) found.set(network, (found.get(network) ?? new Set()).add(at.rung))
  }
  for (const [network, rungs] of found) {
    if (rungs.size < 2) continue
    const names = [...rungs].sort((a, b) => a - b).map((rung) => plan.rungs[rung]?.name ?? 'the endpoints of no rung')
    place.warn(
      `callers outside of network ${network} reach ${service.host} there by its gateways only, which do not tell ${names.join(' and ')} apart: for them all is in ${names[0]}`,
    )
  }
}
