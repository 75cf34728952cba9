// Where rules of Istio's kinds and a Failover speak of the same.
import { resolveHost, type Service, type World } from '../../discovery/index.ts'
import { formatRef } from '../../report/index.ts'
import type { FailoverSpec } from '../../resources/fairlead/index.ts'
import { durationMs, type KubeObject, type Place, refOf } from '../../resources/index.ts'
import type { DestinationRule, OutlierDetection, TrafficPolicy, VirtualService } from '../istio.ts'
import { istioKinds } from '../kinds.ts'

/** DestinationRules of the world's own cluster for a host. */
export function rulesFor(world: World, host: string): readonly DestinationRule[] {
  const rules = world.objects(world.primary, istioKinds.destinationRule) as readonly DestinationRule[]
  return rules.filter(({ spec, metadata }) => spec && resolveHost(spec.host, metadata.namespace ?? '') === host)
}

/** What of a Failover has no effect, or less than it says, since a DestinationRule or a route decides. */
export function checkRules(world: World, spec: FailoverSpec, service: Service, place: Place): void {
  const named = (object: KubeObject): string => formatRef(refOf(world.primary, object))
  for (const rule of rulesFor(world, service.host)) {
    const policies = [rule.spec?.trafficPolicy, ...(rule.spec?.subsets ?? []).map(({ trafficPolicy }) => trafficPolicy)]
    if (spec.rungs !== undefined && policies.some(ordersPlaces))
      place
        .field('rungs')
        .warn(
          `the order of rungs decides over ${service.host}; what ${named(rule)} says of localities has no effect`,
          'conflict',
        )
    for (const said of policies.flatMap((policy) => policy?.outlierDetection ?? []))
      checkEjection(spec, said, service, { place, by: named(rule) })
  }
  if (spec.retry !== undefined)
    for (const route of routesTo(world, service.host))
      place
        .field('retry')
        .warn(
          `has no effect on routes of ${named(route)} to ${service.host} that say themselves what is sent again`,
          'conflict',
        )
}

function ordersPlaces(policy: TrafficPolicy | undefined): boolean {
  return Boolean(policy?.loadBalancer?.localityLbSetting ?? policy?.loadBalancer?.zoneAwareLbSetting)
}

/** Endpoints that nobody lets be ejected keep their rung alive. */
function checkEjection(
  { rungs, failBack }: FailoverSpec,
  { maxEjectionPercent, baseEjectionTime }: OutlierDetection,
  { host }: Service,
  { place, by }: { place: Place; by: string },
): void {
  if (rungs !== undefined && maxEjectionPercent && maxEjectionPercent < 100)
    place
      .field('rungs')
      .warn(
        `${by} lets ${maxEjectionPercent} % of the endpoints of ${host} be ejected: a rung whose endpoints all answer errors is not left for good`,
        'conflict',
      )
  const [wanted, given] = [durationMs(failBack?.after ?? ''), durationMs(baseEjectionTime ?? '')]
  if (wanted !== undefined && given !== undefined && given !== wanted)
    place
      .field('failBack')
      .field('after')
      .warn(`${by} says ${baseEjectionTime} for endpoints of ${host} that only proxies have noticed`, 'conflict')
}

/** VirtualServices with a route to a host that names `retries`. */
function routesTo(world: World, host: string): readonly VirtualService[] {
  const routes = world.objects(world.primary, istioKinds.virtualService) as readonly VirtualService[]
  return routes.filter(({ spec, metadata }) =>
    spec?.http?.some(
      ({ retries, route }) =>
        retries !== undefined &&
        route?.some(({ destination }) => resolveHost(destination?.host ?? '', metadata.namespace ?? '') === host),
    ),
  )
}
