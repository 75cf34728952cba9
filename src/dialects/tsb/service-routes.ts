// ServiceRoute: shares of a service's versions, and rules for single requests.
import type { Problem } from '../../report/index.ts'
import { asInteger, asList, asMap, asText, asTexts, at, compact, type Plain } from '../shared/index.ts'
import type { TsbObject } from './objects.ts'

export interface Subset {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Undefined: nothing is said. */
  readonly weight: number | undefined
  readonly ports: readonly PortSetting[]
}

interface PortSetting {
  /** 0: every port. */
  readonly port: number
  readonly trafficType: string
  readonly stickySession: Plain | undefined
}

export interface ServiceRoute {
  readonly object: TsbObject
  readonly namespace: string
  readonly name: string
  readonly subsets: readonly Subset[]
}

/** Reads a ServiceRoute; what cannot be read is told, and the rest holds. */
export function readServiceRoute(object: TsbObject): ServiceRoute | Problem {
  const service = asText(object.spec['service'])
  const [namespace = '', host = ''] = service.split('/')
  const name = host.split('.')[0] ?? ''
  if (namespace === '' || name === '') {
    const message = `${JSON.stringify(service)} does not name a service; write namespace/name.namespace.svc.cluster.local`
    return { code: 'invalid-value', severity: 'error', object: object.ref, path: 'spec.service', message }
  }
  const common = readPorts(object.spec['portLevelSettings'])
  const session = object.spec['stickySession']
  if (session !== undefined) common.push({ port: 0, trafficType: '', stickySession: asMap(session) })
  const subsets = asList(object.spec['subsets']).map((subset) => readSubset(subset, common))
  return { object, namespace, name, subsets }
}

/** `common`: what is said of ports for all subsets; a subset's own word on a port counts instead. */
function readSubset(subset: unknown, common: readonly PortSetting[]): Subset {
  const own = readPorts(at(subset, 'portLevelSettings'))
  return {
    name: asText(at(subset, 'name')),
    labels: asTexts(at(subset, 'labels')),
    weight: asInteger(at(subset, 'weight')),
    ports: [...own, ...common.filter(({ port }) => own.every((each) => each.port !== port))],
  }
}

function readPorts(list: unknown): PortSetting[] {
  return asList(list).map((setting) => {
    const session = at(setting, 'stickySession')
    return {
      port: asInteger(at(setting, 'port')) ?? 0,
      trafficType: asText(at(setting, 'trafficType')),
      stickySession: session === undefined ? undefined : asMap(session),
    }
  })
}

/** The spec of the VirtualService; undefined if there is nothing to route (subsets without weights, say). */
export function virtualServiceSpec({ object, subsets }: ServiceRoute, host: string): object | undefined {
  const shares = sharesOf(subsets)
  const route = shares.map(({ name, weight }) => compact({ destination: { host, subset: name }, weight }))
  const said = subsets.flatMap((subset) => subset.ports).filter(({ port }) => port > 0)
  const ports = new Map(said.map(({ port, trafficType }) => [port, trafficType]))
  const layer4 = [...ports].filter(([, type]) => type === 'TCP')
  const passthrough = [...ports].filter(([, type]) => type === 'TLS_PASSTHROUGH')
  const onlyOther = ports.size > 0 && layer4.length + passthrough.length === ports.size
  const http = asList(object.spec['httpRoutes']).map((rule) => httpRoute(asMap(rule), host))
  const tcp = asList(object.spec['tcpRoutes']).map((rule) => tcpRoute(asMap(rule), host))
  if (route.length > 0) {
    tcp.push(...layer4.map(([port]) => ({ match: [{ port }], route })))
    if (!onlyOther) http.push({ route })
  }
  const tls = route.length === 0 ? [] : passthrough.map(([port]) => ({ match: [{ port, sniHosts: [host] }], route }))
  if (http.length + tcp.length + tls.length === 0) return undefined
  return compact({ hosts: [host], http, tcp, tls })
}

/** A lone subset takes everything; of several, those of which nothing is said take nothing. */
function sharesOf(
  subsets: readonly Subset[],
): readonly { readonly name: string; readonly weight: number | undefined }[] {
  if (subsets.length === 1) return subsets.map(({ name }) => ({ name, weight: undefined }))
  return subsets.flatMap(({ name, weight = 0 }) => (weight > 0 ? [{ name, weight }] : []))
}

function httpRoute(rule: Plain, host: string): object {
  return compact({
    name: asText(rule['name']) || undefined,
    match: asList(rule['match']).map((match) =>
      compact({
        name: asText(at(match, 'name')) || undefined,
        uri: at(match, 'uri'),
        headers: at(match, 'headers'),
        port: asInteger(at(match, 'port')),
      }),
    ),
    route: destinations(rule, host),
    fault: faultOf(asMap(rule['fault'])),
    mirrors: asList(rule['mirrors']).map((mirror) => mirrorOf(asMap(mirror), host)),
  })
}

const share = (value: unknown): object | undefined => (typeof value === 'number' ? { value } : undefined)

function faultOf(fault: Plain): object {
  const parts = (['delay', 'abort'] as const).flatMap((kind) => {
    if (fault[kind] === undefined) return []
    const { percentage, ...rest } = asMap(fault[kind])
    return [[kind, compact({ ...rest, percentage: share(percentage) })]]
  })
  return Object.fromEntries(parts) as object
}

function mirrorOf({ host, subset, port, percentage }: Plain, own: string): object {
  const number = asInteger(port)
  const destination = compact({
    host: asText(host) || own,
    subset: asText(subset) || undefined,
    port: number === undefined ? undefined : { number },
  })
  return compact({ destination, percentage: share(percentage) })
}

function tcpRoute(rule: Plain, host: string): object {
  const match = asList(rule['match']).map((each) => compact({ port: asInteger(at(each, 'port')) }))
  return compact({ match, route: destinations(rule, host) })
}

function destinations(rule: Plain, host: string): object[] {
  return asList(rule['destination']).map((each) => {
    const port = asInteger(at(each, 'port'))
    return compact({
      destination: compact({
        host: asText(at(each, 'destinationHost')) || host,
        subset: asText(at(each, 'subset')) || undefined,
        port: port === undefined ? undefined : { number: port },
      }),
      weight: asInteger(at(each, 'weight')),
    })
  })
}
