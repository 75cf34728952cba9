// Kubeconfigs, read by ourselves: the library's module costs 150 MB of memory and a second of start-up, since it brings
// a class for each kind of Kubernetes. Its authenticators are used where a user needs them (`credentials.ts`).
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { parse } from 'yaml'

/** A kubeconfig that cannot be used; the message says which, and what to do. */
export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError'
  readonly code = 'kubeconfig'
}

/** `cluster` of a kubeconfig; names of files are absolute. */
export interface KubeCluster {
  readonly server: string
  readonly 'certificate-authority'?: string
  /** Base64. */
  readonly 'certificate-authority-data'?: string
  readonly 'insecure-skip-tls-verify'?: boolean
  readonly 'tls-server-name'?: string
  readonly 'proxy-url'?: string
}

/** `user` of a kubeconfig; names of files are absolute. */
export interface KubeUser {
  readonly 'client-certificate'?: string
  /** Base64. */
  readonly 'client-certificate-data'?: string
  readonly 'client-key'?: string
  readonly 'client-key-data'?: string
  readonly token?: string
  readonly tokenFile?: string
  readonly username?: string
  readonly password?: string
  readonly as?: string
  readonly exec?: object
  readonly 'auth-provider'?: object
}

/** How to reach one API server, and as whom. */
export interface Access {
  readonly context: string
  /** Without a slash at the end. */
  readonly server: string
  readonly cluster: KubeCluster
  readonly user: KubeUser
}

interface Named<K extends string, V> {
  readonly entries: readonly (Record<K, V | undefined> & { readonly name: string })[]
}

interface Kubeconfig {
  readonly 'current-context'?: string
  readonly contexts?: Named<'context', { cluster?: string; user?: string }>['entries']
  readonly clusters?: Named<'cluster', KubeCluster>['entries']
  readonly users?: Named<'user', KubeUser>['entries']
}

/** Reads a kubeconfig file. Without `context`, its current one. Throws KubeconfigError. */
export function loadAccess(file: string, context?: string): Access {
  return choose(readConfig(file), file, context)
}

/** As kubectl finds it: $KUBECONFIG, ~/.kube/config, the service account of the pod. Throws KubeconfigError. */
export function defaultAccess(context?: string, env: NodeJS.ProcessEnv = process.env): Access {
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '')
  const files = listed.length > 0 ? listed : [join(homedir(), '.kube', 'config')].filter((file) => existsSync(file))
  if (files.length === 0) return podAccess(env)
  // Of two entries of one name, that of the first file counts.
  const configs = files.filter((file) => files.length === 1 || existsSync(file)).map((file) => readConfig(file))
  const current = configs.find((config) => config['current-context'])?.['current-context']
  const merged: Kubeconfig = {
    ...(current && { 'current-context': current }),
    contexts: configs.flatMap((config) => config.contexts ?? []),
    clusters: configs.flatMap((config) => config.clusters ?? []),
    users: configs.flatMap((config) => config.users ?? []),
  }
  return choose(merged, files.join(delimiter), context)
}

/**
 * Reads a kubeconfig that came from a cluster (a Secret), that is from whoever may write Secrets there. It may name
 * no commands and no files of this machine, as with Istio's remote secrets. Throws KubeconfigError.
 */
export function accessFromSecret(text: string, where: string, context?: string): Access {
  const config = parseConfig(text, where)
  const refuse = (what: string): never => {
    throw new KubeconfigError(`${where}: a kubeconfig in a Secret must not use ${what}`)
  }
  for (const { user } of config.users ?? []) {
    if (user?.exec) refuse('exec (commands)')
    if (user?.['auth-provider']) refuse('auth-provider')
    if (user?.['client-certificate']) refuse('client-certificate (a file); use client-certificate-data')
    if (user?.['client-key']) refuse('client-key (a file); use client-key-data')
    if (user?.tokenFile) refuse('tokenFile (a file); use token')
  }
  for (const { cluster } of config.clusters ?? [])
    if (cluster?.['certificate-authority']) refuse('certificate-authority (a file); use certificate-authority-data')
  return choose(config, where, context)
}

function readConfig(file: string): Kubeconfig {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new KubeconfigError(`${file}: cannot read the kubeconfig: ${(error as Error).message}`, { cause: error })
  }
  const config = parseConfig(text, file)
  const folder = dirname(file)
  return {
    ...config,
    clusters: (config.clusters ?? []).map((entry) => ({
      ...entry,
      cluster: entry.cluster && absolute(entry.cluster, ['certificate-authority'], folder),
    })),
    users: (config.users ?? []).map((entry) => ({
      ...entry,
      user: entry.user && absolute(entry.user, ['client-certificate', 'client-key', 'tokenFile'], folder),
    })),
  }
}

function parseConfig(text: string, where: string): Kubeconfig {
  let config: unknown
  try {
    config = parse(text)
  } catch (error) {
    throw new KubeconfigError(`${where}: not a kubeconfig: ${(error as Error).message}`, { cause: error })
  }
  const lists = ['contexts', 'clusters', 'users'] as const
  const isConfig = (value: unknown): value is Kubeconfig =>
    typeof value === 'object' &&
    value !== null &&
    lists.every((list) => (value as Kubeconfig)[list] === undefined || Array.isArray((value as Kubeconfig)[list]))
  if (!isConfig(config))
    throw new KubeconfigError(`${where}: not a kubeconfig: it has no lists of contexts and clusters`)
  return config
}

function absolute<T extends object>(value: T, fields: readonly (keyof T & string)[], folder: string): T {
  const changed = fields.flatMap((field) => {
    const path = value[field]
    return typeof path === 'string' && path !== '' ? [[field, resolve(folder, path)] as const] : []
  })
  return { ...value, ...Object.fromEntries(changed) }
}

function choose(config: Kubeconfig, where: string, context: string | undefined): Access {
  const contexts = config.contexts ?? []
  const name = context ?? config['current-context'] ?? contexts[0]?.name
  if (!name) throw new KubeconfigError(`${where}: has no current context; name one with --context`)
  const chosen = contexts.find((entry) => entry.name === name)?.context
  const known = contexts.map((entry) => entry.name)
  if (!chosen) throw new KubeconfigError(`${where}: has no context ${name}; it has ${known.join(', ') || 'none'}`)
  const cluster = config.clusters?.find((entry) => entry.name === chosen.cluster)?.cluster
  if (!cluster?.server)
    throw new KubeconfigError(`${where}: context ${name} names a cluster that is not in the file: ${chosen.cluster}`)
  if (!URL.canParse(cluster.server))
    throw new KubeconfigError(`${where}: the server of context ${name} is not a URL: ${cluster.server}`)
  const user = config.users?.find((entry) => entry.name === chosen.user)?.user
  if (chosen.user && user === undefined)
    throw new KubeconfigError(`${where}: context ${name} names a user that is not in the file: ${chosen.user}`)
  return { context: name, server: cluster.server.replace(/\/+$/, ''), cluster, user: user ?? {} }
}

const account = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Inside of a pod: its service account. */
function podAccess(env: NodeJS.ProcessEnv): Access {
  const [host, port] = [env['KUBERNETES_SERVICE_HOST'], env['KUBERNETES_SERVICE_PORT'] ?? '443']
  if (host === undefined || !existsSync(`${account}/token`))
    throw new KubeconfigError(
      'no kubeconfig: neither $KUBECONFIG nor ~/.kube/config is there; name one with --kubeconfig',
    )
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  const cluster = { server, 'certificate-authority': `${account}/ca.crt` }
  return { context: 'in-cluster', server, cluster, user: { tokenFile: `${account}/token` } }
}
