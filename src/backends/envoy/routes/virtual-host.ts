import { create } from '@bufbuild/protobuf'
import {
  type Route,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js'
import { meshConfigOf, type Query, type World } from '../../../discovery/index.ts'
import { type Binding, type GuardedClient, meshGateway, virtualRule } from '../../../mesh/index.ts'
import type { Built } from '../built.ts'
import { meshProtocolsConfig } from '../filters/mesh-protocols.ts'
import { countsAttempts, withForwardedHost } from '../filters/proxy-headers.ts'
import { gatewayVirtualHost } from '../gateway/virtual-host.ts'
import { type GatewayVirtualHostKey, gatewayVirtualHostText } from '../gateway/virtual-host-keys.ts'
import { fixedClusters, outboundClusterName } from '../names.ts'
import { noTimeout } from '../proto.ts'
import { defaultRetries, type RouteContext, serviceHash } from './context.ts'
import { hashPolicy } from './hash-policy.ts'
import { routeMatch, withMethods } from './match.ts'
import { decidesRetries, decidingRetries, failoverRetryPolicies, retryPolicy } from './retry.ts'
import { routesOfRule } from './route.ts'
import { destinationHasRungs, plannedRetries } from './rungs.ts'
import { type VirtualHostKey, virtualHostKeyText } from './virtual-host-keys.ts'

/** Names a virtual host as some proxies get it. */
export type AnyVirtualHostKey = VirtualHostKey | GatewayVirtualHostKey

const sidecars: ReadonlySet<string> = new Set([meshGateway])

/** A virtual host of a route configuration. Shared by all proxies of equal key. */
export const virtualHost: Query<AnyVirtualHostKey, Built<VirtualHost>> = {
  name: 'envoy/virtual-host',
  keyOf: (key) => (key.kind === 'gateway' ? gatewayVirtualHostText(key) : virtualHostKeyText(key)),
  compute: (world, key) => {
    if (key.kind === 'gateway') return gatewayVirtualHost(world, key)
    const rule = key.rule === '' ? undefined : world.get(virtualRule, key.rule)
    const { binding, port } = key
    const mesh = meshConfigOf(world)
    const client: GuardedClient = { ...key.client, port, gateways: sidecars }
    const context: RouteContext = {
      world,
      client,
      semantics: rule?.semantics ?? 'istio',
      tls: false,
      destinations: key.destinations,
      hasRungs: (each, number, subset) => destinationHasRungs(world, each, number, subset),
    }
    const routes = rule ? routesOfRule(rule, context) : binding ? serviceRoutes(world, binding, port) : []
    return {
      resource: create(VirtualHostSchema, {
        name: key.name,
        domains: [...key.domains],
        routes: withForwardedHost(mesh, [...tunnelRoutes(key), ...(key.tunnel === 'tcp' ? [] : routes)]),
        includeRequestAttemptCount: countsAttempts(mesh),
      }),
      origin: [...(binding?.service.origin ?? []), ...(rule?.origin ?? [])],
    }
  },
}

/** All requests go to the service. Where it has places to fail over to, those that may be repeated are told apart. */
function serviceRoutes(world: World, binding: Binding, port: number): Route[] {
  const { host } = binding.service
  const policy = hashPolicy(serviceHash(world, binding, port))
  const planned = plannedRetries(world, binding)
  const said = decidingRetries(undefined, planned, defaultRetries(world))
  const everything = routeMatch(undefined, 'istio')
  const routeTo = (retries: ReturnType<typeof retryPolicy>, match = everything): Route =>
    create(RouteSchema, {
      name: 'default',
      match,
      decorator: { operation: `${host}:${port}/*` },
      typedPerFilterConfig: meshProtocolsConfig(world, binding, port),
      action: {
        case: 'route',
        value: {
          clusterSpecifier: { case: 'cluster', value: outboundClusterName(port, '', host) },
          timeout: noTimeout,
          maxGrpcTimeout: noTimeout,
          hashPolicy: policy ? [policy] : [],
          ...(retries && { retryPolicy: retries }),
        },
      },
    })
  const sticky = policy !== undefined
  if (decidesRetries(said) || !destinationHasRungs(world, binding, port, '')) return [routeTo(retryPolicy(said, false))]
  const retries = failoverRetryPolicies(sticky, said, planned)
  if (!retries) return [routeTo(undefined)]
  return [routeTo(retries.idempotent, withMethods(everything)), routeTo(retries.any)]
}

/** CONNECT: to an HTTP port ends in a listener of our own, so that requests within are routed; to others it goes through. */
function tunnelRoutes({ tunnel, binding, port }: VirtualHostKey): Route[] {
  if (tunnel === 'none') return []
  const cluster =
    tunnel === 'http' ? fixedClusters.httpInTunnel : outboundClusterName(port, '', binding?.service.host ?? '')
  return [
    create(RouteSchema, {
      name: 'tunnel',
      match: { pathSpecifier: { case: 'connectMatcher', value: {} } },
      action: {
        case: 'route',
        value: {
          clusterSpecifier: { case: 'cluster', value: cluster },
          timeout: noTimeout,
          upgradeConfigs: [{ upgradeType: 'CONNECT', connectConfig: {} }],
        },
      },
    }),
  ]
}
