// One discovery stream, whatever the protocol and the transport: it reads requests into subscriptions, and says what is
// to be sent next. Nothing is queued: a response is made when the peer can take it, from the newest state.
//
//   request → [protocol] → [Subscription per type] ← changed(names) ← source
//                                 │ next()
//                                 ▼ one message at a time
//                             transport

import type { Message } from './chunk.ts'
import type { Layer } from './held.ts'
import type { Holding } from './holding.ts'
import { References } from './references.ts'
import type { EncodedResource, ProxyNode, ProxyResources, ResourceChange, ResourceSource } from './resource.ts'
import { Subscription } from './subscription.ts'
import type { ServerStream } from './transport.ts'
import { pushRank, typeUrls } from './types.ts'

/** The two forms of the protocol differ in how requests are read and responses written; see sotw.ts and delta.ts. */
export interface Protocol {
  readonly name: 'sotw' | 'delta'
  /** The encoded Node of a request, if it has one. */
  nodeOf(message: Uint8Array): Uint8Array | undefined
  /** Reads a request into the subscription of its type. */
  receive(message: Uint8Array, stream: DiscoveryStream): void
  /**
   * The next response with something new of this type, or undefined if there is nothing to say. `after` is the nonce of
   * the last response of the stream; the next one's is larger.
   */
  upserts(subscription: Subscription, resources: ProxyResources, after: number): Response | undefined
  /** The next response that takes away what exists no more. */
  removals(subscription: Subscription, resources: ProxyResources, after: number): Response | undefined
}

export interface Response extends Message {
  readonly upserts: readonly EncodedResource[]
  /** What the client has of it afterwards. */
  readonly layer: Layer
}

export interface Clock {
  now(): number
  /** Calls back once after `ms`; returns how to cancel. */
  after(ms: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** How long routes and listeners wait for the endpoints of new clusters, at most: a client need not ask for them. */
const warmingLimitMs = 2000

export class DiscoveryStream {
  readonly protocol: Protocol
  readonly transport: ServerStream
  readonly node: ProxyNode
  readonly connectedAt: number
  readonly subscriptions: Subscription[] = []
  /** Clusters that the client is given since something leads to them. */
  readonly references: References
  bytesSent = 0
  messagesSent = 0
  /** A message is on its way; the next is made when the peer has taken it. */
  busy = false
  private readonly source: ResourceSource
  private readonly clock: Clock
  private readonly wake: (stream: DiscoveryStream, why: 'change' | 'peer') => void
  private readonly connection: { resources: ProxyResources; close(): void }
  private nonce = 0
  /** Endpoint sets of clusters that are new to the client: what may refer to the clusters waits for them. */
  private readonly warming = new Set<string>()
  private stopWaiting: (() => void) | undefined
  private ended = false
  private hasReported = false

  /**
   * `wake` is called whenever there may be something to send, because resources changed or because of what the peer says
   * or takes; the server then calls `step` in its turn.
   */
  constructor(
    parts: { protocol: Protocol; transport: ServerStream; node: ProxyNode; source: ResourceSource; clock: Clock },
    wake: (stream: DiscoveryStream, why: 'change' | 'peer') => void,
  ) {
    this.protocol = parts.protocol
    this.transport = parts.transport
    this.node = parts.node
    this.source = parts.source
    this.clock = parts.clock
    this.wake = wake
    this.connectedAt = parts.clock.now()
    this.references = new References(
      (ms, callback) => parts.clock.after(ms, callback),
      (name) => this.changed(new Map([[typeUrls.cluster, new Set([name])]])),
    )
    this.connection = parts.source.connect(parts.node, (change) => this.changed(change))
  }

  get resources(): ProxyResources {
    return this.connection.resources
  }

  /** The subscription of a type, made at its first request; kept in the order of pushes. */
  subscription(typeUrl: string): { subscription: Subscription; isNew: boolean } {
    const known = this.find(typeUrl)
    if (known) return { subscription: known, isNew: false }
    const subscription = new Subscription(typeUrl, this.protocol.name, this.references)
    this.subscriptions.push(subscription)
    this.subscriptions.sort((a, b) => pushRank(a.typeUrl) - pushRank(b.typeUrl))
    return { subscription, isNew: true }
  }

  private find(typeUrl: string): Subscription | undefined {
    return this.subscriptions.find((s) => s.typeUrl === typeUrl)
  }

  receive(message: Uint8Array): void {
    this.protocol.receive(message, this)
    this.wake(this, 'peer')
  }

  private changed(change: ResourceChange): void {
    if (this.ended) return
    for (const [typeUrl, names] of change) this.find(typeUrl)?.changed(names)
    this.wake(this, 'change')
  }

  accepted(subscription: Subscription, nonce: string): void {
    const hadError = subscription.error !== undefined
    subscription.accept(nonce, this.clock.now())
    if (hadError && subscription.error === undefined) this.source.accepted(this.node, subscription.typeUrl)
    if (subscription.sent.length > 0) return
    this.source.acknowledged?.(this.node, subscription.typeUrl, (name) => subscription.hasTaken(this.resources, name))
  }

  refused(subscription: Subscription, nonce: string, detail: string): void {
    const gaveUp = subscription.refuse(nonce, detail)
    if (subscription.typeUrl === typeUrls.cluster) this.endWarming()
    if (gaveUp.length === 0 && subscription.retries.length > 0) return
    const all = gaveUp.length > 0 ? [...subscription.refused] : []
    const refused = all.map(([name, { resource }]) => ({ name, resource, isNew: gaveUp.includes(name) }))
    this.source.rejected(this.node, subscription.typeUrl, refused, detail, (name) => subscription.held.get(name))
  }

  /** Its client has told something of itself, and asked for nothing. */
  get onlyReports(): boolean {
    return this.hasReported && this.subscriptions.length === 0
  }

  reported(typeUrl: string, problem: string | undefined): void {
    this.hasReported = true
    this.source.reported?.(this.node, typeUrl, problem)
  }

  /** Sends one response if there is one and the peer can take it. Returns whether it did. */
  step(): boolean {
    if (this.busy || this.ended || !this.hasWork) return false
    const next = this.next()
    if (!next) return false
    const { subscription, response } = next
    const before = subscription.held
    this.nonce = response.nonce
    subscription.noteSent(`${response.nonce}`, response.layer, this.clock.now(), this.resources)
    if (subscription.typeUrl === typeUrls.cluster) this.clustersSent(response.upserts, before)
    if (subscription.typeUrl === typeUrls.endpoint) this.endpointsSent(response.layer)
    this.busy = true
    for (const piece of response.pieces) this.bytesSent += piece.length
    this.messagesSent++
    this.transport.send(response.pieces, () => {
      this.busy = false
      this.wake(this, 'peer')
    })
    return true
  }

  /** Whether there may be something to send, once the peer can take it. */
  get hasWork(): boolean {
    return this.subscriptions.some((subscription) => subscription.hasWork)
  }

  private next(): { subscription: Subscription; response: Response } | undefined {
    let waiting = false
    for (const subscription of this.subscriptions) {
      if (this.mustWait(subscription)) {
        waiting = true
        continue
      }
      if (!subscription.hasWork) continue
      const response = this.protocol.upserts(subscription, this.resources, this.nonce)
      if (response && this.leadsToNew(subscription, response)) return this.next()
      if (response) return { subscription, response }
      if (subscription.endRefusal()) this.source.accepted(this.node, subscription.typeUrl)
    }
    if (waiting) return undefined
    for (const subscription of this.subscriptions.toReversed()) {
      if (subscription.gone.size === 0) continue
      const response = this.protocol.removals(subscription, this.resources, this.nonce)
      if (response) return { subscription, response }
    }
    return undefined
  }

  /** The client has a resource from an earlier stream as it is now: it is to have what that leads to. */
  keeps({ typeUrl }: Subscription, resource: EncodedResource): void {
    const added = this.references.note(typeUrl, resource)
    for (const name of added) this.find(typeUrls.cluster)?.pending.add(name)
  }

  /**
   * Whether a response refers to clusters that its client has yet to be sent. They go first, and what the response has
   * stays due until they have their endpoints.
   */
  private leadsToNew(subscription: Subscription, { upserts }: Response): boolean {
    const clusters = this.find(typeUrls.cluster)
    if (!clusters?.wildcard) return false
    const referred = upserts.flatMap((resource) => this.references.note(subscription.typeUrl, resource))
    const missing = referred.filter((name) => !clusters.held.has(name) && clusters.current(this.resources, name))
    if (missing.length === 0) return false
    for (const name of missing) clusters.pending.add(name)
    for (const { name } of upserts) subscription.pending.add(name)
    return true
  }

  /** Make before break: what may refer to new clusters is held back until these have their endpoints. */
  private mustWait(subscription: Subscription): boolean {
    return (
      this.warming.size > 0 &&
      (subscription.answered || this.references.size > 0) &&
      pushRank(subscription.typeUrl) >= pushRank(typeUrls.listener) &&
      !subscription.settled
    )
  }

  /** Envoy warms an updated cluster anew, and waits for its endpoints even if they are as before. */
  private clustersSent(clusters: readonly EncodedResource[], before: Holding): void {
    const endpoints = this.find(typeUrls.endpoint)
    if (!endpoints && this.subscriptions.length === 1) return
    const users = this.subscriptions.some((s) => s.answered && pushRank(s.typeUrl) >= pushRank(typeUrls.listener))
    for (const cluster of clusters) {
      const name = cluster.endpointSet
      if (name === undefined) continue
      if (endpoints?.wanted.has(name)) {
        endpoints.forced.add(name)
        endpoints.pending.add(name)
      } else if ((users || this.references.has(cluster.name)) && !before.has(cluster.name)) this.warming.add(name)
    }
    if (this.warming.size > 0 && !this.stopWaiting) {
      this.stopWaiting = this.clock.after(warmingLimitMs, () => this.endWarming())
    }
  }

  private endpointsSent(layer: Layer): void {
    if (this.warming.size === 0) return
    for (const name of layer.keys()) this.warming.delete(name)
    if (this.warming.size === 0) this.endWarming()
  }

  private endWarming(): void {
    this.stopWaiting?.()
    this.stopWaiting = undefined
    this.warming.clear()
    this.wake(this, 'peer')
  }

  close(): void {
    if (this.ended) return
    this.ended = true
    this.stopWaiting?.()
    this.references.close()
    this.connection.close()
  }
}
