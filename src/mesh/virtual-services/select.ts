import { sameItems, textQuery, worldQuery } from '../../discovery/index.ts'
import { compareText } from '../../lib/index.ts'
import { objectKey } from '../../resources/index.ts'
import { httpRouteRuleKeys } from '../gateway-api/http-route.ts'
import { ingressRuleKeys } from '../ingress/rules.ts'
import { istioKinds } from '../kinds.ts'
import { mayRule } from '../tenants.ts'
import { sees } from '../visibility.ts'
import { meshGateway, type RouteShape } from './model.ts'
import { routeShape } from './rule.ts'

/** The shapes of all routing rules, oldest first. */
export const routeShapes = worldQuery(
  'mesh/route-shapes',
  (world): readonly RouteShape[] => {
    const services = world.objects(world.primary, istioKinds.virtualService).map(objectKey)
    const routes = httpRouteRuleKeys(world).map((key) => `httproute:${key}`)
    const ingresses = ingressRuleKeys(world).map((key) => `ingress:${key}`)
    return [...services, ...routes, ...ingresses].flatMap((key) => world.get(routeShape, key) ?? []).sort(compareShapes)
  },
  { equals: sameItems },
)

function compareShapes(a: RouteShape, b: RouteShape): number {
  return compareText(a.createdAt, b.createdAt) || compareText(a.name, b.name) || compareText(a.namespace, b.namespace)
}

/**
 * The rules that hold for sidecars of a namespace, those that count first in front: private ones of the namespace, then
 * those given to it by name, then those for everybody; each oldest first.
 */
export const meshRules = textQuery(
  'mesh/rules-of-namespace',
  (world, namespace): readonly RouteShape[] => {
    const seen = world
      .get(routeShapes, undefined)
      .filter(
        ({ gateways, audience, namespace: from, hosts }) =>
          gateways.includes(meshGateway) && sees(audience, namespace) && mayRule(world, from, hosts, namespace),
      )
    return byAudience(seen, namespace)
  },
  { equals: sameItems },
)

/** Private rules of a namespace first, then those given to it by name, then those for everybody. */
export function byAudience(rules: readonly RouteShape[], namespace: string): RouteShape[] {
  const rank = ({ audience, namespace: own }: RouteShape): number =>
    audience === 'all' ? 2 : own === namespace ? 0 : 1
  return [...rules].sort((a, b) => rank(a) - rank(b))
}

/** Labels of callers that rules match on: proxies that differ in no other label share their routes. */
export const sourceLabelNames = worldQuery(
  'mesh/source-label-names',
  (world): readonly string[] =>
    [...new Set(world.get(routeShapes, undefined).flatMap(({ sourceLabels }) => sourceLabels))].sort(compareText),
  { equals: (a, b) => a.join() === b.join() },
)
