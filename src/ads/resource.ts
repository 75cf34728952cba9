/** What a client has of a resource: enough to tell whether it must be sent again. */
export interface ResourceVersion {
  readonly version: string
}

/** One xDS resource, ready to send. It is encoded once and shared by every stream that gets it; `ads` never looks inside. */
export interface EncodedResource extends ResourceVersion {
  readonly name: string
  /** Differs whenever the bytes differ; equal bytes may share it. Sent as the resource's version in delta xDS. */
  readonly version: string
  /**
   * Of a cluster: the name of the endpoint set that the client waits for before it takes the cluster into use. It is sent
   * after each update of the cluster, changed or not, and routes that are new wait for it.
   * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#resource-warming
   */
  readonly endpointSet?: string
  /**
   * Names of clusters that it leads to, where clients are given no clusters but those that something leads to: they go to
   * the client before it.
   */
  readonly refersTo?: readonly string[]
  /** Length of all pieces together. */
  readonly size: number
  /**
   * The resource as google.protobuf.Any, serialised; one after the other. Several where parts are shared with other
   * resources (virtual hosts of a route configuration). Computed at the first call, kept after it.
   */
  pieces(): readonly Uint8Array[]
  /** Its bytes lie here too, as part of something larger that is kept: it may let go of its own. */
  moved?(bytes: Uint8Array): void
}

/** What a proxy says of itself in the first message of its stream, beside the identity that it has proved. */
export interface ProxyNode {
  readonly id: string
  readonly cluster: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string }
  /** Whether its stream is of the incremental kind. */
  readonly incremental: boolean
  /** SPIFFE id that the peer proved by token or certificate; undefined only where plaintext was allowed by flag. */
  readonly identity: string | undefined
}

/** A change of what one proxy is to be given: names per type URL that are new, changed or gone. */
export type ResourceChange = ReadonlyMap<string, ReadonlySet<string>>

/** Names of one type that a proxy is given, kept by the source as one object for all proxies that are given them. */
export interface ResourceList {
  /** In the order in which they are to be sent. Another array when the names change. */
  readonly names: readonly string[]
  /** Another object whenever a resource of the list changes. */
  readonly revision: object
  /** Whether one proxy alone is given it; what it has of such lists is kept apart from what proxies share. */
  readonly isOwn?: boolean
}

/** The resources of one connected proxy. `ads` reads it, and is told of changes; it may be shared by equal proxies. */
export interface ProxyResources {
  /** The lists that a wildcard subscription of this type gets; of resources with one name the first counts. */
  lists(typeUrl: string): readonly ResourceList[]
  /** Whether a wildcard subscription of this type gets the name. */
  includes(typeUrl: string, name: string): boolean
  /** One resource, or undefined if the proxy has none of that name. Works for names outside of `names` (on demand). */
  get(typeUrl: string, name: string): EncodedResource | undefined
}

export interface RefusedResource {
  readonly name: string
  /** As it was sent. */
  readonly resource: ResourceVersion
  /** Refused just now, not before. */
  readonly isNew: boolean
}

/** The stage before `ads`. */
export interface ResourceSource {
  /**
   * Starts to serve a proxy. `changed` is called after each rebuild that touched it; the names it is told are a
   * superset of what differs. Returns the resources to read, and how to end.
   */
  connect(node: ProxyNode, changed: (change: ResourceChange) => void): { resources: ProxyResources; close(): void }
  /**
   * A proxy refused resources (NACK): `refused` is all of the type that it refuses now, `detail` Envoy's own text of the
   * newest, `has` what it goes on with. Cleared by the next ACK of that type.
   */
  rejected(
    node: ProxyNode,
    typeUrl: string,
    refused: readonly RefusedResource[],
    detail: string,
    has: (name: string) => ResourceVersion | undefined,
  ): void
  accepted(node: ProxyNode, typeUrl: string): void
  /** A client told something of itself (`isReport`): that all is well, or what is wrong. */
  reported?(node: ProxyNode, typeUrl: string, problem: string | undefined): void
  /** A proxy has acknowledged everything of a type that it was sent so far. `hasTaken`: the newest state of a resource. */
  acknowledged?(node: ProxyNode, typeUrl: string, hasTaken: (name: string) => boolean): void
}
