// All streams together: lets them in, gives each its turn to send, and tells who is connected and how far they are.
import { fromBinary } from '@bufbuild/protobuf'
import { NodeSchema } from '#gen/envoy/config/core/v3/base_pb.js'
import { Admission } from './admission.ts'
import { delta } from './delta.ts'
import { Pacing, type PacingLimits, usualPacing } from './pacing.ts'
import type { EncodedResource, ProxyNode, ResourceSource } from './resource.ts'
import { sotw } from './sotw.ts'
import { type StreamStatus, statusOf } from './status.ts'
import { type Clock, DiscoveryStream, type Protocol, systemClock } from './stream.ts'
import { type Peer, type ServerStream, StreamError, type StreamReceiver, statusCodes } from './transport.ts'
import { MalformedRequest } from './wire.ts'

/** Finds out who a peer is. */
export interface PeerVerifier {
  /**
   * The SPIFFE id that the peer has proved, undefined where the port asks for none. Rejects with a StreamError if the
   * peer proves nothing, or claims a node that its identity does not cover.
   */
  verify(peer: Peer, claim: Omit<ProxyNode, 'identity'>): Promise<string | undefined>
}

export interface AdsServerOptions {
  readonly source: ResourceSource
  readonly verifier: PeerVerifier
  readonly clock?: Clock
  /** Streams that may be in their first phase at once; see Admission. */
  readonly admissionLimit?: number
  /** How long one turn of sending may keep the process from its other work. */
  readonly turnMs?: number
  /** How long changes wait for others, to be sent together; see Pacing. */
  readonly pacing?: Partial<PacingLimits> | undefined
  /** CPU time that the process has used, in milliseconds. */
  readonly cpuMs?: () => number
  readonly log?: (event: string, detail: Readonly<Record<string, unknown>>) => void
}

export class AdsServer {
  private readonly options: AdsServerOptions
  private readonly clock: Clock
  private readonly admission: Admission
  private readonly turnMs: number
  private readonly streams = new Set<DiscoveryStream>()
  private readonly settling = new Map<DiscoveryStream, () => void>()
  /** Streams that may have something to send, in the order in which they said so. */
  private readonly ready = new Set<DiscoveryStream>()
  /** Streams whose resources changed while changes pause. */
  private readonly changed = new Set<DiscoveryStream>()
  private readonly pacing: Pacing
  private scheduled = false
  /** Responses sent to all streams together, ever. */
  messagesSent = 0

  constructor(options: AdsServerOptions) {
    this.options = options
    this.clock = options.clock ?? systemClock
    this.admission = new Admission(options.admissionLimit ?? 24)
    this.turnMs = options.turnMs ?? 10
    this.pacing = new Pacing(this.clock, options.cpuMs ?? cpuMs, { ...usualPacing, ...options.pacing }, () =>
      this.resume(),
    )
  }

  /** Serves one stream of a transport. */
  open(transport: ServerStream, protocolName: Protocol['name']): StreamReceiver {
    const protocol = protocolName === 'delta' ? delta : sotw
    const early: Uint8Array[] = []
    let stream: DiscoveryStream | undefined
    let leave: (() => void) | undefined
    let open = true
    const fail = (error: unknown): void => {
      if (!open) return
      open = false
      this.drop(stream)
      leave?.()
      transport.end(asStreamError(error))
      this.log('stream ended', { peer: transport.peer.address, node: stream?.node.id ?? '', error: String(error) })
    }
    const receive = (bytes: Uint8Array): void => {
      try {
        stream?.receive(bytes)
      } catch (error) {
        fail(error)
      }
    }
    const begin = async (first: Uint8Array): Promise<void> => {
      const node = await this.identify(transport.peer, protocol, first)
      if (!open) return
      stream = new DiscoveryStream(
        { protocol, transport, node, source: this.options.source, clock: this.clock },
        (awake, why) => (why === 'change' && !this.pacing.isOpen ? this.changed.add(awake) : this.wake(awake)),
      )
      this.streams.add(stream)
      if (leave) this.settling.set(stream, leave)
      this.log('stream opened', { peer: transport.peer.address, node: node.id, protocol: protocolName })
      for (const bytes of early.splice(0)) receive(bytes)
    }
    return {
      message: (bytes) => {
        if (!open) return
        if (stream) return receive(bytes)
        early.push(bytes)
        if (early.length === 1) leave = this.admission.enter(() => void begin(bytes).catch(fail))
        else if (early.length > 100) fail(new StreamError(statusCodes.resourceExhausted, 'too many early requests'))
      },
      closed: () => {
        if (!open) return
        open = false
        this.drop(stream)
        leave?.()
        this.log('stream closed', { peer: transport.peer.address, node: stream?.node.id ?? '' })
      },
    }
  }

  private async identify(peer: Peer, protocol: Protocol, first: Uint8Array): Promise<ProxyNode> {
    const encoded = protocol.nodeOf(first)
    if (!encoded) throw new StreamError(statusCodes.invalidArgument, 'the first request of a stream must have a node')
    const node = fromBinary(NodeSchema, encoded)
    const claim = {
      id: node.id,
      cluster: node.cluster,
      metadata: node.metadata ?? {},
      locality: {
        region: node.locality?.region ?? '',
        zone: node.locality?.zone ?? '',
        subZone: node.locality?.subZone ?? '',
      },
      incremental: protocol.name === 'delta',
    }
    return { ...claim, identity: await this.options.verifier.verify(peer, claim) }
  }

  private drop(stream: DiscoveryStream | undefined): void {
    if (!stream) return
    stream.close()
    this.streams.delete(stream)
    this.ready.delete(stream)
    this.changed.delete(stream)
    this.settling.delete(stream)
  }

  /** The pause is over. */
  private resume(): void {
    for (const stream of this.changed) this.wake(stream)
    this.changed.clear()
  }

  private wake(stream: DiscoveryStream): void {
    if (!this.streams.has(stream)) return
    if (!stream.hasWork) {
      if (!stream.busy) this.settled(stream)
      return
    }
    this.ready.add(stream)
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(() => this.turn())
  }

  /** Gives streams their turn, one message each, until the time of the turn is over. */
  private turn(): void {
    this.scheduled = false
    const end = performance.now() + this.turnMs
    this.pacing.burst()
    for (const stream of this.ready) {
      this.ready.delete(stream)
      try {
        // A stream that has sent comes back by itself when its message has drained.
        if (stream.step()) this.messagesSent++
        else if (!stream.busy) this.settled(stream)
      } catch (error) {
        this.log('stream failed', { node: stream.node.id, error: error instanceof Error ? error.stack : String(error) })
        this.drop(stream)
        stream.transport.end(asStreamError(error))
      }
      if (performance.now() > end) break
    }
    if (this.ready.size === 0) this.pacing.endOfBurst()
    if (this.ready.size === 0 || this.scheduled) return
    this.scheduled = true
    setImmediate(() => this.turn())
  }

  private settled(stream: DiscoveryStream): void {
    this.settling.get(stream)?.()
    this.settling.delete(stream)
  }

  /** Every connected stream, in the order of connection; those that only report are no clients of resources. */
  status(): StreamStatus[] {
    return [...this.streams].filter(({ onlyReports }) => !onlyReports).map(statusOf)
  }

  /** Nodes of streams that have asked for a resource and not acknowledged its newest state yet. */
  waitingFor(typeUrl: string, name: string): ProxyNode[] {
    return [...this.streams]
      .filter((stream) =>
        stream.subscriptions.some((s) => s.typeUrl === typeUrl && !s.hasTaken(stream.resources, name)),
      )
      .map(({ node }) => node)
  }

  /** What a stream was given, by type; the bytes where this stream has sent them. */
  given(nodeId: string): ReadonlyMap<string, readonly EncodedResource[]> | undefined {
    const stream = [...this.streams].findLast((s) => s.node.id === nodeId && !s.onlyReports)
    if (!stream) return undefined
    return new Map(
      stream.subscriptions.map((s) => [
        s.typeUrl,
        [...s.held.entries()].flatMap(([name, held]) => {
          if ('pieces' in held) return [held]
          const now = stream.resources.get(s.typeUrl, name)
          return now?.version === held.version ? [now] : []
        }),
      ]),
    )
  }

  /** How many streams there are. */
  get connected(): number {
    return this.streams.size
  }

  get queued(): number {
    return this.admission.queued
  }

  /** Ends all streams; clients connect to another replica. */
  close(): void {
    this.pacing.stop()
    for (const stream of this.streams) {
      this.drop(stream)
      stream.transport.end(new StreamError(statusCodes.unavailable, 'the server is shutting down'))
    }
  }

  private log(event: string, detail: Readonly<Record<string, unknown>>): void {
    this.options.log?.(event, detail)
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function asStreamError(error: unknown): StreamError {
  if (error instanceof StreamError) return error
  if (error instanceof MalformedRequest) return new StreamError(statusCodes.invalidArgument, error.message)
  return new StreamError(statusCodes.internal, 'internal error', { cause: error })
}
