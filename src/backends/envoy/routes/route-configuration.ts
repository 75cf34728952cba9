import { clone, create } from '@bufbuild/protobuf'
import { type RouteConfiguration, RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { isHttp, meshConfigOf, type Query, type World } from '../../../discovery/index.ts'
import { outboundPolicyOf, type ProxyScope, viewOf } from '../../../mesh/index.ts'
import type { Built } from '../built.ts'
import { gatewayVirtualHosts, serversOfRoutes } from '../gateway/virtual-host-keys.ts'
import { httpProxyRoute, undeliveredHeader } from '../names.ts'
import { catchAll } from './catch-all.ts'
import { type AnyVirtualHostKey, virtualHost } from './virtual-host.ts'
import {
  draftsOf,
  finishDrafts,
  portVirtualHosts,
  type RouteScope,
  routeScopeKey,
  sameKeys,
  type VirtualHostKey,
  withoutUsualPort,
} from './virtual-host-keys.ts'

/** A route configuration without its shared virtual hosts, which are encoded once each and put in between. */
export interface RouteConfigurationParts {
  readonly name: string
  /** In order, in front of those of the shell. */
  readonly virtualHosts: readonly AnyVirtualHostKey[]
  /** Everything else, with the virtual host for all other hosts. */
  readonly shell: RouteConfiguration
}

/** Virtual hosts of the explicit proxy's route configuration: one for each port of each service. */
const proxyVirtualHosts: Query<RouteScope, readonly VirtualHostKey[]> = {
  name: 'envoy/proxy-virtual-hosts',
  keyOf: routeScopeKey,
  compute: (world, scope) => {
    const view = world.get(viewOf, scope.view)
    const egress = view.egress.find(({ listener }) => !listener?.port) ?? view.egress[0]
    if (!egress) return []
    // Without tunnels of its own a proxy takes requests only.
    if (scope.dataPath !== 'loopback')
      return finishDrafts(view, scope, draftsOf(egress, scope, undefined), 'none').map(withoutUsualPort)
    const http = finishDrafts(view, scope, draftsOf(egress, scope, undefined), 'http')
    const tcp = finishDrafts(view, scope, tcpDrafts(egress, scope), 'tcp')
    const taken = new Set(http.flatMap(({ domains }) => domains))
    return [...http, ...tcp.filter(({ domains }) => !domains.some((domain) => taken.has(domain)))].map(withoutUsualPort)
  },
  equals: sameKeys,
}
/** Ports that carry no HTTP are reached by CONNECT only. */
function tcpDrafts(egress: Parameters<typeof draftsOf>[0], scope: RouteScope): ReturnType<typeof draftsOf> {
  const asHttp = egress.services.map((binding) => ({
    ...binding,
    service: {
      ...binding.service,
      ports: binding.service.ports
        .filter(({ protocol }) => protocol !== 'UDP' && protocol !== 'auto' && !isHttp(protocol))
        .map((port) => ({ ...port, protocol: 'HTTP' as const })),
    },
  }))
  return draftsOf({ ...egress, rules: [], services: asHttp }, scope, undefined)
}

/** Whether the name is `host:port`: the route configuration of one service, whose protocol is looked at. */
function sniffedService(name: string): { host: string; port: number } | undefined {
  const parts = /^(.+):(\d+)$/.exec(name)
  return parts && !name.startsWith('unix:') ? { host: parts[1] ?? '', port: Number(parts[2]) } : undefined
}

/** What a route configuration is made of. Undefined if there is none of that name. */
export function outboundRouteParts(world: World, scope: ProxyScope, name: string): RouteConfigurationParts | undefined {
  if (scope.type === 'gateway') return gatewayRouteParts(world, scope, name)
  const sniffed = sniffedService(name)
  if (sniffed) {
    const all = world.get(portVirtualHosts, { scope, port: sniffed.port, bind: '' })
    const own = all.filter(({ domains }) => domains.includes(name) || domains.includes(sniffed.host))
    const virtualHosts = own.length === 1 ? own.map((key) => ({ ...key, domains: ['*'] })) : own
    return { name, virtualHosts, shell: shellOf(name, true) }
  }
  const rest = catchAll(meshConfigOf(world), outboundPolicyOf(world, scope.view))
  if (name === httpProxyRoute) {
    const virtualHosts = world.get(proxyVirtualHosts, scope)
    // Hosts stand with their ports here: ignoring those would send every port of a name to the first.
    return { name, virtualHosts, shell: shellOf(name, false, [rest]) }
  }
  const port = /^\d+$/.test(name) ? Number(name) : 0
  if (port === 0 && !name.startsWith('unix:')) return undefined
  const virtualHosts = world.get(portVirtualHosts, { scope, port, bind: name })
  return { name, virtualHosts, shell: shellOf(name, true, [rest]) }
}

function gatewayRouteParts(world: World, scope: ProxyScope, name: string): RouteConfigurationParts | undefined {
  if (serversOfRoutes(world, scope, name).length === 0) return undefined
  return { name, virtualHosts: world.get(gatewayVirtualHosts, { scope, routes: name }), shell: shellOf(name, true) }
}

const maxDirectResponseBytes = 1024 * 1024

function shellOf(
  name: string,
  ignorePort: boolean,
  virtualHosts: RouteConfiguration['virtualHosts'] = [],
): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts,
    validateClusters: false,
    maxDirectResponseBodySizeBytes: maxDirectResponseBytes,
    ignorePortInHostMatching: ignorePort,
    responseHeadersToRemove: [undeliveredHeader],
  })
}

/** A whole route configuration. */
export function buildOutboundRoutes(
  world: World,
  scope: ProxyScope,
  name: string,
): Built<RouteConfiguration> | undefined {
  const parts = outboundRouteParts(world, scope, name)
  if (!parts) return undefined
  const hosts = parts.virtualHosts.map((key) => world.get(virtualHost, key))
  const resource = clone(RouteConfigurationSchema, parts.shell)
  resource.virtualHosts.unshift(...hosts.map((host) => host.resource))
  return { resource, origin: hosts.flatMap(({ origin }) => origin) }
}
