import { kinds, serviceHost, textQuery, type World, worldQuery } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import { objectKey, refOf } from '../../resources/index.ts'
import { compareConfigAge } from '../config-order.ts'
import type { HttpRoute } from '../istio.ts'
import { istioKinds } from '../kinds.ts'
import { destinationsOf, sourceLabelsOf } from '../virtual-services/destinations.ts'
import { guardsOf } from '../virtual-services/guard.ts'
import { meshGateway, type VirtualRule } from '../virtual-services/model.ts'
import { convertRule } from './convert.ts'
import { compareRoutes } from './order.ts'
import type { HttpRouteObject, ParentRef } from './types.ts'

// HTTPRoutes with Services as parents ("GAMMA"). Routes of one namespace for one host (and port) are one rule, in the
// order that the Gateway API asks for. Key of a rule: `namespace|port|host`, port empty for all.

/** Keys of rules → keys of the routes they are made of, oldest first. */
const routesByRule = worldQuery(
  'mesh/http-routes-by-rule',
  (world): ReadonlyMap<string, readonly string[]> => {
    const routes = [...world.objects(world.primary, istioKinds.httpRoute)].sort(compareConfigAge) as HttpRouteObject[]
    const found = new Map<string, string[]>()
    for (const route of routes)
      for (const key of ruleKeys(world, route)) found.set(key, [...(found.get(key) ?? []), objectKey(route)])
    return found
  },
  { equals: sameStructure },
)

/** Keys of all rules that come from HTTPRoutes. */
export function httpRouteRuleKeys(world: World): string[] {
  return [...world.get(routesByRule, undefined).keys()]
}

function ruleKeys(world: World, route: HttpRouteObject): string[] {
  const namespace = route.metadata.namespace ?? ''
  return (route.spec?.parentRefs ?? []).flatMap((parent) => {
    const hosts = parentHosts(world, parent, namespace)
    return hosts.map((host) => `${namespace}|${parent.port ?? ''}|${host}`)
  })
}

/** Hosts that a parent stands for; none if it is a gateway, or does not exist. */
function parentHosts(world: World, parent: ParentRef, namespace: string): string[] {
  const own = parent.namespace ?? namespace
  const key = `${own}/${parent.name}`
  if (parent.kind === 'Service' && (parent.group ?? '') === '') {
    const exists = world.clusters().some((cluster) => world.object(cluster, kinds.service, key) !== undefined)
    return exists ? [serviceHost(parent.name ?? '', own)] : []
  }
  if (parent.kind === 'ServiceEntry' && parent.group === 'networking.istio.io') {
    const { hosts } = (world.object(world.primary, kinds.serviceEntry, key)?.spec ?? {}) as { hosts?: string[] }
    return hosts ?? []
  }
  return []
}

const ruleOfKey = textQuery(
  'mesh/http-route-rule',
  (world, key): VirtualRule | undefined => {
    const keys = world.get(routesByRule, undefined).get(key) ?? []
    const routes = keys.flatMap(
      (each) => (world.object(world.primary, istioKinds.httpRoute, each) as HttpRouteObject) ?? [],
    )
    const [first] = routes
    if (!first) return undefined
    const [namespace = '', port = '', host = ''] = key.split('|')
    const http = routes
      .flatMap((route) => (route.spec?.rules ?? []).flatMap((rule, at) => convertRule(route, rule, at)))
      .map((route) => (port === '' ? route : onPort(route, Number(port))))
      .sort(compareRoutes)
    return {
      key: `httproute:${key}`,
      namespace,
      name: first.metadata.name,
      createdAt: first.metadata.creationTimestamp ?? '',
      semantics: 'gateway-api',
      hosts: [host],
      gateways: [meshGateway],
      audience: 'all',
      destinations: destinationsOf({ http, tls: [], tcp: [] }),
      sourceLabels: sourceLabelsOf({ http, tls: [], tcp: [] }),
      guards: guardsOf(http),
      has: { http: http.length > 0, tls: false, tcp: false },
      http,
      tls: [],
      tcp: [],
      source: { group: first.apiVersion, kind: 'HTTPRoute' },
      origin: routes.map((route) => refOf(world.primary, route)),
    }
  },
  { equals: sameStructure },
)

/** The rule of a key, without its prefix. */
export function httpRouteRule(world: World, key: string): VirtualRule | undefined {
  return world.get(ruleOfKey, key)
}

function onPort(route: HttpRoute, port: number): HttpRoute {
  const matches = route.match && route.match.length > 0 ? route.match : [{}]
  return { ...route, match: matches.map((match) => ({ ...match, port })) }
}
