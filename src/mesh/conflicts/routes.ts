import { type World, worldQuery } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import { formatRef, type Problem } from '../../report/index.ts'
import { istioKinds } from '../kinds.ts'
import { mayRule } from '../tenants.ts'
import { byAudience, meshGateway, type RouteShape, routeShapes } from '../virtual-services/index.ts'
import { sees } from '../visibility.ts'
import { refTo } from './ref.ts'

/**
 * VirtualServices for sidecars that come too late: of several for one host the oldest counts, the private ones of the
 * caller's namespace before those for everybody, and nothing is merged (`selectVirtualServices` of istiod's
 * core/httproute.go, which does not say so to anybody).
 */
export const routeConflicts = worldQuery(
  'mesh/route-conflicts',
  (world): readonly Problem[] => {
    const rules = world
      .get(routeShapes, undefined)
      .filter(({ semantics, gateways }) => semantics === 'istio' && gateways.includes(meshGateway))
    const byHost = new Map<string, RouteShape[]>()
    for (const rule of rules) for (const host of new Set(rule.hosts)) listAt(byHost, host).push(rule)
    return [...byHost].flatMap(([host, same]) =>
      same.length < 2 ? [] : same.flatMap((rule) => lost(world, host, rule, same)),
    )
  },
  { equals: sameStructure },
)

function lost(world: World, host: string, rule: RouteShape, same: readonly RouteShape[]): Problem[] {
  // What is for everybody counts wherever no private rule stands before it.
  const namespaces = rule.audience === 'all' ? [''] : rule.audience === 'none' ? [] : [...rule.audience]
  const winners = namespaces.map((namespace) => winnerIn(world, namespace, rule, same))
  const [winner] = winners
  if (!winner || winners.some((each) => each === undefined)) return []
  return [
    {
      code: 'conflict',
      severity: 'warning',
      object: refTo(world, istioKinds.virtualService, rule.key),
      path: `spec.hosts[${rule.hosts.indexOf(host)}]`,
      message: `${formatRef(refTo(world, istioKinds.virtualService, winner.key))} routes ${host} already and is older: in sidecars this one has no effect on it`,
    },
  ]
}

/** The rule that callers of a namespace follow instead; undefined if they follow this one, or some of them may. */
function winnerIn(
  world: World,
  namespace: string,
  rule: RouteShape,
  same: readonly RouteShape[],
): RouteShape | undefined {
  const seen = same.filter(({ audience }) => audience === 'all' || (namespace !== '' && sees(audience, namespace)))
  const before = byAudience(seen, namespace)
  const at = namespace || rule.namespace
  return before
    .slice(0, before.indexOf(rule))
    .find((each) => isForAll(each) && mayRule(world, each.namespace, each.hosts, at))
}

/** Whether a rule counts for every caller that sees it, whatever labels the caller has. */
function isForAll({ guards, has }: RouteShape): boolean {
  if (!has.http) return true
  return guards.some(
    ({ port, sourceLabels, sourceNamespace, gateways }) =>
      port === undefined &&
      Object.keys(sourceLabels).length === 0 &&
      sourceNamespace === '' &&
      (gateways.length === 0 || gateways.includes(meshGateway)),
  )
}

function listAt<T>(map: Map<string, T[]>, key: string): T[] {
  const known = map.get(key)
  if (known) return known
  const made: T[] = []
  map.set(key, made)
  return made
}
