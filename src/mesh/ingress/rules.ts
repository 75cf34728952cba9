import { kinds, type ServiceObject, serviceHost, textQuery, type World, worldQuery } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import { objectKey, refOf } from '../../resources/index.ts'
import type { HttpRoute, StringMatch } from '../istio.ts'
import { istioKinds } from '../kinds.ts'
import { destinationsOf } from '../virtual-services/destinations.ts'
import { guardsOf } from '../virtual-services/guard.ts'
import type { VirtualRule } from '../virtual-services/model.ts'
import { ingressBinding } from './gateways.ts'
import { ownIngresses } from './select.ts'
import type { IngressBackend, IngressHostRule, IngressObject, IngressPath } from './types.ts'

// All Ingresses' paths for one host are one routing rule. Key of a rule: the host; `*` for those that name none.

const ingressesByHost = worldQuery(
  'mesh/ingresses-by-host',
  (world): ReadonlyMap<string, readonly string[]> => {
    const found = new Map<string, string[]>()
    for (const ingress of world.get(ownIngresses, undefined))
      for (const host of new Set(rulesOf(ingress).map(({ host }) => host || '*')))
        found.set(host, [...(found.get(host) ?? []), objectKey(ingress)])
    return found
  },
  { equals: sameStructure },
)

/** Keys of all rules that come from Ingresses. */
export function ingressRuleKeys(world: World): string[] {
  return [...world.get(ingressesByHost, undefined).keys()]
}

/** The rules of an Ingress; its default backend is for everything that no rule's host is named. */
function rulesOf({ spec }: IngressObject): IngressHostRule[] {
  const rules = spec?.rules ?? []
  if (!spec?.defaultBackend) return rules
  return [...rules, { http: { paths: [{ path: '/', pathType: 'Prefix', backend: spec.defaultBackend }] } }]
}

const ruleOfHost = textQuery(
  'mesh/ingress-rule',
  (world, host): VirtualRule | undefined => {
    const keys = world.get(ingressesByHost, undefined).get(host) ?? []
    const ingresses = keys.flatMap(
      (key) => (world.object(world.primary, istioKinds.ingress, key) as IngressObject | undefined) ?? [],
    )
    const [first] = ingresses
    if (!first) return undefined
    const http = ingresses.flatMap((ingress) => routesOf(world, ingress, host)).sort(compareRoutes)
    const { name, namespace = '', creationTimestamp = '' } = first.metadata
    return {
      key: `ingress:${host}`,
      namespace,
      name: `${host.replaceAll('.', '-')}-${name}-${ingressBinding}`,
      createdAt: creationTimestamp,
      semantics: 'ingress',
      hosts: [host.toLowerCase()],
      gateways: [ingressBinding],
      audience: 'all',
      destinations: destinationsOf({ http, tls: [], tcp: [] }),
      sourceLabels: [],
      guards: guardsOf(http),
      has: { http: http.length > 0, tls: false, tcp: false },
      http,
      tls: [],
      tcp: [],
      source: { group: first.apiVersion, kind: 'Ingress' },
      origin: ingresses.map((ingress) => refOf(world.primary, ingress)),
    }
  },
  { equals: sameStructure },
)

/** The rule of a host. */
export function ingressRule(world: World, host: string): VirtualRule | undefined {
  return world.get(ruleOfHost, host)
}

function routesOf(world: World, ingress: IngressObject, host: string): HttpRoute[] {
  const { namespace = '' } = ingress.metadata
  return rulesOf(ingress)
    .filter((rule) => (rule.host || '*') === host)
    .flatMap(({ http }) => http?.paths ?? [])
    .flatMap((path) => routeOf(world, path, namespace) ?? [])
}

/** Undefined if the path leads nowhere: its Service has no such port. */
function routeOf(world: World, path: IngressPath, namespace: string): HttpRoute | undefined {
  const number = portOf(world, path.backend, namespace)
  const { name } = path.backend?.service ?? {}
  if (!name || number === undefined) return undefined
  const uri = pathMatch(path)
  return {
    ...(uri && { match: [{ uri }] }),
    route: [{ destination: { host: serviceHost(name, namespace), port: { number } } }],
  }
}

function portOf(world: World, backend: IngressBackend | undefined, namespace: string): number | undefined {
  const { name, port } = backend?.service ?? {}
  if (port?.number) return port.number
  const service = world.object(world.primary, kinds.service, `${namespace}/${name}`) as ServiceObject | undefined
  return service?.spec?.ports?.find((each) => each.name === port?.name)?.port
}

/** Undefined = any path. Paths of no declared type end in `*` where they are prefixes. */
function pathMatch({ path = '', pathType }: IngressPath): StringMatch | undefined {
  if (pathType === 'Exact') return { exact: path }
  if (pathType === 'Prefix') return { prefix: path }
  if (['', '*', '/*', '.*'].includes(path)) return undefined
  const prefix = /^(.*)(?:\.\*|\/\*)$/.exec(path)?.[1]
  return prefix === undefined ? { exact: path } : { prefix }
}

/** The longest path first; of equally long ones the exact one. */
function compareRoutes(a: HttpRoute, b: HttpRoute): number {
  const [aUri, bUri] = [a.match?.[0]?.uri, b.match?.[0]?.uri]
  const length = (uri: StringMatch | undefined): number => (uri?.exact ?? uri?.prefix ?? '').length
  return length(bUri) - length(aUri) || Number(bUri?.exact !== undefined) - Number(aUri?.exact !== undefined)
}
