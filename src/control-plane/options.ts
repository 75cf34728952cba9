import type { NamedContext } from './inputs.ts'
import type { Log } from './log.ts'

/** What `serve` is told. */
export interface ServeOptions {
  /** The first is the management cluster. */
  readonly contexts: readonly NamedContext[]
  /** Where what was seen of clusters is kept over a restart; undefined keeps nothing. */
  readonly stateDir: string | undefined
  readonly http: Address
  /** Where proxies connect, by TLS; undefined serves none. */
  readonly xds: Address | undefined
  /** The same without proof of identity, for tests and measurements: loopback only. */
  readonly xdsPlaintext: Address | undefined
  readonly log: Log
  readonly release: string
  /** Networks that are not public, and that keys of token issuers may be fetched from all the same (CIDR). */
  readonly tokenKeyNetworks?: readonly string[]
  /** Who is asked for the addresses of gateways that have names, as ADDRESS or ADDRESS:PORT; absent: whom the system asks. */
  readonly nameServers?: readonly string[] | undefined
  /** Lifetime of the certificates of workloads, in milliseconds; a day if absent. */
  readonly leafTtlMs?: number
  /** The longest time that a change waits for others, to be sent to proxies together with them; see `ads/pacing.ts`. */
  readonly longestPauseMs?: number
  /** Namespace of the Lease on the management cluster. */
  readonly namespace?: string
}

export interface Address {
  readonly host: string
  readonly port: number
}
