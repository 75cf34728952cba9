// A simulated sidecar: subscribes and acknowledges as Envoy does over the delta protocol, and keeps names and versions only.
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { create, fromBinary, type JsonObject, toBinary } from '@bufbuild/protobuf'
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  type Resource,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js'

const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'

export const typeUrls = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoints: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  virtualHost: 'type.googleapis.com/envoy.config.route.v3.VirtualHost',
} as const

/** What all sidecars of a run share: what was received, and who wants to know of it. */
export interface Hub {
  readonly counted: { messages: number; bytes: number; resources: number; lastAt: number }
  /** A resource came, or went (version undefined), or is not wanted any more. */
  seen: ((sidecar: Sidecar, typeUrl: string, name: string, version: string | undefined) => void) | undefined
  failed: (error: Error) => void
}

interface Subscription {
  started: boolean
  readonly have: Map<string, string>
  readonly wanted: Set<string>
}

/** What a cluster or listener leads to, found out once for each version of it. */
const links = new Map<string, readonly string[]>()
const strings = new Map<string, string>()

/** One copy of each name for all sidecars. */
function kept(text: string): string {
  const known = strings.get(text)
  if (known !== undefined) return known
  strings.set(text, text)
  return text
}

export interface SidecarNode {
  readonly id: string
  /** Name of the cluster that its pod is in. */
  readonly cluster: string
  readonly namespace: string
  readonly metadata: JsonObject
  readonly locality: { readonly region: string; readonly zone: string }
}

export class Sidecar {
  readonly node: SidecarNode
  /** Milliseconds of the process's clock when everything that it asked for had come; 0 before that. */
  completeAt = 0
  readonly #hub: Hub
  readonly #session: ClientHttp2Session
  readonly #stream: ClientHttp2Stream
  readonly #types: Record<string, Subscription> = Object.fromEntries(
    Object.values(typeUrls).map((url) => [url, { started: false, have: new Map(), wanted: new Set() }]),
  )
  #usedAt = 0
  #buffered: Buffer[] = []
  #size = 0
  #closing = false

  constructor(target: string, node: SidecarNode, hub: Hub) {
    this.node = node
    this.#hub = hub
    this.#session = connect(`http://${target}`, { settings: { initialWindowSize: 16 << 20 } })
    this.#session.on('connect', () => this.#session.setLocalWindowSize(24 << 20))
    this.#session.on('error', (error) => this.#fail(error))
    this.#stream = this.#session.request(
      { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' },
      { endStream: false },
    )
    this.#stream.on('data', (data: Buffer) => this.#read(data))
    this.#stream.on('error', (error) => this.#fail(error))
    this.#stream.on('close', () => this.#fail(new Error('the server ended the stream')))
    this.#subscribe(typeUrls.cluster, [], [])
  }

  close(): void {
    this.#closing = true
    this.#session.destroy()
  }

  /** Asks for virtual hosts, as Envoy does for the first request to each. */
  use(hosts: readonly string[]): void {
    this.#usedAt = 0
    this.#subscribe(typeUrls.virtualHost, hosts, [])
  }

  /** Milliseconds of the process's clock when the hosts that it uses had come, with their clusters and endpoints; 0 before. */
  get usedAt(): number {
    return this.#usedAt
  }

  /** The resources of a type that it has: name → version. */
  has(typeUrl: string): ReadonlyMap<string, string> {
    return this.#of(typeUrl).have
  }

  #fail(error: Error): void {
    if (!this.#closing) this.#hub.failed(new Error(`${this.node.id}: ${error.message}`, { cause: error }))
    this.close()
  }

  #of(typeUrl: string): Subscription {
    const found = this.#types[typeUrl]
    if (!found) throw new Error(`not subscribed to ${typeUrl}`)
    return found
  }

  /** gRPC's frames: one byte of flags, four of length. */
  #read(data: Buffer): void {
    this.#buffered.push(data)
    this.#size += data.length
    while (this.#size >= 5) {
      const whole = this.#buffered.length > 1 && this.#complete() ? Buffer.concat(this.#buffered) : this.#buffered[0]
      if (!whole || whole.length < 5 || whole.length < 5 + whole.readUInt32BE(1)) return
      const end = 5 + whole.readUInt32BE(1)
      const rest = whole.subarray(end)
      this.#buffered = rest.length > 0 ? [rest] : []
      this.#size = rest.length
      this.#receive(whole.subarray(5, end))
    }
  }

  #complete(): boolean {
    let head = this.#buffered[0]
    if (head && head.length < 5) {
      head = Buffer.concat(this.#buffered)
      this.#buffered = [head]
    }
    return head !== undefined && head.length >= 5 && this.#size >= 5 + head.readUInt32BE(1)
  }

  #receive(message: Uint8Array): void {
    const response = fromBinary(DeltaDiscoveryResponseSchema, message)
    const { counted } = this.#hub
    counted.messages++
    counted.bytes += message.length
    counted.resources += response.resources.length
    counted.lastAt = performance.now()
    this.#note(response)
    this.#send({ typeUrl: response.typeUrl, responseNonce: response.nonce })
    if (response.typeUrl === typeUrls.cluster) this.#follow(typeUrls.cluster, typeUrls.endpoints)
    if (response.typeUrl === typeUrls.listener) this.#follow(typeUrls.listener, typeUrls.route)
    const listeners = this.#of(typeUrls.listener)
    if (!listeners.started && this.#missing(typeUrls.endpoints) === 0) this.#subscribe(typeUrls.listener, [], [])
    const isComplete =
      listeners.have.size > 0 && this.#missing(typeUrls.endpoints) + this.#missing(typeUrls.route) === 0
    if (isComplete && this.completeAt === 0) this.completeAt = performance.now()
    if (this.#usedAt === 0 && this.#missing(typeUrls.virtualHost) + this.#missing(typeUrls.endpoints) === 0)
      this.#usedAt = performance.now()
  }

  #note({ typeUrl, resources, removedResources }: DeltaDiscoveryResponse): void {
    const { have } = this.#of(typeUrl)
    for (const resource of resources) {
      const name = kept(resource.name)
      const version = kept(resource.version)
      learnLinks(typeUrl, resource)
      have.set(name, version)
      this.#hub.seen?.(this, typeUrl, name, version)
    }
    for (const name of removedResources) {
      have.delete(name)
      this.#hub.seen?.(this, typeUrl, name, undefined)
    }
  }

  #missing(typeUrl: string): number {
    const { have, wanted } = this.#of(typeUrl)
    if (have.size >= wanted.size && this.completeAt !== 0) return 0
    let missing = 0
    for (const name of wanted) if (!have.has(name)) missing++
    return missing
  }

  /** Subscribes to what the resources of one type lead to. */
  #follow(from: string, to: string): void {
    const wanted = new Set<string>()
    for (const [name, version] of this.#of(from).have)
      for (const link of links.get(`${name} ${version}`) ?? []) wanted.add(link)
    const target = this.#of(to)
    const add = [...wanted].filter((name) => !target.wanted.has(name))
    const drop = [...target.wanted].filter((name) => !wanted.has(name))
    if (add.length + drop.length > 0) this.#subscribe(to, add, drop)
  }

  #subscribe(typeUrl: string, add: readonly string[], drop: readonly string[]): void {
    const subscription = this.#of(typeUrl)
    for (const name of add) subscription.wanted.add(name)
    for (const name of drop) {
      subscription.wanted.delete(name)
      subscription.have.delete(name)
      this.#hub.seen?.(this, typeUrl, name, undefined)
    }
    subscription.started = true
    this.#send({ typeUrl, resourceNamesSubscribe: [...add], resourceNamesUnsubscribe: [...drop] })
  }

  #first = true

  #send(request: {
    typeUrl: string
    responseNonce?: string
    resourceNamesSubscribe?: string[]
    resourceNamesUnsubscribe?: string[]
  }): void {
    const { id, metadata, locality } = this.node
    const node = this.#first ? { node: { id, metadata, locality } } : {}
    this.#first = false
    const body = toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { ...request, ...node }))
    const frame = Buffer.alloc(5 + body.length)
    frame.writeUInt32BE(body.length, 1)
    frame.set(body, 5)
    if (!this.#stream.destroyed) this.#stream.write(frame)
  }
}

const edsType = 3
const managerUrl = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'

function learnLinks(typeUrl: string, { name, version, resource }: Resource): void {
  if (!resource || (typeUrl !== typeUrls.cluster && typeUrl !== typeUrls.listener)) return
  const key = `${name} ${version}`
  if (!links.has(key))
    links.set(key, typeUrl === typeUrls.cluster ? endpointsOf(resource.value) : routesOf(resource.value))
}

function endpointsOf(bytes: Uint8Array): readonly string[] {
  const cluster = fromBinary(ClusterSchema, bytes)
  const { case: kind, value } = cluster.clusterDiscoveryType
  return kind === 'type' && value === edsType ? [cluster.edsClusterConfig?.serviceName || cluster.name] : []
}

function routesOf(bytes: Uint8Array): readonly string[] {
  const listener = fromBinary(ListenerSchema, bytes)
  const chains = [...listener.filterChains, ...(listener.defaultFilterChain ? [listener.defaultFilterChain] : [])]
  return chains.flatMap(({ filters }) =>
    filters.flatMap(({ configType }) => {
      if (configType.case !== 'typedConfig' || !configType.value.typeUrl.endsWith(managerUrl)) return []
      const { routeSpecifier } = fromBinary(HttpConnectionManagerSchema, configType.value.value)
      return routeSpecifier.case === 'rds' ? [routeSpecifier.value.routeConfigName] : []
    }),
  )
}
