// What gateways serve, whichever kind says it: Gateway, IngressGateway or Tier1Gateway, as one list.
import type { Problem } from '../../../report/index.ts'
import { asInteger, asList, asMap, asText, asTexts, at, type Plain } from '../../shared/index.ts'
import { type GatewaySelector, selectorOf } from '../east-west-gateways.ts'
import { type Group, groupTaking, type Hierarchy } from '../hierarchy.ts'
import type { TsbObject } from '../objects.ts'

type Labels = Readonly<Record<string, string>>

/** Clusters among which requests are divided. */
export interface ClusterChoice {
  readonly name: string
  readonly labels: Labels
  readonly network: string
  readonly weight: number
}

export type Action =
  | { readonly kind: 'service'; readonly reference: string; readonly port: number | undefined; readonly tls: unknown }
  /** Gateways of the same host in these clusters; none: in all. */
  | { readonly kind: 'clusters'; readonly choices: readonly ClusterChoice[] }
  | { readonly kind: 'redirect'; readonly said: Plain }
  | { readonly kind: 'answer'; readonly said: Plain }

export interface Rule {
  /** `http[0].routing.rules[1]`, below spec. */
  readonly path: string
  readonly said: Plain
  readonly action: Action | undefined
}

/** One host at one port of a gateway. */
export interface Server {
  readonly object: TsbObject
  readonly group: Group
  readonly selector: GatewaySelector
  readonly path: string
  readonly name: string
  readonly hostname: string
  /** Undefined: only proxies of the mesh come in, by the port for calls of other clusters. */
  readonly port: number | undefined
  readonly protocol: 'HTTP' | 'TLS' | 'TCP'
  readonly use: 'INGRESS' | 'TRANSIT' | 'EGRESS'
  readonly said: Plain
  readonly rules: readonly Rule[]
}

/** Servers in the order of the age of their objects: of two for one host and port, the first has it. */
export function readServers(hierarchy: Hierarchy, problems: Problem[]): Server[] {
  return (['Gateway', 'IngressGateway', 'Tier1Gateway'] as const).flatMap((kind) =>
    hierarchy.all(kind).flatMap((object) => {
      const group = groupTaking(hierarchy, 'GatewayGroup', object, problems)
      if (group === undefined) return []
      const base = { object, group, selector: selectorOf(object.spec) }
      return lists[kind].flatMap(({ field, protocol, use, rulesOf }) =>
        asList(object.spec[field]).map((item, index): Server => {
          const said = asMap(item)
          const path = `${field}[${index}]`
          const mode = use ?? useOf(said)
          return {
            ...base,
            path,
            name: asText(said['name']) || `${field.toLowerCase()}-${index}`,
            hostname: asText(said['hostname']).toLowerCase(),
            port: mode === 'INGRESS' ? (asInteger(said['port']) ?? defaultPort(protocol, said)) : undefined,
            protocol,
            use: mode,
            said,
            rules: rulesOf(said, path),
          }
        }),
      )
    }),
  )
}

interface ServerList {
  readonly field: string
  readonly protocol: Server['protocol']
  /** Undefined: the server says it itself. */
  readonly use?: Server['use']
  readonly rulesOf: (said: Plain, path: string) => Rule[]
}

const lists: Readonly<Record<'Gateway' | 'IngressGateway' | 'Tier1Gateway', readonly ServerList[]>> = {
  Gateway: [
    { field: 'http', protocol: 'HTTP', rulesOf: routingRules },
    { field: 'tls', protocol: 'TLS', use: 'INGRESS', rulesOf: oneRoute },
    { field: 'tcp', protocol: 'TCP', rulesOf: oneRoute },
  ],
  IngressGateway: [
    { field: 'http', protocol: 'HTTP', use: 'INGRESS', rulesOf: routingRules },
    { field: 'tcp', protocol: 'TCP', use: 'INGRESS', rulesOf: oneRoute },
    { field: 'tlsPassthrough', protocol: 'TLS', use: 'INGRESS', rulesOf: oneRoute },
  ],
  Tier1Gateway: [
    { field: 'externalServers', protocol: 'HTTP', use: 'INGRESS', rulesOf: toClusters },
    { field: 'internalServers', protocol: 'HTTP', use: 'TRANSIT', rulesOf: toClusters },
    { field: 'passthroughServers', protocol: 'TLS', use: 'INGRESS', rulesOf: toClusters },
    { field: 'tcpExternalServers', protocol: 'TCP', use: 'INGRESS', rulesOf: toClusters },
    { field: 'tcpInternalServers', protocol: 'TCP', use: 'TRANSIT', rulesOf: toClusters },
  ],
}

function useOf(said: Plain): Server['use'] {
  if (said['trafficMode'] === 'TRANSIT' || said['transit'] === true) return 'TRANSIT'
  return said['trafficMode'] === 'EGRESS' ? 'EGRESS' : 'INGRESS'
}

function defaultPort(protocol: Server['protocol'], said: Plain): number {
  return protocol === 'TLS' || tlsModeOf(said) !== 'DISABLED' ? 443 : 80
}

export type TlsMode = 'DISABLED' | 'SIMPLE' | 'MUTUAL' | 'OPTIONAL_MUTUAL'

/** How clients speak to a server. */
export function tlsModeOf(said: Plain): TlsMode {
  if (said['tls'] === undefined) return 'DISABLED'
  const mode = asText(at(said, 'tls', 'mode'))
  if (mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL' || mode === 'DISABLED') return mode
  return mode === '' && Object.keys(asMap(said['tls'])).length === 0 ? 'DISABLED' : 'SIMPLE'
}

function routingRules(said: Plain, path: string): Rule[] {
  return asList(at(said, 'routing', 'rules')).map((rule, index) => ({
    path: `${path}.routing.rules[${index}]`,
    said: asMap(rule),
    action: actionOf(asMap(rule)),
  }))
}

function oneRoute(said: Plain, path: string): Rule[] {
  return [{ path, said: {}, action: actionOf(said) }]
}

function toClusters(said: Plain, path: string): Rule[] {
  const action: Action =
    said['redirect'] === undefined
      ? { kind: 'clusters', choices: choicesOf(said['clusters']) }
      : { kind: 'redirect', said: asMap(said['redirect']) }
  return [{ path, said: {}, action }]
}

function actionOf({ route, redirect, directResponse }: Plain): Action | undefined {
  if (redirect !== undefined) return { kind: 'redirect', said: asMap(redirect) }
  if (directResponse !== undefined) return { kind: 'answer', said: asMap(directResponse) }
  const clusters = at(route, 'clusterDestination')
  if (clusters !== undefined) return { kind: 'clusters', choices: choicesOf(at(clusters, 'clusters')) }
  const service = at(route, 'serviceDestination') ?? route
  const reference = asText(at(service, 'host'))
  if (reference === '') return undefined
  return { kind: 'service', reference, port: asInteger(at(service, 'port')), tls: at(service, 'tls') }
}

function choicesOf(list: unknown): ClusterChoice[] {
  return asList(list).map((choice) => ({
    name: asText(at(choice, 'name')),
    labels: asTexts(at(choice, 'labels')),
    network: asText(at(choice, 'network')),
    weight: asInteger(at(choice, 'weight')) ?? 0,
  }))
}

/** Whether a server sends requests on by itself, and not only to gateways of the same host. */
export function isLastGateway({ rules }: Server): boolean {
  return rules.some(({ action }) => action !== undefined && action.kind !== 'clusters' && action.kind !== 'redirect')
}
