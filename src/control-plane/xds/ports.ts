// The two ports of the xDS server: TLS, where callers prove who they are, and plaintext on loopback, where they need not.
import {
  experimental,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import type { IstioCertificateRequest, IstioCertificateResponse } from '#gen/security/v1alpha1/ca_pb.js'
import {
  type AdsServer,
  addAds,
  type Peer,
  type PeerVerifier,
  peerOf,
  StreamError,
  statusCodes,
} from '../../ads/index.ts'
import {
  type Authenticator,
  type CertificateAuthority,
  certificateService,
  checkNodeClaim,
  createCertificate,
  formatSpiffeId,
  IdentityRefused,
  type ServerCertificate,
} from '../../identity/index.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface PortOptions {
  readonly ads: AdsServer
  readonly authority: CertificateAuthority
  readonly authenticator: Authenticator
  /** Of the TLS port. */
  readonly certificate: ServerCertificate | undefined
  /** The cluster that a caller means by a name, which may be an alias, or "" where it names none. */
  readonly clusterOf: (name: string) => string | undefined
  readonly tls: Address | undefined
  /** Serves without proof of identity: bound to loopback only. */
  readonly plaintext: Address | undefined
}

/** Open ports, with the numbers that they got. */
export interface Ports {
  readonly tls: Address | undefined
  readonly plaintext: Address | undefined
  close(): void
}

const grpcOptions = {
  // Requests name what a proxy subscribes to: a few megabytes in the largest meshes.
  'grpc.max_receive_message_length': 32 << 20,
  'grpc.max_send_message_length': -1,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
}

/** Rejects if a port is taken, or plaintext is asked for on an address that others can reach. */
export async function openPorts(options: PortOptions): Promise<Ports> {
  const { tls, plaintext, certificate } = options
  if (plaintext && !isLoopback(plaintext.host)) {
    throw new Error(`xDS in plaintext is for loopback only, not for ${plaintext.host}`)
  }
  const servers: Server[] = []
  const open = async (
    address: Address,
    credentials: ServerCredentials,
    certificate: ServerCertificate | undefined,
  ): Promise<Address> => {
    const server = new Server(grpcOptions)
    servers.push(server)
    addAds(server, options.ads, { encrypted: certificate !== undefined })
    if (certificate) addCertificateService(server, options, certificate)
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`${address.host}:${address.port}`, credentials, (error, bound) =>
        error ? reject(error) : resolve(bound),
      )
    })
    return { host: address.host, port }
  }
  try {
    return {
      tls: tls && certificate && (await open(tls, tlsCredentials(options.authority, certificate), certificate)),
      plaintext: plaintext && (await open(plaintext, ServerCredentials.createInsecure(), undefined)),
      close: () => {
        for (const server of servers) server.forceShutdown()
      },
    }
  } catch (error) {
    for (const server of servers) server.forceShutdown()
    throw error
  }
}

const isLoopback = (host: string): boolean => host.startsWith('127.') || host === '::1' || host === 'localhost'

/**
 * Our certificate, and the roots of all clusters for those of the callers; both may change while the port is open. A caller
 * without a certificate is let in as far as TLS goes: it may have a token.
 */
function tlsCredentials(authority: CertificateAuthority, certificate: ServerCertificate): ServerCredentials {
  type CaListener = experimental.CaCertificateUpdateListener
  type IdentityListener = experimental.IdentityCertificateUpdateListener
  const caListeners = new Set<CaListener>()
  const identityListeners = new Set<IdentityListener>()
  const roots = (): { caCertificate: Buffer } => {
    const all = new Set(authority.clusters.flatMap((cluster) => authority.trust(cluster)?.roots ?? []))
    // Without any root Node would take those of the system; no client certificate is from our server's root.
    return { caCertificate: Buffer.from([...all].join('') || certificate.root) }
  }
  const own = (): { certificate: Buffer; privateKey: Buffer } => {
    const { chain, key } = certificate.pem()
    return { certificate: Buffer.from(chain), privateKey: Buffer.from(key) }
  }
  authority.onChange(() => {
    for (const listener of caListeners) listener(roots())
  })
  certificate.onChange(() => {
    for (const listener of identityListeners) listener(own())
  })
  // Told a moment later: the server does not listen to what it is told while it registers.
  const provider: experimental.CertificateProvider = {
    addCaCertificateListener: (listener) => {
      caListeners.add(listener)
      queueMicrotask(() => listener(roots()))
    },
    removeCaCertificateListener: (listener) => void caListeners.delete(listener),
    addIdentityCertificateListener: (listener) => {
      identityListeners.add(listener)
      queueMicrotask(() => listener(own()))
    },
    removeIdentityCertificateListener: (listener) => void identityListeners.delete(listener),
  }
  return experimental.createCertificateProviderServerCredentials(provider, provider, false)
}

function addCertificateService(server: Server, options: PortOptions, certificate: ServerCertificate): void {
  const parts = { ...options, serverRoot: () => certificate.root }
  const sign = async (
    call: ServerUnaryCall<IstioCertificateRequest, IstioCertificateResponse>,
  ): Promise<IstioCertificateResponse> => {
    const peer = peerOf(call, true)
    const named = peer.headers.get('clusterid') ?? ''
    const cluster = options.clusterOf(named)
    if (cluster === undefined) throw new IdentityRefused('denied', `cluster ${named || '(none)'} is not known here`)
    return createCertificate(parts, peer, cluster, call.request)
  }
  server.addService(certificateService, {
    createCertificate: (
      call: ServerUnaryCall<IstioCertificateRequest, IstioCertificateResponse>,
      done: sendUnaryData<IstioCertificateResponse>,
    ) => {
      const answer = async (): Promise<void> => {
        try {
          done(null, await sign(call))
        } catch (error) {
          done(statusOf(error))
        }
      }
      void answer()
    },
  })
}

function statusOf(error: unknown): { code: status; details: string } {
  if (!(error instanceof IdentityRefused)) return { code: status.INTERNAL, details: 'internal error' }
  return { code: codes[error.code], details: error.message }
}

const codes = {
  unauthenticated: statusCodes.unauthenticated,
  denied: statusCodes.permissionDenied,
  invalid: statusCodes.invalidArgument,
} as const

/** Who a proxy is, and that it is the node that it says. On the plaintext port nothing is proved, and nothing asked. */
export function peerVerifier(
  authenticator: Authenticator,
  clusterOf: (name: string) => string | undefined,
): Pick<PeerVerifier, 'verify'> {
  return {
    async verify(peer: Peer, claim): Promise<string | undefined> {
      if (!peer.encrypted) return undefined
      const claimed = claim.metadata['CLUSTER_ID']
      const named = typeof claimed === 'string' ? claimed : (peer.headers.get('clusterid') ?? '')
      try {
        const cluster = clusterOf(named)
        if (cluster === undefined) throw new IdentityRefused('denied', `cluster ${named || '(none)'} is not known here`)
        const proved = await authenticator.authenticate(peer, cluster)
        checkNodeClaim(proved, claim)
        return formatSpiffeId(proved.id)
      } catch (error) {
        if (error instanceof IdentityRefused) throw new StreamError(codes[error.code], error.message, { cause: error })
        throw error
      }
    },
  }
}
