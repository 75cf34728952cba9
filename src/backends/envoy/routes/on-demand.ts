// Virtual hosts on demand: a proxy that asks for it gets route configurations without hosts, and each host when the first
// request for it comes. What it costs follows from what it uses, not from what there is.
// https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/vhds
import { create } from '@bufbuild/protobuf'
import {
  AggregatedConfigSourceSchema,
  ApiVersion,
  ConfigSourceSchema,
} from '#gen/envoy/config/core/v3/config_source_pb.js'
import {
  type Route,
  RouteActionSchema,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js'
import { type RouteConfiguration, RouteConfigurationSchema, VhdsSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import type { World } from '../../../discovery/index.ts'
import type { ProxyScope } from '../../../mesh/index.ts'
import type { Built } from '../built.ts'
import { httpProxyRoute } from '../names.ts'
import { noTimeout } from '../proto.ts'
import { outboundRouteParts, type RouteConfigurationParts } from './route-configuration.ts'
import { type AnyVirtualHostKey, virtualHost } from './virtual-host.ts'

/** Whether proxies of a scope ask for the hosts of this route configuration one by one. */
export function hasHostsOnDemand({ onDemand }: ProxyScope, route: string): boolean {
  return onDemand && (route === httpProxyRoute || /^\d+$/.test(route))
}

/** The route configuration without hosts. */
export function routesOnDemand({ shell }: RouteConfigurationParts): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    ...shell,
    virtualHosts: [],
    vhds: create(VhdsSchema, {
      configSource: create(ConfigSourceSchema, {
        configSourceSpecifier: { case: 'ads', value: create(AggregatedConfigSourceSchema) },
        resourceApiVersion: ApiVersion.V3,
      }),
    }),
  })
}

/**
 * The virtual host of one host, for a name as Envoy asks for it: `ROUTE CONFIGURATION/HOST`, the host as the request has
 * it. Hosts that nobody knows get what the rest gets. Undefined if there is no such route configuration.
 */
export function hostOnDemand(world: World, scope: ProxyScope, name: string): Built<VirtualHost> | undefined {
  const slash = name.lastIndexOf('/')
  const route = name.slice(0, Math.max(0, slash))
  const parts = hasHostsOnDemand(scope, route) ? outboundRouteParts(world, scope, route) : undefined
  if (!parts) return undefined
  const asked = name.slice(slash + 1).toLowerCase()
  const host = parts.shell.ignorePortInHostMatching ? asked.replace(/:\d+$/, '') : asked
  const key = bestMatch(parts.virtualHosts, host)
  const found = key && world.get(virtualHost, key)
  const resource = found?.resource ?? parts.shell.virtualHosts[0]
  // Named by the host, so that those who ask for it with and without its port have one.
  return (
    resource && {
      resource: create(VirtualHostSchema, {
        ...resource,
        name: host,
        domains: [host],
        routes: resource.routes.map(withoutIdleLimit),
      }),
      origin: found?.origin ?? [],
    }
  )
}

/** The limit of the listener is for requests that wait for a route. */
function withoutIdleLimit(route: Route): Route {
  if (route.action.case !== 'route' || route.action.value.idleTimeout) return route
  const value = create(RouteActionSchema, { ...route.action.value, idleTimeout: noTimeout })
  return create(RouteSchema, { ...route, action: { case: 'route', value } })
}

/** The keys of a route configuration by their domains. */
interface Domains {
  readonly exact: ReadonlyMap<string, AnyVirtualHostKey>
  readonly wildcards: readonly (readonly [domain: string, AnyVirtualHostKey])[]
}

/** Made once for each list of keys, which is the same object as long as nothing in it changes. */
const domainsOfKeys = new WeakMap<readonly AnyVirtualHostKey[], Domains>()

function domainsOf(keys: readonly AnyVirtualHostKey[]): Domains {
  const known = domainsOfKeys.get(keys)
  if (known) return known
  const exact = new Map<string, AnyVirtualHostKey>()
  const wildcards: [string, AnyVirtualHostKey][] = []
  for (const key of keys)
    for (const domain of key.domains.map((each) => each.toLowerCase())) {
      if (domain.startsWith('*') || domain.endsWith('*')) wildcards.push([domain, key])
      else if (!exact.has(domain)) exact.set(domain, key)
    }
  const made = { exact, wildcards }
  domainsOfKeys.set(keys, made)
  return made
}

/** Envoy's order: the whole name, the longest `*.suffix`, the longest `prefix.*`, `*`. */
function bestMatch(keys: readonly AnyVirtualHostKey[], host: string): AnyVirtualHostKey | undefined {
  const { exact, wildcards } = domainsOf(keys)
  const whole = exact.get(host)
  if (whole) return whole
  let best: AnyVirtualHostKey | undefined
  let rank = -1
  for (const [domain, key] of wildcards) {
    const found = rankOf(domain, host)
    if (found <= rank) continue
    rank = found
    best = key
  }
  return best
}

const suffix = 2e6
const prefix = 1e6

function rankOf(domain: string, host: string): number {
  if (domain === '*') return 0
  if (domain.startsWith('*') && host.length >= domain.length && host.endsWith(domain.slice(1)))
    return suffix + domain.length
  if (domain.endsWith('*') && host.length >= domain.length && host.startsWith(domain.slice(0, -1)))
    return prefix + domain.length
  return -1
}
