// Which filter chains a port of a workload needs, by what it speaks and what its callers may do.
import type { InboundMode } from '../../../mesh/security/index.ts'
import { plainHttpProtocols } from './inspectors.ts'

/** What is known of the bytes on a port: HTTP, something else, or nothing. */
export type ChainProtocol = 'http' | 'tcp' | 'auto'

/** One filter chain: what it takes, and what it does with it. */
export interface ChainMatch {
  /** Empty: any. */
  readonly applicationProtocols: readonly string[]
  readonly transport: 'tls' | 'raw_buffer'
  readonly handles: 'http' | 'tcp'
  /** Ends TLS; otherwise TLS is passed on as it is. */
  readonly endsTls: boolean
}

/** By these protocols (ALPN) a mesh client says what is inside of its mutual TLS. */
const meshHttp = ['istio-http/1.0', 'istio-http/1.1', 'istio-h2']
const meshTcp = ['istio-peer-exchange', 'istio']
const meshAny = ['istio', 'istio-peer-exchange', ...meshHttp]

const mutual = (handles: 'http' | 'tcp', applicationProtocols: readonly string[] = []): ChainMatch => ({
  applicationProtocols,
  transport: 'tls',
  handles,
  endsTls: true,
})
const plain = (handles: 'http' | 'tcp', applicationProtocols: readonly string[] = []): ChainMatch => ({
  applicationProtocols,
  transport: 'raw_buffer',
  handles,
  endsTls: false,
})
/** TLS that the program ends itself. */
const opaque: ChainMatch = { applicationProtocols: [], transport: 'tls', handles: 'tcp', endsTls: false }

const matches: Readonly<Record<ChainProtocol, Readonly<Record<InboundMode, readonly ChainMatch[]>>>> = {
  http: {
    STRICT: [mutual('http')],
    PERMISSIVE: [mutual('http', meshAny), plain('http')],
    DISABLE: [plain('http')],
  },
  tcp: {
    STRICT: [mutual('tcp')],
    PERMISSIVE: [mutual('tcp', meshAny), opaque, plain('tcp')],
    DISABLE: [plain('tcp')],
  },
  auto: {
    STRICT: [mutual('http', meshHttp), mutual('tcp')],
    PERMISSIVE: [
      mutual('http', meshHttp),
      plain('http', plainHttpProtocols),
      mutual('tcp', meshTcp),
      plain('tcp'),
      opaque,
    ],
    DISABLE: [plain('http', plainHttpProtocols), plain('tcp')],
  },
}

export function chainMatches(protocol: ChainProtocol, mode: InboundMode): readonly ChainMatch[] {
  return matches[protocol][mode]
}

/** The one chain of a port whose TLS is as its Sidecar says. */
export function ownTlsMatch(protocol: ChainProtocol): ChainMatch {
  return mutual(protocol === 'http' ? 'http' : 'tcp')
}
