// The state of one API server that handlers share.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TokenSigner } from './auth/tokens.ts'
import type { Answer } from './http/answer.ts'
import type { JsonObject } from './json.ts'
import type { Registry } from './registry.ts'
import type { Resource } from './resource.ts'
import type { Store } from './store.ts'

export interface User {
  readonly name: string
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

export interface Core {
  readonly store: Store
  readonly registry: Registry
  readonly signer: TokenSigner
  /** Takes what an object needs of shared pools (service addresses, node ports); `old` is the object before. Throws ApiError. */
  allocate(resource: Resource, next: JsonObject, old: JsonObject | undefined, dryRun: boolean): void
  /** Gives back what a removed object had. */
  release(resource: Resource, object: JsonObject): void
  /** Runs before an object is removed or marked as deleted. */
  beforeDelete(resource: Resource, object: JsonObject): void
  /** Answers requests below /openapi; false for a path that it does not know. */
  openapi(path: string, request: IncomingMessage, answer: Answer, url: URL): Promise<boolean>
  /** Takes over an upgraded connection (exec, attach, port-forward). `call` authenticates and authorizes. Throws ApiError. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, call: (url: URL) => Call): Promise<void>
}

/** One request to a resource, after authentication and authorization. */
export interface Call {
  readonly core: Core
  readonly user: User
  readonly resource: Resource
  /** "" for cluster-scoped resources and for requests across namespaces. */
  readonly namespace: string
  readonly name: string
  readonly subresource: string
  readonly query: URLSearchParams
  readonly userAgent: string
  warn(text: string): void
}
