// Gateways: VirtualGateway, VirtualHost, RouteTable → Istio Gateways and VirtualServices, and what became of each.
import type { ObjectRef, Problem } from '../../../report/index.ts'
import {
  bySeniority,
  type ClusterObject,
  compact,
  findTargetService,
  type Outcome,
  type RouteContext,
  type Service,
  type StatusObject,
  selectsService,
  type TrafficPolicy,
  userProblems,
  type WeightedTarget,
} from '../../shared/index.ts'
import { type Finding, observed, ownWarnings, refTo, statusOf, texts } from '../status.ts'
import { type GatewayService, gatewayObject, hostObject, httpRoute, istioGatewayName } from './emit.ts'
import { type Flattened, flatten, routeOwnerKey } from './flatten.ts'
import type { Gateway, Handler, Host, Table } from './model.ts'
import { selectsObject } from './object-selector.ts'
import { type Decision, decideRoute, type RoutePolicy } from './route-policies.ts'
import { serverNamesOf, tcpObjects } from './tcp.ts'

export type { Gateway, Host, RouteSelector, Table } from './model.ts'
export { readGateway, readHost, readRouteSelectors, readTable } from './read.ts'
export type { RoutePolicy } from './route-policies.ts'

export interface GatewayInput {
  readonly gateways: readonly Gateway[]
  readonly hosts: readonly Host[]
  readonly tables: readonly Table[]
  readonly policies: readonly RoutePolicy[]
}

export interface GatewayReport {
  readonly objects: readonly ClusterObject[]
  readonly statuses: readonly StatusObject[]
  readonly problems: readonly Problem[]
  /** For each TrafficPolicy, the routes on which it acts: `gatewayRoutes` of its status. */
  readonly routesOf: ReadonlyMap<TrafficPolicy, Readonly<Record<string, readonly string[]>>>
}

type RouteOwner = Host | Table

/** Collects what is to be said of each object. */
class Findings {
  readonly #errors = new Map<object, Finding[]>()
  readonly #warnings = new Map<object, Finding[]>()

  error(owner: object, ...found: readonly Finding[]): void {
    this.#errors.set(owner, [...(this.#errors.get(owner) ?? []), ...found])
  }

  warn(owner: object, ...found: readonly Finding[]): void {
    this.#warnings.set(owner, [...(this.#warnings.get(owner) ?? []), ...found])
  }

  errors(owner: object): readonly Finding[] {
    return this.#errors.get(owner) ?? []
  }

  warnings(owner: object): readonly Finding[] {
    return this.#warnings.get(owner) ?? []
  }
}

interface Attachment {
  readonly gateway: Gateway
  readonly entries: readonly GatewayService[]
  readonly hosts: readonly Host[]
}

/** Targets that the routes name, whose subsets must exist. */
export function routeTargets({ hosts, tables, gateways }: GatewayInput): WeightedTarget[] {
  const inline = gateways.flatMap(({ handlers }) =>
    handlers.flatMap(({ hosts: each }) => (each.kind === 'http' ? each.inline : [])),
  )
  const routes = [...hosts, ...tables, ...inline].flatMap((owner) => owner.routes)
  return routes.flatMap(({ action, options }) => [
    ...(action.kind === 'route' ? action.targets : []),
    ...(options.trafficShift ?? []),
  ])
}

/** Translates the gateways. `specOf`: the spec of a user's object, as written. */
export function translateGateways(
  input: GatewayInput,
  outcome: Outcome,
  specOf: (ref: ObjectRef) => unknown,
): GatewayReport {
  const findings = new Findings()
  const sound = <T extends Gateway | Host | Table>(objects: readonly T[]): T[] =>
    objects.filter((each) => {
      const wrong = each.problems.filter(({ severity }) => severity === 'error')
      findings.error(each, ...wrong)
      return wrong.length === 0
    })
  const hosts = sound(bySeniority(input.hosts))
  const tables = sound(bySeniority(input.tables))
  const attachments = sound(bySeniority(input.gateways)).map((gateway) => attach(gateway, hosts, outcome, findings))
  const routed = new Map(
    [...hosts, ...attachments.flatMap((each) => each.hosts)].map((host) => [host, flatten(host, tables)]),
  )
  for (const { errors } of routed.values()) for (const [owner, found] of errors) findings.error(owner, ...found)
  const policies = policiesInForce(input.policies, outcome)
  const decisions = decideAll(routed, policies, outcome)
  const objects = emitAll(attachments, routed, decisions, outcome, findings)
  const written: Written = { attachments, routed, decisions, findings, specOf }
  return {
    objects,
    statuses: [
      ...input.gateways.map((gateway) => gatewayStatus(gateway, written)),
      ...[...input.hosts, ...input.tables].map((owner) => routeOwnerStatus(owner, written)),
    ],
    problems: [...input.gateways, ...input.hosts, ...input.tables].flatMap((each) => {
      const plain = ({ path, message }: Finding) => ({ code: 'reference-not-found' as const, path, message })
      const own = new Set(each.problems.map(({ path, message }) => `${path} ${message}`))
      const more = (found: readonly Finding[]) =>
        found.filter(({ path, message }) => !own.has(`${path} ${message}`)).map(plain)
      return userProblems(each, more(findings.errors(each)), more(findings.warnings(each)))
    }),
    routesOf: gatewayRoutes(decisions),
  }
}

/** Which gateway Services and hosts a gateway has. */
function attach(gateway: Gateway, hosts: readonly Host[], { fleet }: Outcome, findings: Findings): Attachment {
  const services = [...fleet.services.values()]
  const entries = gateway.selectors.flatMap(({ services: selectors, portName }, index) => {
    const selected = services.filter((service) => selectsService(selectors, service))
    const path = `spec.ingressGatewaySelectors[${index}]`
    if (selected.length === 0) findings.error(gateway, { path, message: 'no Destinations selected as ingress gateway' })
    return selected.flatMap((service) => {
      const port = service.ports.find(({ name }) => name === portName)
      if (port !== undefined) return [{ service, port }]
      findings.error(gateway, {
        path,
        message: `Destination ${service.object.name}.${service.object.namespace} has no port named ${portName}`,
      })
      return []
    })
  })
  if (gateway.selectors.length === 0)
    findings.warn(gateway, {
      path: 'spec.ingressGatewaySelectors',
      message: 'no gateway is selected, so the VirtualGateway has no effect',
    })
  const chosen = gateway.handlers.flatMap((handler) => hostsOf(handler, gateway, hosts))
  return { gateway, entries, hosts: [...new Set(chosen)] }
}

function hostsOf({ hosts: config }: Handler, { object }: Gateway, hosts: readonly Host[]): Host[] {
  if (config.kind !== 'http') return []
  const selected = hosts.filter((host) =>
    config.selectors.some((selector) => selectsObject(selector, object.namespace, host)),
  )
  return [...selected, ...config.inline]
}

/** Policies that are sound by themselves, senior first. */
function policiesInForce(policies: readonly RoutePolicy[], { traffic }: Outcome): RoutePolicy[] {
  const sound = new Set(traffic.filter(({ errors }) => errors.length === 0).map(({ policy }) => policy))
  const order = bySeniority(policies.map(({ policy }) => policy))
  const ranked = policies.filter(({ policy, selectors }) => selectors.length > 0 && sound.has(policy))
  return ranked.sort((a, b) => order.indexOf(a.policy) - order.indexOf(b.policy))
}

interface Decided {
  readonly host: Host
  readonly route: Flattened['routes'][number]
  readonly decision: Decision
}

function decideAll(
  routed: ReadonlyMap<Host, Flattened>,
  policies: readonly RoutePolicy[],
  { fleet }: Outcome,
): Decided[] {
  const serviceOf = (target: WeightedTarget): Service | undefined => findTargetService(fleet, target)
  return [...routed].flatMap(([host, { routes }]) =>
    routes.map((route) => ({ host, route, decision: decideRoute(host, route, policies, serviceOf) })),
  )
}

function emitAll(
  attachments: readonly Attachment[],
  routed: ReadonlyMap<Host, Flattened>,
  decisions: readonly Decided[],
  outcome: Outcome,
  findings: Findings,
): ClusterObject[] {
  const made: ClusterObject[] = []
  const gatewaysOf = new Map<Host, Map<string, string[]>>()
  const contextOn = (cluster: string): RouteContext => ({ ...outcome.routing, service: undefined, cluster })
  for (const { gateway, entries, hosts } of attachments) {
    const byService = Map.groupBy(entries, ({ service }) => service.key)
    for (const own of byService.values()) {
      const { service } = own[0] as GatewayService
      const { cluster, namespace } = service.ref
      const name = `${namespace}/${istioGatewayName(gateway, service)}`
      const tell = (finding: Finding): void => findings.warn(gateway, finding)
      const domains = (handler: Handler): readonly string[] =>
        handler.hosts.kind === 'tcp'
          ? serverNamesOf(handler)
          : [...new Set(hostsOf(handler, gateway, hosts).flatMap((host) => host.domains))].sort()
      made.push(gatewayObject(gateway, own, domains))
      for (const host of hosts) {
        const onCluster = gatewaysOf.get(host) ?? new Map<string, string[]>()
        gatewaysOf.set(host, onCluster.set(cluster, [...(onCluster.get(cluster) ?? []), name]))
      }
      made.push(...tcpObjects(gateway, { name, ports: own, context: contextOn(cluster), tell }))
    }
  }
  for (const [host, clusters] of gatewaysOf)
    for (const [cluster, gateways] of clusters) {
      const http = decisions
        .filter((each) => each.host === host)
        .flatMap(({ route, decision }) =>
          decision.routes.flatMap((decided) => {
            const tell = (finding: Finding, isWrong = false): void => {
              if (isWrong) findings.error(route.owner, finding)
              else findings.warn(route.owner, { ...finding, message: `on cluster ${cluster}: ${finding.message}` })
            }
            return httpRoute({ route, decided, context: contextOn(cluster), tell }) ?? []
          }),
        )
      if (http.length === 0) continue
      const parents = [host.object, ...(routed.get(host)?.tables ?? []).map(({ object }) => object)]
      made.push(hostObject(host, cluster, gateways, http, parents))
    }
  return made
}

interface Written {
  readonly attachments: readonly Attachment[]
  readonly routed: ReadonlyMap<Host, Flattened>
  readonly decisions: readonly Decided[]
  readonly findings: Findings
  readonly specOf: (ref: ObjectRef) => unknown
}

function common(owner: Gateway | RouteOwner, findings: Findings): object {
  const errors = texts(findings.errors(owner))
  return {
    ...observed(owner),
    state: errors.length === 0 ? 'ACCEPTED' : 'INVALID',
    errors,
    warnings: texts([...ownWarnings(owner), ...findings.warnings(owner)]),
  }
}

function gatewayStatus(gateway: Gateway, { attachments, routed, findings }: Written): StatusObject {
  const attachment = attachments.find((each) => each.gateway === gateway)
  const tables = (attachment?.hosts ?? []).flatMap((host) => routed.get(host)?.tables ?? [])
  const byCluster = Map.groupBy(attachment?.entries ?? [], ({ service }) => service.ref.cluster)
  return statusOf(
    gateway.object,
    compact({
      ...common(gateway, findings),
      appliedIngressGateways: (attachment?.entries ?? []).map(({ service, port }) => ({
        destinationRef: refTo(service.object),
        externalAddresses: [...service.externalAddresses],
        port: port.number,
        externalPort: service.type === 'NODE_PORT' ? (port.nodePort ?? port.number) : port.number,
      })),
      selectedVirtualHosts: (attachment?.hosts ?? [])
        .filter(({ object }) => object !== gateway.object)
        .map(({ object }) => refTo(object)),
      selectedRouteTables: [...new Set(tables)].map(({ object }) => refTo(object)),
      createdIstioGateways: Object.fromEntries(
        [...byCluster].map(([cluster, entries]) => {
          const refs = new Map(
            entries.map(({ service }) => [
              service.key,
              { name: istioGatewayName(gateway, service), namespace: service.ref.namespace },
            ]),
          )
          return [cluster, { gateways: [...refs.values()] }]
        }),
      ),
    }),
  )
}

function routeOwnerStatus(
  owner: RouteOwner,
  { attachments, routed, decisions, findings, specOf }: Written,
): StatusObject {
  const reached = [...routed].filter(([host, { tables }]) => host === owner || tables.some((table) => table === owner))
  const hosts = reached.map(([host]) => host)
  const gateways = attachments
    .filter((each) => each.hosts.some((host) => hosts.includes(host)))
    .map(({ gateway }) => refTo(gateway.object))
  const selectedBy = reached.flatMap(([, { selectedBy: by }]) => ('weight' in owner ? (by.get(owner) ?? []) : []))
  const below = 'weight' in owner ? [] : (reached[0]?.[1].tables ?? [])
  const own = decisions.filter(({ route, host }) => route.owner === owner || host === owner)
  const policies = [...new Set(own.flatMap(({ decision }) => decision.policies))]
  return statusOf(
    owner.object,
    compact({
      ...common(owner, findings),
      attachedVirtualGateways: gateways,
      selectedRouteTables: below.map(({ object }) => refTo(object)),
      selectedBy: [...new Set(selectedBy)].map(({ object }) => ({ ...refTo(object), type: object.kind })),
      appliedTrafficPolicies: policies.map((policy) => ({
        ref: refTo(policy.object),
        ...observed(policy),
        spec: specOf(policy.object),
        routes: routeNames(
          own,
          own.filter(({ decision }) => decision.policies.includes(policy)),
        ),
      })),
    }),
  )
}

/** Names of routes; `*` if it is all of them. */
function routeNames(all: readonly Decided[], some: readonly Decided[]): string[] {
  const named = some.map(({ route }) => route.name)
  return some.length === all.length || named.includes('') ? ['*'] : [...new Set(named)]
}

function gatewayRoutes(decisions: readonly Decided[]): GatewayReport['routesOf'] {
  const found = new Map<TrafficPolicy, Record<string, string[]>>()
  const byOwner = Map.groupBy(decisions, ({ route }) => route.owner)
  for (const [owner, all] of byOwner) {
    const policies = new Set(all.flatMap(({ decision }) => decision.policies))
    for (const policy of policies) {
      const own = all.filter(({ decision }) => decision.policies.includes(policy))
      found.set(policy, { ...found.get(policy), [routeOwnerKey(owner)]: routeNames(all, own) })
    }
  }
  return found
}
