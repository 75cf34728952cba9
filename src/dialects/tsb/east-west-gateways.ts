// The gateways by which other clusters reach services of a cluster: Services whose pods a workload selector means, at a
// port 15443.
import { isIpAddress } from '../../discovery/index.ts'
import {
  asList,
  asText,
  asTexts,
  at,
  externalAddresses,
  type FactService,
  hasLabels,
  type Plain,
} from '../shared/index.ts'
import { backendsOf, isObserved, type TsbCluster } from './clusters.ts'
import { resolvesAtEdge } from './control-plane.ts'

type Labels = Readonly<Record<string, string>>

export interface GatewaySelector {
  readonly namespace: string
  readonly labels: Labels
}

export interface EastWestGateway {
  readonly cluster: TsbCluster
  readonly service: FactService
  /** IP addresses or DNS names. */
  readonly addresses: readonly string[]
  /** Port at the addresses. */
  readonly port: number
  /** `region/zone/subzone` of most of its pods. */
  readonly locality: string
}

export interface GatewayAddress {
  readonly address: string
  /** Stays the same when the address changes: tells the addresses of a gateway apart. */
  readonly index: number
  /** A name that is not resolved: nothing can be sent there. */
  readonly isName: boolean
}

/** Why a Service that is selected cannot be used. */
export interface UnusableGateway {
  readonly service: FactService
  readonly reason: string
}

export interface GatewaysFound {
  readonly gateways: readonly EastWestGateway[]
  readonly unusable: readonly UnusableGateway[]
}

export const eastWestPort = 15443
const addressAnnotation = 'xcp.tetrate.io/cluster-external-addresses'

/** What a DNS name was resolved to; undefined if nobody has (yet). */
export type Resolved = (name: string) => readonly string[] | undefined

export function selectorOf(item: unknown): GatewaySelector {
  const selector = at(item, 'workloadSelector')
  return { namespace: asText(at(selector, 'namespace')), labels: asTexts(at(selector, 'labels')) }
}

/** The gateways of a cluster that a selector finds. */
export function findGateways(cluster: TsbCluster, selector: GatewaySelector): GatewaysFound {
  const gateways: EastWestGateway[] = []
  const unusable: UnusableGateway[] = []
  if (Object.keys(selector.labels).length === 0) return { gateways, unusable }
  for (const service of gatewayServices(cluster, selector)) {
    const found = gatewayAt(cluster, service)
    if (typeof found === 'string') unusable.push({ service, reason: found })
    else gateways.push(found)
  }
  return { gateways, unusable }
}

/** The Services before the pods that a selector means. */
export function gatewayServices(cluster: TsbCluster, { namespace, labels }: GatewaySelector): FactService[] {
  return [...cluster.facts.services.values()].filter(
    (service) => service.namespace === namespace && fronts(cluster, service, labels),
  )
}

/** Whether a Service stands before pods with these labels. */
function fronts({ facts }: TsbCluster, { namespace, selector }: FactService, labels: Labels): boolean {
  if (Object.keys(selector).length === 0) return false
  const pods = facts.podsIn(namespace).map(({ metadata }) => metadata.labels ?? {})
  const templates = facts.controllers.filter((each) => each.namespace === namespace).map(({ podLabels }) => podLabels)
  const selected = [...pods, ...templates].filter((each) => hasLabels(each, labels))
  // A gateway that is not there (yet) may be known by its Service alone.
  if (selected.length === 0) return hasLabels(selector, labels)
  return selected.some((each) => hasLabels(each, selector))
}

function gatewayAt(cluster: TsbCluster, service: FactService): EastWestGateway | string {
  const { facts } = cluster
  const name = `Service ${service.namespace}/${service.name} of cluster ${cluster.name}`
  const port = service.ports.find(({ number }) => number === eastWestPort)
  if (port === undefined) return `${name} has no required Gateway port (15443 or 15008)`
  const given = annotated(service)
  if (typeof given === 'string') return `${name}: ${given}`
  const addresses = given.length > 0 ? given : externalAddresses(facts, service)
  if (addresses.length === 0) return `${name} has no address yet that other clusters could use`
  const behind = backendsOf(facts, service)
  if (isObserved(facts) && behind.length === 0) return `${name} has no pod that is ready`
  const [most] = [...behind].sort((a, b) => b.count - a.count)
  const usesNodePort = given.length === 0 && service.type === 'NodePort' && port.nodePort !== undefined
  return {
    cluster,
    service,
    addresses,
    port: usesNodePort ? (port.nodePort ?? eastWestPort) : eastWestPort,
    locality: most?.locality ?? facts.region,
  }
}

/** Addresses that the gateway's owner set, or why they cannot stand. */
function annotated({ object }: FactService): readonly string[] | string {
  const text = object.metadata.annotations?.[addressAnnotation] ?? ''
  const all = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const names = all.filter((part) => !isIpAddress(part))
  if (names.length === 0 || all.length === 1) return all
  const what = names.length === all.length ? 'several DNS names' : 'DNS names and IP addresses'
  return `annotation ${addressAnnotation} has ${what}; it takes one DNS name, or IP addresses`
}

/** The addresses of a gateway as a client is told of them. A name that is not resolved shows as one. */
export function addressesFor(client: TsbCluster, { addresses }: EastWestGateway, resolved: Resolved): GatewayAddress[] {
  const isOn = resolvesAtEdge(client.facts)
  const each = addresses.flatMap((address) => {
    if (isIpAddress(address)) return [{ address, isName: false }]
    const records = isOn ? (resolved(address.replace(/\.$/, '')) ?? []) : []
    if (records.length === 0) return [{ address: address.replace(/\.?$/, '.'), isName: true }]
    return records.map((record) => ({ address: record, isName: false }))
  })
  return each.map((found, index) => ({ ...found, index }))
}

/** Service labels that an item exposes, any of; undefined: every service. */
export function exposedLabels(item: Plain): readonly Labels[] | undefined {
  const exposed = asList(item['exposedServices'])
  return exposed.length === 0 ? undefined : exposed.map((each) => asTexts(at(each, 'serviceLabels')))
}
