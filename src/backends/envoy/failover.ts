import type { OutlierDetectionSchema } from '#gen/envoy/config/cluster/v3/outlier_detection_pb.js'
import { isHttp, type MeshConfig, type World } from '../../discovery/index.ts'
import {
  allMutualTls,
  type EffectivePolicy,
  type FailoverPlan,
  failoverSwitch,
  rungsOfService,
} from '../../mesh/index.ts'
import type { HttpOptions } from './clusters/http-options.ts'
import type { ClusterSpec } from './clusters/spec.ts'
import { failoverOfSpec, localityInForce } from './endpoints/client.ts'
import { type Init, milliseconds } from './proto.ts'

// Where a service can be served from several places, Istio's defaults would still lose every request when the nearest
// place dies (measured: docs/reliability.md). Such services leave a failed place at once. One that has a single place
// keeps Istio's defaults exactly, and what rules say explicitly stays as said.

/** Whether a service has somewhere else to go: several clusters, priorities or weights among localities, or a Failover. */
export function hasRungs(world: World, spec: ClusterSpec, policy: EffectivePolicy): boolean {
  const { service } = spec.binding
  const { namespace, host } = service
  if (failoverSwitch(world, service) !== 'on') return false
  if (failoverOfSpec(world, spec)) return true
  const rungs = world.get(rungsOfService, { namespace, host })
  if (rungs.clusters > 1) return true
  return rungs.localities > 1 && localityInForce(world, spec, policy) !== undefined
}

/** Ejection that notices a dead endpoint within a few requests, may eject all of a place, and tries again soon. */
export const quickEjection: Init<typeof OutlierDetectionSchema> = {
  consecutive5xx: 5,
  interval: milliseconds(1000),
  baseEjectionTime: milliseconds(3000),
  maxEjectionPercent: 100,
  enforcingSuccessRate: 0,
}

/**
 * The same, where a Failover says how what failed comes back: left alone for `after` at least, and then each endpoint, at each
 * proxy, at a moment of its own within `over`. Envoy knows no other way to give an ejected rung back little by little
 * (docs/decisions/0140-ejected-rungs-come-back-spread.md).
 */
export function quickEjectionOf(plan: FailoverPlan | undefined): Init<typeof OutlierDetectionSchema> {
  const { afterMs, overMs } = plan?.failBack ?? { afterMs: 0, overMs: 0 }
  const longest = milliseconds(Math.max(afterMs, longestEjectionMs))
  return {
    ...quickEjection,
    ...(afterMs > 0 && { baseEjectionTime: milliseconds(afterMs), maxEjectionTime: longest }),
    ...(overMs > 0 && { maxEjectionTimeJitter: milliseconds(overMs) }),
  }
}

/** Envoy's own; what fails again and again is never left alone for longer. */
const longestEjectionMs = 300_000

/**
 * Below how many percent of healthy endpoints the ejected ones are used all the same. 1, only where nothing at all is healthy:
 * with 0, ejecting everything would turn a hiccup into an outage. A rule that itself lets all endpoints be ejected means it so
 * (docs/decisions/0020-who-may-eject-everything.md).
 */
export function panicOf({ outlierDetection }: EffectivePolicy): number {
  return (outlierDetection?.maxEjectionPercent ?? 0) >= 100 ? 0 : 1
}

/** Failing over must not wait for a connection that will not come. */
export const failoverConnectTimeout = milliseconds(1000)

/** A peer that answers no ping within 1 s + 1.5 s is gone: its requests end, and those that may be repeated are. */
const pings = { interval: milliseconds(1000), timeout: milliseconds(1500) }

/**
 * Between proxies HTTP/2 is spoken, whose pings notice a frozen pod, gateway or network; HTTP/1.1 has nothing of the kind,
 * and requests on its connections would hang. Only where every endpoint has a proxy, since programs may not know HTTP/2, and
 * not where a rule or the mesh says otherwise.
 */
export function noticeFrozenPeers(
  http: HttpOptions,
  world: World,
  { port, binding }: ClusterSpec,
  mesh: MeshConfig,
  policy: EffectivePolicy,
): void {
  const said = policy.connectionPool?.http
  const open = said?.useClientProtocol !== true && (said?.h2UpgradePolicy ?? 'DEFAULT') === 'DEFAULT'
  const free = isHttp(port.protocol) && open && mesh.h2UpgradePolicy !== 'DO_NOT_UPGRADE'
  if (http.protocol === undefined && free && allMutualTls(world, binding.service, policy)) http.protocol = 'http2'
  if (http.protocol === 'http2') http.http2.connectionKeepalive ??= pings
}
