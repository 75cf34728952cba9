import { readFileSync } from 'node:fs'
import type { Agent } from 'node:http'
import type { AgentOptions, RequestOptions } from 'node:https'
import type { Access } from './kubeconfig.ts'

export type TlsIdentity = Pick<AgentOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>

/** What goes with a request, so that the server knows who asks, and we know the server. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>
  readonly tls: TlsIdentity
  /** Only where the way leads through a proxy. */
  readonly agent?: Agent
}

/** Files are read anew after this: tokens and certificates are renewed on disk. */
const rereadMs = 30_000

/**
 * The credentials of a kubeconfig, as they are now. Tokens, passwords and certificates are read here; what needs more
 * (commands, OIDC, proxies) is the library's part, which is loaded only then.
 */
export class CredentialSource {
  readonly #access: Access
  #kept: { readonly credentials: Credentials; readonly untilMs: number } | undefined
  #library: Promise<(options: RequestOptions) => Promise<void>> | undefined

  constructor(access: Access) {
    this.#access = access
  }

  /** Throws if a file, a command or an issuer fails. */
  async get(): Promise<Credentials> {
    const { user, cluster } = this.#access
    if (user.exec || user['auth-provider'] || cluster['proxy-url']) return this.#fromLibrary()
    if (this.#kept === undefined || performance.now() > this.#kept.untilMs)
      this.#kept = { credentials: this.#read(), untilMs: performance.now() + rereadMs }
    return this.#kept.credentials
  }

  /** The server refused: look at the files again. */
  forget(): void {
    this.#kept = undefined
  }

  #read(): Credentials {
    const { user, cluster } = this.#access
    const token = user.tokenFile ? readFileSync(user.tokenFile, 'utf8').trim() : user.token
    const basic = user.username === undefined ? undefined : `${user.username}:${user.password ?? ''}`
    const authorization = token ? `Bearer ${token}` : basic && `Basic ${Buffer.from(basic, 'utf8').toString('base64')}`
    const ca = contentOf(cluster['certificate-authority-data'], cluster['certificate-authority'])
    const cert = contentOf(user['client-certificate-data'], user['client-certificate'])
    const key = contentOf(user['client-key-data'], user['client-key'])
    return {
      headers: {
        ...(authorization && { Authorization: authorization }),
        ...(user.as && { 'Impersonate-User': user.as }),
      },
      tls: {
        ...(ca && { ca }),
        ...(cert && { cert }),
        ...(key && { key }),
        ...(cluster['insecure-skip-tls-verify'] && { rejectUnauthorized: false }),
        ...(cluster['tls-server-name'] && { servername: cluster['tls-server-name'] }),
      },
    }
  }

  async #fromLibrary(): Promise<Credentials> {
    this.#library ??= loadLibrary(this.#access)
    const options: RequestOptions = {}
    await (await this.#library)(options)
    const { ca, cert, key, rejectUnauthorized, servername, agent } = options
    return {
      headers: (options.headers ?? {}) as Record<string, string>, // The library sets texts.
      tls: {
        ...(ca && { ca }),
        ...(cert && { cert }),
        ...(key && { key }),
        ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
        ...(servername && { servername }),
      },
      ...(this.#access.cluster['proxy-url'] && agent && { agent: agent as Agent }),
    }
  }
}

async function loadLibrary({ cluster, user }: Access): Promise<(options: RequestOptions) => Promise<void>> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  // It refuses plain HTTP unless told not to verify; there is nothing to verify there.
  const isPlain = cluster.server.startsWith('http:')
  config.loadFromString(
    JSON.stringify({
      clusters: [{ name: 'c', cluster: isPlain ? { ...cluster, 'insecure-skip-tls-verify': true } : cluster }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  )
  return (options) => config.applyToHTTPSOptions(options)
}

/** Of a pair of fields of which the data counts before the file. */
function contentOf(data: string | undefined, file: string | undefined): Buffer | undefined {
  if (data) return Buffer.from(data, 'base64')
  return file ? readFileSync(file) : undefined
}
