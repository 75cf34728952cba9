import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Cluster, type Context, KubeConfig, type User } from '@kubernetes/client-node'
import { parse } from 'yaml'

/** A kubeconfig that cannot be used; the message says which, and what to do. */
export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError'
  readonly code = 'kubeconfig'
}

/** How to reach one API server, and as whom. */
export interface Access {
  readonly kube: KubeConfig
  readonly context: string
  /** Without a slash at the end. */
  readonly server: string
}

/** Reads a kubeconfig file. Without `context`, its current one. Throws KubeconfigError. */
export function loadAccess(file: string, context?: string): Access {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new KubeconfigError(`${file}: cannot read the kubeconfig: ${(error as Error).message}`, { cause: error })
  }
  return accessFrom(text, file, context, (kube) => {
    kube.makePathsAbsolute(dirname(file))
    for (const user of kube.users) {
      const config = user.authProvider?.config as { tokenFile?: string } | undefined // Set by `accessFrom`.
      if (config?.tokenFile !== undefined) config.tokenFile = resolve(dirname(file), config.tokenFile)
    }
  })
}

/** As kubectl finds it: $KUBECONFIG, ~/.kube/config, the service account of the pod. Throws KubeconfigError. */
export function defaultAccess(context?: string): Access {
  const kube = new KubeConfig()
  try {
    kube.loadFromDefault()
  } catch (error) {
    throw new KubeconfigError(`cannot read the kubeconfig: ${(error as Error).message}`, { cause: error })
  }
  return choose(kube, 'kubeconfig', context)
}

/**
 * Reads a kubeconfig that came from a cluster (a Secret), that is from whoever may write Secrets there. It may name
 * no commands and no files of this machine, as with Istio's remote secrets. Throws KubeconfigError.
 */
export function accessFromSecret(text: string, where: string, context?: string): Access {
  return accessFrom(text, where, context, (kube) => {
    const refuse = (what: string): never => {
      throw new KubeconfigError(`${where}: a kubeconfig in a Secret must not use ${what}`)
    }
    for (const user of kube.users) {
      if (user.exec !== undefined && user.exec !== null) refuse('exec (commands)')
      if (user.authProvider !== undefined && user.authProvider !== null) refuse('auth-provider')
      if (user.certFile) refuse('client-certificate (a file); use client-certificate-data')
      if (user.keyFile) refuse('client-key (a file); use client-key-data')
    }
    for (const cluster of kube.clusters)
      if (cluster.caFile) refuse('certificate-authority (a file); use certificate-authority-data')
  })
}

function accessFrom(text: string, where: string, context: string | undefined, adapt: (k: KubeConfig) => void): Access {
  const kube = new KubeConfig()
  try {
    kube.loadFromString(text)
    // The library does not know `tokenFile`; its provider of this name reads the file again as it changes.
    const tokenFiles = tokenFilesOf(text)
    for (const user of kube.users) {
      const tokenFile = tokenFiles.get(user.name)
      if (tokenFile !== undefined)
        Object.assign(user, { authProvider: { name: 'tokenFile', config: { tokenFile } } } satisfies Partial<User>)
    }
  } catch (error) {
    throw new KubeconfigError(`${where}: not a kubeconfig: ${(error as Error).message}`, { cause: error })
  }
  adapt(kube)
  return choose(kube, where, context)
}

function tokenFilesOf(text: string): Map<string, string> {
  const byUser = new Map<string, string>()
  if (!text.includes('tokenFile')) return byUser
  const config = parse(text) as { users?: { name: string; user?: { tokenFile?: string } }[] }
  for (const { name, user } of config.users ?? []) if (user?.tokenFile) byUser.set(name, user.tokenFile)
  return byUser
}

function choose(kube: KubeConfig, where: string, context: string | undefined): Access {
  const name = context ?? kube.currentContext ?? kube.contexts[0]?.name
  const known = kube.contexts.map((c: Context) => c.name)
  if (!name) throw new KubeconfigError(`${where}: has no current context; name one with --context`)
  if (!known.includes(name))
    throw new KubeconfigError(`${where}: has no context ${name}; it has ${known.join(', ') || 'none'}`)
  kube.setCurrentContext(name)
  const cluster: Cluster | null = kube.getCurrentCluster()
  if (cluster === null) throw new KubeconfigError(`${where}: context ${name} names a cluster that is not in the file`)
  // The library refuses plain HTTP unless told not to verify; there is nothing to verify there (kubectl proxy).
  if (cluster.server.startsWith('http:')) Object.assign(cluster, { skipTLSVerify: true })
  return { kube, context: name, server: cluster.server.replace(/\/+$/, '') }
}
