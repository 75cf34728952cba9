// Which requests are not covered when an endpoint is frozen: those of services with several places, without a timeout per try.
import { labelNames, resolveHost } from '../../discovery/index.ts'
import type { Problem } from '../../report/index.ts'
import type { Failover } from '../../resources/fairlead/index.ts'
import { groupKind, type KubeObject, type ObjectMeta, refOf } from '../../resources/index.ts'
import type { DestinationRule, HttpRoute, TrafficPolicy, VirtualService } from '../istio.ts'
import { fairleadKinds, istioKinds } from '../kinds.ts'
import { readSwitch } from './switch.ts'

/** Why a service fails over, as far as one set of objects tells. */
interface Reason {
  readonly object: KubeObject
  readonly path: string
  /** Somebody ordered places; else it is only that endpoints are ejected. */
  readonly explicit: boolean
}

/**
 * A warning for each HTTP route to a service that fails over, and each such service without a route, for which nobody set a
 * timeout per try. Judges by the objects given, since files do not tell which clusters there are.
 */
export function tryTimeoutProblems(objects: readonly KubeObject[]): Problem[] {
  const off = switchedOff(objects)
  const reasons = new Map(reasonsOf(objects).filter(([host]) => !off(host)))
  const planned = plannedTimeouts(objects)
  const routed = new Set<string>()
  const problems: Problem[] = []
  for (const object of ofKind<VirtualService>(objects, istioKinds.virtualService)) {
    const namespace = object.metadata.namespace ?? ''
    for (const [at, route] of (object.spec?.http ?? []).entries()) {
      const hosts = (route.route ?? []).map(({ destination }) => resolveHost(destination?.host ?? '', namespace))
      for (const host of hosts) routed.add(host)
      // A route that names conditions decides alone.
      const alone = Boolean(route.retries?.retryOn)
      const open = hosts.find((host) => reasons.has(host) && (alone || !planned.has(host)))
      if (open !== undefined && !isDecided(route)) problems.push(problem(object, `spec.http[${at}]`, open))
    }
  }
  for (const [host, { object, path, explicit }] of reasons)
    if (explicit && !routed.has(host) && !planned.has(host)) problems.push(problem(object, path, host))
  return problems
}

function problem(object: KubeObject, path: string, host: string): Problem {
  const where =
    path === 'spec.retry' ? 'retry.perTryTimeout here' : 'retries.perTryTimeout of a route (or a Failover, for all)'
  return {
    code: 'no-try-timeout',
    severity: 'warning',
    object: refOf('', object),
    path,
    message: `an endpoint of ${host} that is frozen, while its proxy lives, is not left: ${where} notices it; it must be longer than the service ever takes`,
  }
}

/** The route names a timeout per try, or wants nothing sent again. */
function isDecided({ retries, redirect, directResponse }: HttpRoute): boolean {
  if (redirect || directResponse) return true
  return retries?.perTryTimeout !== undefined || (retries?.attempts !== undefined && retries.attempts <= 0)
}

function ofKind<T extends KubeObject>(objects: readonly KubeObject[], kind: string): readonly T[] {
  return objects.filter((object): object is T => groupKind(object) === kind)
}

function reasonsOf(objects: readonly KubeObject[]): [string, Reason][] {
  const rules = ofKind<DestinationRule>(objects, istioKinds.destinationRule).flatMap((object): [string, Reason][] => {
    const { spec, metadata } = object
    const policies = [spec?.trafficPolicy, ...(spec?.subsets ?? []).map(({ trafficPolicy }) => trafficPolicy)]
    const explicit = policies.some(ordersPlaces)
    if (!spec || !(explicit || policies.some((policy) => policy?.outlierDetection !== undefined))) return []
    return [[resolveHost(spec.host, metadata.namespace ?? ''), { object, path: 'spec', explicit }]]
  })
  const failovers = ofKind<Failover>(objects, fairleadKinds.failover).flatMap((object) =>
    object.spec?.disabled === true || object.spec?.retry?.attempts === 0
      ? []
      : hostsOf(object).map((host): [string, Reason] => [host, { object, path: 'spec.retry', explicit: true }]),
  )
  return [...rules, ...failovers]
}

function ordersPlaces(policy: TrafficPolicy | undefined): boolean {
  const balancer = policy?.loadBalancer
  const locality = balancer?.localityLbSetting
  return (locality !== undefined && locality.enabled !== false) || balancer?.zoneAwareLbSetting !== undefined
}

function hostsOf({ spec, metadata }: Failover): string[] {
  return (spec?.hosts ?? []).map((host) => resolveHost(host, metadata.namespace ?? ''))
}

/** Services for which a Failover sets a timeout per try. */
function plannedTimeouts(objects: readonly KubeObject[]): ReadonlySet<string> {
  const failovers = ofKind<Failover>(objects, fairleadKinds.failover)
  return new Set(failovers.filter(({ spec }) => spec?.retry?.perTryTimeout !== undefined).flatMap(hostsOf))
}

/** Whether failing over is switched off for a host, as far as the objects tell. */
function switchedOff(objects: readonly KubeObject[]): (host: string) => boolean {
  const said = ({ labels }: ObjectMeta): boolean | undefined => readSwitch(labels?.[labelNames.failover])
  const services = new Map<string, boolean | undefined>()
  const namespaces = new Map<string, boolean | undefined>()
  for (const { kind, apiVersion, metadata } of objects) {
    if (apiVersion !== 'v1') continue
    if (kind === 'Namespace') namespaces.set(metadata.name, said(metadata))
    if (kind === 'Service') services.set(resolveHost(metadata.name, metadata.namespace ?? ''), said(metadata))
  }
  return (host) => {
    const namespace = host.split('.')[1] ?? ''
    return (services.get(host) ?? namespaces.get(namespace) ?? namespaces.get('istio-system')) === false
  }
}
