// Failovers on clusters that run Istio: DestinationRules and VirtualServices that come as near as Istio can, and what is lost.
import { isHttpOrAuto, resolveHost, type Service, textQuery, type World, worldQuery } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import {
  type DestinationRule,
  failoverPlanOf,
  failoverSwitch,
  fairleadKinds,
  istioKinds,
  servicesOfFailover,
  type VirtualService,
} from '../../mesh/index.ts'
import { formatRef, type Problem } from '../../report/index.ts'
import type { Failover, FailoverSpec } from '../../resources/fairlead/index.ts'
import { collect, type KubeObject, objectKey, type Place, refOf } from '../../resources/index.ts'
import { placesInIstio } from './failover-places.ts'

/** Whose objects these are (label `fairlead.dev/owner`). */
export const failoverOwner = 'failover'
const ownerLabel = 'fairlead.dev/owner'

export interface LoweredFailovers {
  readonly objects: readonly KubeObject[]
  readonly problems: readonly Problem[]
}

const lowered = textQuery(
  'istio/lowered-failover',
  (world, key): LoweredFailovers => {
    const failover = world.object(world.primary, fairleadKinds.failover, key) as Failover | undefined
    if (!failover?.spec) return { objects: [], problems: [] }
    const { spec } = failover
    const objects: KubeObject[] = []
    const problems = collect(refOf(world.primary, failover), (root) => {
      const place = root.field('spec')
      if (spec.disabled) return
      const services = spec.hosts.flatMap((host) => servicesOfFailover(world, failover, host))
      for (const service of services) {
        const decides = world.get(failoverPlanOf, service)?.key === key
        if (!decides || failoverSwitch(world, service) !== 'on') continue
        const rule = ruleFor(world, spec, service, place)
        if (rule) objects.push(rule)
        const route = routeFor(world, spec, service, place)
        if (route) objects.push(route)
      }
      if (services.length > 0) tellLosses(spec, place)
    })
    return { objects, problems }
  },
  { equals: sameStructure },
)

/** What all Failovers of a world's own cluster become, where Istio drives the proxies. */
export const loweredFailovers = worldQuery(
  'istio/lowered-failovers',
  (world): LoweredFailovers => {
    const keys = world.objects(world.primary, fairleadKinds.failover).map(objectKey)
    const all = keys.map((key) => world.get(lowered, key))
    return { objects: all.flatMap(({ objects }) => objects), problems: all.flatMap(({ problems }) => problems) }
  },
  { equals: sameStructure },
)

function written(kind: string, service: Service, spec: object): KubeObject {
  const name = `failover-${service.registry === 'kubernetes' ? service.name : service.host.replaceAll('.', '-')}`
  const metadata = { name, namespace: service.namespace, labels: { [ownerLabel]: failoverOwner } }
  return { apiVersion: 'networking.istio.io/v1', kind, metadata, spec }
}

/** The object of a user, or of a dialect, that already speaks for a host. */
function othersFor<T extends DestinationRule | VirtualService>(
  world: World,
  kind: string,
  host: string,
  hostsOf: (object: T) => readonly string[],
): T | undefined {
  return (world.objects(world.primary, kind) as readonly T[]).find(
    (object) =>
      object.metadata.labels?.[ownerLabel] !== failoverOwner &&
      hostsOf(object).some((name) => resolveHost(name, object.metadata.namespace ?? '') === host),
  )
}

function ruleFor(world: World, spec: FailoverSpec, service: Service, place: Place): KubeObject | undefined {
  const { host } = service
  const own = othersFor<DestinationRule>(world, istioKinds.destinationRule, host, (rule) =>
    rule.spec ? [rule.spec.host] : [],
  )
  if (own) {
    place.warn(
      `Istio takes the settings of a host from one rule: ${formatRef(refOf(world.primary, own))} is there, so nothing is written; give it outlierDetection and localityLbSetting`,
      'conflict',
    )
    return undefined
  }
  const loadBalancer = placesInIstio(spec, place)
  const trafficPolicy = {
    connectionPool: { tcp: { connectTimeout: '1s' } },
    outlierDetection: {
      consecutive5xxErrors: 5,
      interval: '1s',
      baseEjectionTime: spec.failBack?.after ?? '3s',
      maxEjectionPercent: 100,
    },
    loadBalancer: { ...loadBalancer, ...(spec.failBack?.over && { warmup: { duration: spec.failBack.over } }) },
  }
  return written('DestinationRule', service, { host, trafficPolicy })
}

/** Retries are a matter of routes in Istio. */
function routeFor(world: World, spec: FailoverSpec, service: Service, place: Place): KubeObject | undefined {
  const { host, ports } = service
  if (!spec.retry || !ports.some(({ protocol }) => isHttpOrAuto(protocol))) return undefined
  const own = othersFor<VirtualService>(world, istioKinds.virtualService, host, (rule) => rule.spec?.hosts ?? [])
  if (own) {
    place
      .field('retry')
      .warn(`${formatRef(refOf(world.primary, own))} routes ${host}: what is sent again stands there`, 'conflict')
    return undefined
  }
  const { attempts = 4, perTryTimeout } = spec.retry
  const retries = {
    attempts,
    ...(perTryTimeout && { perTryTimeout }),
    ...(attempts > 0 && {
      retryOn: 'connect-failure,refused-stream,unavailable,cancelled,503',
      retryRemoteLocalities: true,
    }),
  }
  return written('VirtualService', service, { hosts: [host], http: [{ route: [{ destination: { host } }], retries }] })
}

/** What has no counterpart in Istio, whatever the service. */
function tellLosses({ thresholds, retry, failBack }: FailoverSpec, place: Place): void {
  const lost = (at: Place, what: string): void =>
    at.warn(`is lost on a cluster that runs Istio: ${what}`, 'not-supported')
  if (thresholds)
    lost(place.field('thresholds'), 'a rung spills over below 71 %, and never counts as failed as a whole')
  if ((retry?.triesPerRung ?? 2) !== 2)
    lost(place.field('retry').field('triesPerRung'), 'it leaves a rung after two tries')
  if (failBack?.over !== undefined)
    lost(place.field('failBack').field('over'), 'it warms up endpoints that are new, but gives a rung back at once')
}
