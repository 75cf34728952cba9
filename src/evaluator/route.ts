// Which virtual host and which route of a route configuration take a request, and which came near.

import {
  type Route,
  type VirtualHost,
  VirtualHost_TlsRequirementType,
} from '#gen/envoy/config/route/v3/route_components_pb.js'
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js'
import { describeMatch, fractionOf, whyNot } from './match/route.ts'
import type { Seen } from './request.ts'

/** A route that was looked at and did not take the request, and the condition that it failed on. */
export interface NearMiss {
  readonly route: string
  readonly failed: string
}

export interface RouteChoice {
  readonly virtualHost: VirtualHost
  /** Undefined: the virtual host has no route for the request (404). */
  readonly route: Route | undefined
  /** Share of such requests that the route takes (runtime fraction). */
  readonly share: number
  readonly because: readonly string[]
  readonly nearMisses: readonly NearMiss[]
  /** The virtual host is for TLS only: the client is sent there, whatever the routes say. */
  readonly toTls?: boolean
}

/**
 * The virtual host of an authority: exact domain, then the longest `*suffix`, then the longest `prefix*`, then `*`.
 * Source: route_components.proto, VirtualHost.domains.
 */
export function findVirtualHost(config: RouteConfiguration, authority: string): VirtualHost | undefined {
  const host = (config.ignorePortInHostMatching ? authority.replace(/:\d+$/, '') : authority).toLowerCase()
  let best: { virtualHost: VirtualHost; rank: number } | undefined
  for (const virtualHost of config.virtualHosts) {
    for (const domain of virtualHost.domains) {
      const rank = domainRank(domain.toLowerCase(), host)
      if (rank > 0 && rank > (best?.rank ?? 0)) best = { virtualHost, rank }
    }
  }
  return best?.virtualHost
}

const rankOfForm = { exact: 3_000_000, suffix: 2_000_000, prefix: 1_000_000, any: 1 }

function domainRank(domain: string, host: string): number {
  if (domain === host) return rankOfForm.exact
  if (domain === '*') return rankOfForm.any
  // A wildcard does not match the empty string.
  if (domain.startsWith('*')) {
    return host.endsWith(domain.slice(1)) && host.length >= domain.length ? rankOfForm.suffix + domain.length : 0
  }
  if (!domain.endsWith('*')) return 0
  return host.startsWith(domain.slice(0, -1)) && host.length >= domain.length ? rankOfForm.prefix + domain.length : 0
}

/** Chooses the route for a request; undefined if no virtual host takes its authority. */
export function chooseRoute(config: RouteConfiguration, seen: Seen): RouteChoice | undefined {
  const virtualHost = findVirtualHost(config, seen.headers.get(':authority') ?? '')
  if (!virtualHost) return undefined
  const nearMisses: NearMiss[] = []
  if (
    virtualHost.requireTls === VirtualHost_TlsRequirementType.ALL &&
    seen.headers.get('x-forwarded-proto') !== 'https'
  )
    return { virtualHost, route: undefined, share: 1, because: [], nearMisses, toTls: true }
  for (const [index, route] of virtualHost.routes.entries()) {
    const failed = route.match ? whyNot(route.match, seen) : 'a route without a match'
    if (failed === undefined && route.match) {
      return { virtualHost, route, share: fractionOf(route.match), because: describeMatch(route.match), nearMisses }
    }
    nearMisses.push({ route: route.name || `#${index}`, failed: failed ?? '' })
  }
  return { virtualHost, route: undefined, share: 0, because: [], nearMisses }
}
