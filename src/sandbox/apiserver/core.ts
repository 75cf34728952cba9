// The state of one API server that handlers share.
import type { Authenticator } from './auth/authenticate.ts'
import type { TokenSigner } from './auth/tokens.ts'
import type { ServicePool } from './kinds/service-pool.ts'
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
  readonly authenticator: Authenticator
  readonly services: ServicePool
  /** Proves the server to kubelets. */
  readonly kubeletToken: string
  /** Ends the watches of objects that are kept at `storage`: their resource is no longer served. */
  endWatches(storage: string): void
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
