// What a chosen route does with a request.
import { durationMs } from '@bufbuild/protobuf/wkt'
import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import {
  type Route,
  type RouteAction,
  RouteAction_ClusterNotFoundResponseCode,
  type VirtualHost,
  type WeightedCluster_ClusterWeight,
} from '#gen/envoy/config/route/v3/route_components_pb.js'
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js'
import { describeHash, hashOfRequest } from './balance/hash-policy.ts'
import type { Call, ProxyConfig } from './call.ts'
import { type Decision, type Destination, endingStatus, type Outlier, type SentRequest } from './decision.ts'
import { applyChanges, type HeaderChange, requestChanges, responseChanges } from './header-changes.ts'
import { type Filtered, filterStateFilter, protocolsOf } from './http-filters.ts'
import { percentOf } from './match/route.ts'
import { originOfMetadata } from './origin.ts'
import type { Seen } from './request.ts'
import { retriesOf } from './retries.ts'
import { redirectOf, rewrittenHost, rewrittenPath } from './rewrite.ts'
import type { RouteChoice } from './route.ts'
import { isHashed, type Rung } from './rungs.ts'
import { balancerOf, protocolTowards, tlsTowards, upstreamOf } from './upstream.ts'

export interface Chosen {
  readonly choice: RouteChoice
  readonly seen: Seen
  readonly call: Call
  readonly filtered: Filtered
}

export function act(proxy: ProxyConfig, config: RouteConfiguration, chosen: Chosen, here: Decision): Decision {
  const { choice, seen, filtered } = chosen
  const { route, virtualHost } = choice
  if (choice.toTls) {
    const location = `https://${seen.headers.get(':authority')}${seen.headers.get(':path')}`
    return { ...here, redirect: { status: 301, location }, status: 301 }
  }
  if (!route) return { ...here, ending: 'no-route', status: 404 }
  const answerChanges = [...responseChanges([route, virtualHost, config]), ...filtered.responseChanges]
  const action = route.action
  switch (action.case) {
    case 'directResponse': {
      const { status, body } = action.value
      const specifier = body?.specifier
      const text =
        specifier?.case === 'inlineString'
          ? specifier.value
          : specifier?.case === 'inlineBytes'
            ? new TextDecoder().decode(specifier.value)
            : ''
      return { ...here, directResponse: { status, body: text }, status, responseChanges: answerChanges }
    }
    case 'redirect': {
      const redirect = redirectOf(action.value, route.match, seen)
      return { ...here, redirect, status: redirect.status, responseChanges: answerChanges }
    }
    case 'route':
      return forward(proxy, action.value, config, chosen, here)
    default:
      return { ...here, ending: 'protocol', status: 404 }
  }
}

function forward(
  proxy: ProxyConfig,
  action: RouteAction,
  config: RouteConfiguration,
  chosen: Chosen,
  here: Decision,
): Decision {
  const { choice, seen, call, filtered } = chosen
  const { route, virtualHost } = choice
  if (!route) return here
  const targets = targetsOf(action).map(({ name, share, weighted }): Target => {
    const levels = [weighted, route, virtualHost, config]
    const changes = requestChanges(levels)
    const own = weighted?.typedPerFilterConfig[filterStateFilter]
    const alpn = (own && protocolsOf(own)) ?? filtered.alpn
    const hash = hashOfRequest(action.hashPolicy, seen, changes)
    return {
      ...(hash !== undefined && { hash }),
      ...(alpn && { alpn }),
      name,
      share,
      requestChanges: changes,
      responseChanges: [...responseChanges(levels), ...filtered.responseChanges],
      sent: sentRequest(action, route, weighted, seen, changes),
    }
  })
  const host = seen.headers.get(':authority') ?? ''
  const mirrors = destinationsOf(proxy, mirrorsOf(action, targets[0], proxy), { call, host, here })
  const patient: Decision = {
    ...here,
    ...patience(action, virtualHost),
    ...(mirrors.length > 0 && { mirrors }),
  }
  const hashed = describeHash(action.hashPolicy)
  const arrived = arrive(proxy, targets, { call, host, here: patient, hashed })
  const notFound = action.clusterNotFoundResponseCode
  const status =
    arrived.ending !== 'no-cluster'
      ? arrived.status
      : notFound === RouteAction_ClusterNotFoundResponseCode.NOT_FOUND
        ? 404
        : notFound === RouteAction_ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR
          ? 500
          : 503
  return status === undefined ? arrived : { ...arrived, status }
}

/** Copies look like the request itself; they tell that they come from a proxy. */
function mirrorsOf(action: RouteAction, like: Target | undefined, { hostAddress }: ProxyConfig): Target[] {
  return action.requestMirrorPolicies.map(({ cluster, runtimeFraction }) => {
    const known = like?.sent?.headers['x-forwarded-for']
    const through = [known, hostAddress].filter((each) => each !== undefined).join(',')
    const headers = { ...like?.sent?.headers, ...(through !== '' && { 'x-forwarded-for': through }) }
    return {
      name: cluster,
      share: runtimeFraction?.defaultValue ? percentOf(runtimeFraction.defaultValue) : 1,
      requestChanges: [],
      responseChanges: [],
      ...(like?.sent && { sent: { ...like.sent, headers } }),
    }
  })
}

function sentRequest(
  action: RouteAction,
  route: Route,
  weighted: WeightedCluster_ClusterWeight | undefined,
  seen: Seen,
  changes: readonly HeaderChange[],
): SentRequest {
  const headers = applyChanges(seen.headers, changes)
  const path = headers.get(':path') ?? ''
  const rewritten = rewrittenPath(action, route.match, path)
  const host = rewrittenHost(action, weighted, headers)
  const plain = Object.fromEntries([...headers].filter(([name]) => !name.startsWith(':')))
  const lines = headers.several()
  return {
    host,
    path: rewritten,
    method: headers.get(':method') ?? '',
    headers: rewritten === path ? plain : { ...plain, 'x-envoy-original-path': path },
    ...(Object.keys(lines).length > 0 && { lines }),
  }
}

function targetsOf(
  action: RouteAction,
): { name: string; share: number; weighted: WeightedCluster_ClusterWeight | undefined }[] {
  const spec = action.clusterSpecifier
  if (spec.case === 'cluster') return [{ name: spec.value, share: 1, weighted: undefined }]
  if (spec.case !== 'weightedClusters') return []
  return shares(
    spec.value.clusters.map((weighted) => ({ name: weighted.name, weight: weighted.weight ?? 0, weighted })),
  )
}

/** Weights as shares of one. */
export function shares<T extends { readonly weight: number }>(weighted: readonly T[]): (T & { share: number })[] {
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0)
  return weighted.map((each) => ({ ...each, share: total === 0 ? 0 : each.weight / total }))
}

/** Timeout and retries of a route; those of the virtual host hold where the route says nothing. */
function patience(action: RouteAction, virtualHost: VirtualHost): Pick<Decision, 'timeoutMs' | 'retries'> {
  const policy = action.retryPolicy ?? virtualHost.retryPolicy
  return {
    // Envoy's own default is 15 s; 0 is no timeout.
    timeoutMs: action.timeout ? durationMs(action.timeout) : 15_000,
    ...(policy ? { retries: retriesOf(policy) } : {}),
  }
}

export interface Target {
  readonly name: string
  readonly share: number
  readonly requestChanges: readonly HeaderChange[]
  readonly responseChanges: readonly HeaderChange[]
  readonly sent?: SentRequest
  /** Protocols to name in TLS hellos, in place of the cluster's. */
  readonly alpn?: readonly string[]
  /** Which endpoint the request gets where a hash decides; absent = any. */
  readonly hash?: bigint
}

interface Arrival {
  readonly call: Call
  readonly host: string
  readonly here: Decision
  /** What is hashed, in words. */
  readonly hashed?: string
}

/** The clusters that a call goes to, down to their endpoints. */
export function arrive(proxy: ProxyConfig, targets: readonly Target[], arrival: Arrival): Decision {
  const destinations = destinationsOf(proxy, targets, arrival)
  const used = destinations.filter(({ share }) => share > 0)
  const arrived: Decision = { ...arrival.here, destinations }
  if (used.every(({ known }) => !known)) return { ...arrived, ending: 'no-cluster', status: 503 }
  return used.some(isReachable)
    ? arrived
    : { ...arrived, ending: 'no-healthy-endpoint', status: endingStatus['no-healthy-endpoint'] ?? 503 }
}

function destinationsOf(proxy: ProxyConfig, targets: readonly Target[], arrival: Arrival): Destination[] {
  const { call, hashed } = arrival
  return targets.map((target): Destination => {
    const { name, share, requestChanges, responseChanges, sent, alpn, hash } = target
    const cluster = proxy.clusters.get(name)
    const common = { cluster: name, share, requestChanges, responseChanges, ...(sent && { sent }) }
    if (!cluster)
      return { ...common, known: false, finding: 'assigned', balancer: '', rungs: [], protocol: 'tcp', origin: [] }
    const outlier = outlierOf(cluster)
    const { finding, rungs } = upstreamOf(proxy, cluster, {
      call,
      host: sent?.host ?? arrival.host,
      ...(hash !== undefined && { hash }),
    })
    return {
      ...common,
      known: true,
      finding,
      balancer: balancerOf(cluster) + (isHashed(cluster) && hashed ? ` of ${hashed}` : ''),
      rungs: rungs.map((rung) => secured(rung, cluster, alpn)),
      protocol: protocolTowards(cluster, call),
      ...(outlier && { outlier }),
      origin: [
        ...originOfMetadata(cluster.metadata?.filterMetadata),
        ...(proxy.origin?.('cluster', name) ?? []),
        ...(proxy.origin?.('endpoints', name) ?? []),
      ],
    }
  })
}

/** Whether any endpoint of a destination takes requests. */
export function isReachable({ rungs }: Destination): boolean {
  return rungs.some((rung) => rung.endpoints.some(({ share }) => share > 0))
}

/** A rung whose endpoints tell how they are reached, with the protocols that a route asks for. */
function secured(rung: Rung, cluster: Cluster, alpn: readonly string[] | undefined): Rung {
  return {
    ...rung,
    endpoints: rung.endpoints.map((endpoint) => {
      const tls = tlsTowards(cluster, endpoint.metadata)
      return tls ? { ...endpoint, tls: alpn ? { ...tls, alpn } : tls } : endpoint
    }),
  }
}

function outlierOf({ outlierDetection: own }: Cluster): Outlier | undefined {
  if (!own) return undefined
  return {
    consecutive5xx: own.consecutive5xx ?? (own.enforcingConsecutive5xx === 0 ? undefined : 5),
    consecutiveGatewayErrors: own.enforcingConsecutiveGatewayFailure ? own.consecutiveGatewayFailure : undefined,
    intervalMs: own.interval ? durationMs(own.interval) : 10_000,
    baseEjectionMs: own.baseEjectionTime ? durationMs(own.baseEjectionTime) : 30_000,
    maxEjectionPercent: own.maxEjectionPercent ?? 10,
  }
}
