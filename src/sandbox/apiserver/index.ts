// An embedded Kubernetes API server: in process, on a port of its own, its objects in a file.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createAuthenticator } from './auth/authenticate.ts'
import { createAuthority, issueClient, issueServing, type KeyPair } from './auth/authority.ts'
import { createSigningKey, TokenSigner } from './auth/tokens.ts'
import { bootstrap } from './bootstrap.ts'
import type { Core, User } from './core.ts'
import { followDefinitions } from './crd/lifecycle.ts'
import { builtinResources } from './kinds/index.ts'
import { ServicePool } from './kinds/service-pool.ts'
import { Registry } from './registry.ts'
import { HttpServer } from './server.ts'
import { Store } from './store.ts'

export interface ApiServerOptions {
  /** Folder of the cluster's files; made where it is missing. A server started on the same folder goes on where the last ended. */
  readonly dataDir: string
  /** Address to listen on; 127.0.0.1 where absent. */
  readonly host?: string
  /** Port to listen on; 0 (where absent) takes a free one. */
  readonly port?: number
  /** More names and addresses that the serving certificate is good for. */
  readonly alternativeNames?: readonly string[]
  /** How the server proves itself to kubelets when it passes on logs, exec and port-forward: a bearer token. */
  readonly kubelet?: { readonly token: string }
  /** Addresses of services; 10.96.0.0/16 where absent. Keep it the same over restarts. */
  readonly serviceRange?: string
  /** Told of failures that are the server's own; written to standard error where absent. */
  onError?(error: unknown): void
}

/** Proof of one identity, in both forms that a kubeconfig may carry. */
export interface Credential {
  readonly token: string
  readonly clientCertificatePem: string
  readonly clientKeyPem: string
}

export interface ApiServer {
  readonly url: string
  readonly port: number
  /** The cluster's certificate authority: `certificate-authority-data` once base64 encoded. */
  readonly caPem: string
  /**
   * Makes a credential of a user. Groups decide what it may do (`system:masters`: everything); it stays good over
   * restarts.
   */
  issueCredential(user: string, groups: readonly string[]): Promise<Credential>
  close(): Promise<void>
}

/** Starts a server. Rejects where the port is taken or the files cannot be used. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const host = options.host ?? '127.0.0.1'
  mkdirSync(options.dataDir, { recursive: true })
  const store = new Store(join(options.dataDir, 'cluster.sqlite'))
  try {
    const authority = await kept(store, 'authority', () => createAuthority('kubernetes'))
    const signer = new TokenSigner((await kept(store, 'signing-key', async () => ({ pem: createSigningKey() }))).pem)
    let server: HttpServer | undefined
    const core: Core = {
      store,
      registry: new Registry(builtinResources),
      signer,
      authenticator: createAuthenticator(store, signer, new Map<string, User>()),
      services: new ServicePool(options.serviceRange ?? '10.96.0.0/16', store),
      endWatches: (storage) => server?.endWatches(storage),
      kubeletToken: options.kubelet?.token ?? '',
    }
    await bootstrap(core)
    const onError = (error: unknown): void =>
      options.onError ? options.onError(error) : console.error('apiserver:', error)
    const stopFollowing = followDefinitions(core, onError)
    const names = [
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      'localhost',
      '127.0.0.1',
    ]
    const serving = await issueServing(authority, [...new Set([...names, host, ...(options.alternativeNames ?? [])])])
    const http = new HttpServer({ core, serving, caPem: authority.certificatePem, onError })
    server = http
    const port = await http.listen(host, options.port ?? 0)
    return {
      url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      port,
      caPem: authority.certificatePem,
      issueCredential: (user, groups) => credential(authority, signer, user, groups),
      async close() {
        stopFollowing()
        await http.close()
        store.close()
      },
    }
  } catch (error) {
    store.close()
    throw error
  }
}

async function credential(
  authority: KeyPair,
  signer: TokenSigner,
  user: string,
  groups: readonly string[],
): Promise<Credential> {
  const pair = await issueClient(authority, user, groups)
  return {
    token: signer.issueUser(user, groups),
    clientCertificatePem: pair.certificatePem,
    clientKeyPem: pair.keyPem,
  }
}

/** A value that is made once in the life of a cluster. */
async function kept<T>(store: Store, name: string, make: () => Promise<T>): Promise<T> {
  const text = store.state(name)
  if (text !== undefined) return JSON.parse(text) as T
  const made = await make()
  store.setState(name, JSON.stringify(made))
  return made
}
