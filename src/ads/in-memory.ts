// A client and a source in memory, for tests: the real protocol, message by message, without sockets.
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js'
import type {
  EncodedResource,
  ProxyNode,
  ProxyResources,
  RefusedResource,
  ResourceChange,
  ResourceSource,
} from './resource.ts'
import type { AdsServer } from './server.ts'
import type { Peer, StreamError } from './transport.ts'
import { anyOf } from './wire.ts'

const schemas = {
  sotw: { request: DiscoveryRequestSchema, response: DiscoveryResponseSchema },
  delta: { request: DeltaDiscoveryRequestSchema, response: DeltaDiscoveryResponseSchema },
} as const

type Kind = keyof typeof schemas

/** One response as tests look at it. */
export interface Received {
  readonly typeUrl: string
  readonly nonce: string
  /** Name or, in the state of the world, the type URL's payload as text: the fake source puts `name=version` there. */
  readonly resources: readonly string[]
  readonly removed: readonly string[]
}

/** The client's end of a stream in memory. It takes a message when `window` is above zero. */
export class InMemoryClient<K extends Kind> {
  readonly received: Received[] = []
  error: StreamError | undefined
  /** How many more messages the client takes before the server has to wait. */
  window = Number.POSITIVE_INFINITY
  private readonly kind: K
  private readonly receiver: { message(bytes: Uint8Array): void; closed(): void }
  private stalled: (() => void) | undefined

  constructor(server: AdsServer, kind: K, peer: Partial<Peer> = {}) {
    this.kind = kind
    this.receiver = server.open(
      {
        peer: {
          address: 'memory',
          certificate: undefined,
          bearer: undefined,
          headers: new Map(),
          encrypted: true,
          ...peer,
        },
        send: (message, drained) => {
          this.received.push(decode(kind, Buffer.concat(message)))
          this.window--
          if (this.window > 0) queueMicrotask(drained)
          else this.stalled = drained
        },
        end: (error) => {
          this.error = error
        },
      },
      kind,
    )
  }

  send(request: MessageInitShape<(typeof schemas)[K]['request']>): void {
    const schema = schemas[this.kind].request
    this.sendBytes(toBinary(schema, create(schema, request as MessageInitShape<typeof DeltaDiscoveryRequestSchema>)))
  }

  sendBytes(bytes: Uint8Array): void {
    this.receiver.message(bytes)
  }

  /** Takes `count` more messages. */
  open(count = Number.POSITIVE_INFINITY): void {
    this.window = count
    const drained = this.stalled
    this.stalled = undefined
    drained?.()
  }

  /** The responses since the last call, when the server has nothing more to do. */
  async take(): Promise<Received[]> {
    await settle()
    return this.received.splice(0)
  }

  close(): void {
    this.receiver.closed()
  }
}

/** Lets everything that is scheduled run: a turn of the server is one `setImmediate`. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

function decode(kind: Kind, message: Uint8Array): Received {
  const text = (value: Uint8Array | undefined): string => Buffer.from(value ?? []).toString()
  if (kind === 'delta') {
    const response = fromBinary(DeltaDiscoveryResponseSchema, message)
    return {
      typeUrl: response.typeUrl,
      nonce: response.nonce,
      resources: response.resources.map((r) => text(r.resource?.value)),
      removed: response.removedResources,
    }
  }
  const response = fromBinary(DiscoveryResponseSchema, message)
  return {
    typeUrl: response.typeUrl,
    nonce: response.nonce,
    resources: response.resources.map((r) => text(r.value)),
    removed: [],
  }
}

/** A source whose resources are set by hand; their bytes are an Any with the text `name=version`. */
export class InMemorySource implements ResourceSource {
  readonly rejections: { typeUrl: string; names: readonly string[]; detail: string }[] = []
  readonly acceptances: string[] = []
  readonly onDemand = new Set<string>()
  /** What resources lead to, by name. */
  readonly links = new Map<string, readonly string[]>()
  encodings = 0
  private readonly types = new Map<string, Map<string, EncodedResource>>()
  private readonly listeners = new Set<(change: ResourceChange) => void>()

  /** Sets resources: `undefined` removes one. `name=version` strings are parsed; a cluster's endpoint set has its name. */
  set(typeUrl: string, versions: Readonly<Record<string, string | undefined>>): void {
    const type = this.types.get(typeUrl) ?? new Map<string, EncodedResource>()
    this.types.set(typeUrl, type)
    for (const [name, version] of Object.entries(versions)) {
      if (version === undefined) type.delete(name)
      else type.set(name, this.resource(typeUrl, name, version))
    }
    const change = new Map([[typeUrl, new Set(Object.keys(versions))]])
    for (const listener of this.listeners) listener(change)
  }

  private resource(typeUrl: string, name: string, version: string): EncodedResource {
    let pieces: readonly Uint8Array[] | undefined
    const make = (): readonly Uint8Array[] => {
      if (!pieces) {
        this.encodings++
        // In two pieces, as large resources are.
        pieces = anyOf(typeUrl, [Buffer.from(`${name}=`), Buffer.from(version)]).pieces
      }
      return pieces
    }
    return {
      name,
      version,
      size: anyOf(typeUrl, [Buffer.from(`${name}=${version}`)]).size,
      ...(typeUrl.endsWith('.Cluster') ? { endpointSet: name } : {}),
      refersTo: this.links.get(name) ?? [],
      pieces: make,
    }
  }

  connect(_node: ProxyNode, changed: (change: ResourceChange) => void): { resources: ProxyResources; close(): void } {
    this.listeners.add(changed)
    const included = (typeUrl: string, name: string): boolean =>
      !this.onDemand.has(name) && (this.types.get(typeUrl)?.has(name) ?? false)
    const resources: ProxyResources = {
      // As if every proxy had lists of its own.
      lists: (typeUrl) => {
        const names = [...(this.types.get(typeUrl)?.keys() ?? [])].filter((name) => included(typeUrl, name))
        return [{ names, revision: {} }]
      },
      includes: included,
      get: (typeUrl, name) => this.types.get(typeUrl)?.get(name),
    }
    return { resources, close: () => this.listeners.delete(changed) }
  }

  get connected(): number {
    return this.listeners.size
  }

  rejected(_node: ProxyNode, typeUrl: string, refused: readonly RefusedResource[], detail: string): void {
    this.rejections.push({ typeUrl, names: refused.map(({ name }) => name).sort(), detail })
  }

  accepted(_node: ProxyNode, typeUrl: string): void {
    this.acceptances.push(typeUrl)
  }
}
