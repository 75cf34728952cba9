import { isIpv6 } from '../discovery/index.ts'
import { compareText } from '../lib/index.ts'

/** A container port of a pod whose sidecar takes its traffic at another address (data path `loopback`). */
export interface InboundPort {
  /** As the pod declares it. */
  readonly port: number
  /** `address:port` where Envoy listens. */
  readonly bind: string
  /** `address:port` where the program listens. */
  readonly app: string
}

/**
 * How connections come to the proxy. `capture`: redirected by the kernel, as Istio does it. `loopback`: programs name it as their
 * HTTP proxy, and it listens on the pod's own address and ports.
 */
export type DataPath = 'capture' | 'loopback'

/** Where a machine outside of all clusters is really found, on a data path that has loopback addresses only. */
export interface MachinePlace {
  readonly address: string
  /** Port as the mesh knows it → number under which it is open, where they differ. */
  readonly ports: Readonly<Record<string, number>>
}

/** Machines by the address under which the mesh knows them. */
export type Machines = Readonly<Record<string, MachinePlace>>

/** A proxy as it describes itself when it connects, in the terms of Istio's node metadata. */
export interface Proxy {
  readonly type: 'sidecar' | 'gateway'
  readonly name: string
  readonly namespace: string
  readonly serviceAccount: string
  readonly cluster: string
  /** '' = none said. */
  readonly network: string
  readonly labels: Readonly<Record<string, string>>
  readonly addresses: readonly string[]
  readonly node: string
  /** `region/zone/subzone`; '' = unknown. */
  readonly locality: string
  readonly dataPath: DataPath
  readonly inboundPorts: readonly InboundPort[]
  /** Of data path `loopback`, itself included if it stands on such a machine. */
  readonly machines: Machines
  /** Whether it is told of changes only: by streams of the other kind it can ask for nothing when it needs it. */
  readonly incremental: boolean
  /** Everything else that it said. */
  readonly metadata: Readonly<Record<string, unknown>>
}

/** What the agent of a proxy sends first (`envoy.config.core.v3.Node`). */
export interface NodeDescription {
  readonly id: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string }
  /** Whether its stream is of the incremental kind; true if that is not known. */
  readonly incremental?: boolean
}

/** Undefined if the node does not say who it is in Istio's form (`type~ip~pod.namespace~domain`). */
export function proxyOfNode({ id, metadata, locality, incremental = true }: NodeDescription): Proxy | undefined {
  const [type, address = '', podName = '', domain = ''] = id.split('~')
  if (type !== 'sidecar' && type !== 'router') return undefined
  const namespace = text(metadata['NAMESPACE']) || (domain.split('.')[0] ?? '')
  const addresses = text(metadata['INSTANCE_IPS']).split(',').filter(Boolean)
  const labels = textMap(metadata['LABELS'])
  return {
    type: type === 'router' ? 'gateway' : 'sidecar',
    name: text(metadata['NAME']) || podName.replace(/\.[^.]*$/, ''),
    namespace,
    serviceAccount: text(metadata['SERVICE_ACCOUNT']) || 'default',
    cluster: text(metadata['CLUSTER_ID']),
    network: text(metadata['NETWORK']),
    labels,
    addresses: addresses.length > 0 ? addresses : [address],
    node: text(metadata['NODE_NAME']),
    locality: joinLocality(locality.region, locality.zone, locality.subZone),
    dataPath: metadata['FAIRLEAD_DATA_PATH'] === 'loopback' ? 'loopback' : 'capture',
    inboundPorts: inboundPorts(metadata['FAIRLEAD_INBOUND_PORTS']),
    machines: machinesIn(metadata['FAIRLEAD_MACHINES']),
    incremental,
    metadata,
  }
}

/** A proxy as files describe it: the same fields, all optional. `ips` and `locality` as the command's help says. */
export function proxyOfDescription(description: Readonly<Record<string, unknown>>, primary: string): Proxy {
  const field = (name: string): string => text(description[name])
  const { ips, metadata } = description
  const extra = typeof metadata === 'object' && metadata !== null ? { ...metadata } : {}
  const all: Record<string, unknown> = extra
  return {
    type: field('type') === 'gateway' ? 'gateway' : 'sidecar',
    name: field('name'),
    namespace: field('namespace') || 'default',
    serviceAccount: field('serviceAccount') || 'default',
    cluster: field('cluster') || primary,
    network: field('network'),
    labels: textMap(description['labels']),
    addresses: Array.isArray(ips) ? ips.map(String) : [],
    node: field('node'),
    locality: field('locality'),
    dataPath: all['FAIRLEAD_DATA_PATH'] === 'loopback' ? 'loopback' : 'capture',
    inboundPorts: inboundPorts(all['FAIRLEAD_INBOUND_PORTS']),
    machines: machinesIn(all['FAIRLEAD_MACHINES']),
    incremental: true,
    metadata: all,
  }
}

export function joinLocality(region: string, zone: string, subzone: string): string {
  return region === '' && zone === '' && subzone === '' ? '' : `${region}/${zone}/${subzone}`
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function textMap(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** The metadata hold the list itself, or its JSON text: bootstrap files can hold texts only in some places. */
function inboundPorts(value: unknown): InboundPort[] {
  const list: unknown = typeof value === 'string' ? parseJson(value) : value
  if (!Array.isArray(list)) return []
  return list.filter(
    (each): each is InboundPort =>
      typeof each === 'object' &&
      each !== null &&
      typeof each.port === 'number' &&
      typeof each.bind === 'string' &&
      typeof each.app === 'string',
  )
}

/** In order of addresses, so that proxies that were told the same share what they are given. */
function machinesIn(value: unknown): Machines {
  const all: unknown = typeof value === 'string' ? parseJson(value) : value
  if (typeof all !== 'object' || all === null) return {}
  const entries = Object.entries(all as Record<string, unknown>).flatMap(([known, place]) => {
    const { address, ports } = (typeof place === 'object' && place !== null ? place : {}) as Record<string, unknown>
    return typeof address === 'string' ? [[known, { address, ports: numberMap(ports) }] as const] : []
  })
  return Object.fromEntries(entries.sort(([a], [b]) => compareText(a, b)))
}

function numberMap(value: unknown): Record<string, number> {
  if (typeof value !== 'object' || value === null) return {}
  const entries = Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  return Object.fromEntries(entries.sort(([a], [b]) => compareText(a, b)))
}

/** Where to send what is meant for an address and port of the mesh. */
export function placeOf(machines: Machines, address: string, port: number): { address: string; port: number } {
  const place = machines[address]
  return place ? { address: place.address, port: place.ports[port] ?? port } : { address, port }
}

/** The addresses on which a proxy that does not capture can listen. */
export function ownAddresses({ addresses, machines }: Pick<Proxy, 'addresses' | 'machines'>): string[] {
  return addresses.map((address) => machines[address]?.address ?? address)
}

function parseJson(source: string): unknown {
  try {
    return JSON.parse(source)
  } catch {
    return undefined
  }
}

/** Node metadata are texts even where they mean yes or no. */
export function metadataFlag(proxy: Proxy, name: string): boolean {
  const value = proxy.metadata[name]
  return value === true || value === 'true' || value === '1'
}

export function supportsIpv4(proxy: Pick<Proxy, 'addresses'>): boolean {
  return proxy.addresses.some((address) => !isIpv6(address))
}

export function supportsIpv6(proxy: Pick<Proxy, 'addresses'>): boolean {
  return proxy.addresses.some(isIpv6)
}
