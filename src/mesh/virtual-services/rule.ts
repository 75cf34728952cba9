import { meshConfigOf, resolveHost, textQuery, type World } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import { refOf } from '../../resources/index.ts'
import { httpRouteRule } from '../gateway-api/http-route.ts'
import { ingressRule } from '../ingress/rules.ts'
import type { HttpRoute, VirtualService } from '../istio.ts'
import { istioKinds } from '../kinds.ts'
import { audienceOf, sees } from '../visibility.ts'
import { mergeDelegate } from './delegate.ts'
import { destinationsOf, sourceLabelsOf } from './destinations.ts'
import { guardsOf } from './guard.ts'
import type { RouteShape, VirtualRule } from './model.ts'
import { resolveHttpRoute, resolveRuleGateways, resolveTcpRoute, resolveTlsRoute } from './resolve.ts'

// Keys of rules: `namespace/name` of a VirtualService, or `kind:…` for what other kinds are turned into.

/** A rule with its routes. Depends on its object and, for a root, on its delegates. */
export const virtualRule = textQuery(
  'mesh/virtual-rule',
  (world, key): VirtualRule | undefined => {
    const colon = key.indexOf(':')
    if (colon < 0) return ruleOfVirtualService(world, key)
    const [kind, own] = [key.slice(0, colon), key.slice(colon + 1)]
    return kind === 'ingress' ? ingressRule(world, own) : httpRouteRule(world, own)
  },
  { equals: sameStructure },
)

function ruleOfVirtualService(world: World, key: string): VirtualRule | undefined {
  const service = world.object(world.primary, istioKinds.virtualService, key) as VirtualService | undefined
  const spec = service?.spec
  if (!service || !spec || (spec.hosts ?? []).length === 0) return undefined
  const { name, namespace = '', creationTimestamp = '' } = service.metadata
  const origin = [refOf(world.primary, service)]
  const http = (spec.http ?? []).flatMap((route) => placeDelegate(world, namespace, route, origin))
  const tls = (spec.tls ?? []).map((route) => resolveTlsRoute(route, namespace))
  const tcp = (spec.tcp ?? []).map((route) => resolveTcpRoute(route, namespace))
  return {
    key,
    namespace,
    name,
    createdAt: creationTimestamp,
    semantics: 'istio',
    hosts: (spec.hosts ?? []).map((host) => resolveHost(host, namespace).toLowerCase()),
    gateways: resolveRuleGateways(spec, namespace),
    audience: audienceOf(spec.exportTo, meshConfigOf(world).defaultVirtualServiceExportTo, namespace),
    destinations: destinationsOf({ http, tls, tcp }),
    sourceLabels: sourceLabelsOf({ http, tls, tcp }),
    guards: guardsOf(http),
    has: { http: http.length > 0, tls: tls.length > 0, tcp: tcp.length > 0 },
    http,
    tls,
    tcp,
    source: { group: service.apiVersion, kind: 'VirtualService' },
    origin,
  }
}

/** A route, or what stands in its place. A delegate that is missing, or not meant for the root, takes its route along. */
function placeDelegate(world: World, namespace: string, route: HttpRoute, origin: ObjectRef[]): HttpRoute[] {
  if (!route.delegate) return [resolveHttpRoute(route, namespace)]
  const from = route.delegate.namespace || namespace
  const key = `${from}/${route.delegate.name}`
  const delegate = world.object(world.primary, istioKinds.virtualService, key) as VirtualService | undefined
  if (!delegate?.spec || (delegate.spec.hosts ?? []).length > 0) return []
  const defaults = meshConfigOf(world).defaultVirtualServiceExportTo
  if (!sees(audienceOf(delegate.spec.exportTo, defaults, from), namespace)) return []
  origin.push(refOf(world.primary, delegate))
  const own = (delegate.spec.http ?? []).map((each) => resolveHttpRoute(each, from))
  return mergeDelegate(resolveHttpRoute(route, namespace), own)
}

/** The shape of a rule: what says where it applies. */
export const routeShape = textQuery(
  'mesh/route-shape',
  (world, key): RouteShape | undefined => {
    const rule = world.get(virtualRule, key)
    if (!rule) return undefined
    const { http: _h, tls: _t, tcp: _c, source: _s, origin: _o, ...shape } = rule
    return shape
  },
  { equals: sameStructure },
)
