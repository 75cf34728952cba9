// The two ports of the xDS server: TLS, where callers prove who they are, and plaintext on loopback, where they need not.
import {
  type AdsServer,
  adsMethods,
  type GrpcMethods,
  GrpcServer,
  type Peer,
  type PeerVerifier,
  StreamError,
  statusCodes,
  type TlsSource,
} from '../../ads/index.ts'
import {
  type Authenticator,
  type CertificateAuthority,
  certificatePath,
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

/** Rejects if a port is taken, or plaintext is asked for on an address that others can reach. */
export async function openPorts(options: PortOptions): Promise<Ports> {
  const { tls, plaintext, certificate } = options
  if (plaintext && !isLoopback(plaintext.host)) {
    throw new Error(`xDS in plaintext is for loopback only, not for ${plaintext.host}`)
  }
  const servers: GrpcServer[] = []
  const open = async (address: Address, methods: GrpcMethods, source: TlsSource | undefined): Promise<Address> => {
    const server = new GrpcServer(methods, source)
    servers.push(server)
    return { host: address.host, port: await server.listen(address.host, address.port) }
  }
  const close = (): void => {
    for (const server of servers) server.close()
  }
  const streaming = adsMethods(options.ads)
  try {
    const unary = new Map(certificate && [[certificatePath, certificateMethod(options, certificate)]])
    return {
      tls: tls && certificate && (await open(tls, { streaming, unary }, tlsSource(options.authority, certificate))),
      plaintext: plaintext && (await open(plaintext, { streaming, unary: new Map() }, undefined)),
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

const isLoopback = (host: string): boolean => host.startsWith('127.') || host === '::1' || host === 'localhost'

/** Our certificate, and the roots of all clusters for those of the callers; both may change while the port is open. */
function tlsSource(authority: CertificateAuthority, certificate: ServerCertificate): TlsSource {
  return {
    context() {
      const { chain: cert, key } = certificate.pem()
      const roots = new Set(authority.clusters.flatMap((cluster) => authority.trust(cluster)?.roots ?? []))
      // Without any root Node would take those of the system; no client certificate is from our server's root.
      return { key, cert, ca: [...roots].join('') || certificate.root }
    },
    onChange(changed) {
      const stops = [authority.onChange(changed), certificate.onChange(changed)]
      return () => {
        for (const stop of stops) stop()
      }
    },
  }
}

function certificateMethod(
  options: PortOptions,
  certificate: ServerCertificate,
): (peer: Peer, message: Uint8Array) => Promise<Uint8Array> {
  const parts = { ...options, serverRoot: () => certificate.root }
  return (peer, message) => {
    const named = peer.headers.get('clusterid') ?? ''
    return refusing(() => createCertificate(parts, peer, known(options.clusterOf, named), message))
  }
}

function known(clusterOf: (name: string) => string | undefined, named: string): string {
  const cluster = clusterOf(named)
  if (cluster === undefined) throw new IdentityRefused('denied', `cluster ${named || '(none)'} is not known here`)
  return cluster
}

/** Tells callers why they are refused, in gRPC's words. */
async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof IdentityRefused) throw new StreamError(codes[error.code], error.message, { cause: error })
    throw error
  }
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
      return refusing(async () => {
        const proved = await authenticator.authenticate(peer, known(clusterOf, named))
        checkNodeClaim(proved, claim)
        return formatSpiffeId(proved.id)
      })
    },
  }
}
