// Clusters that exist already: `--on NAME=KUBECONFIG[#CONTEXT]`.
import { readFileSync } from 'node:fs'
import { loadAccess } from '../../clusters/index.ts'
import type { ClusterAccess } from './kubeconfig.ts'
import { SpecError } from './spec.ts'

/** The access that a context of a kubeconfig gives, with the contents of the files that it names. */
export function kubeconfigAccess(file: string, context?: string): ClusterAccess {
  const access = loadAccess(file, context)
  const cluster = access.kube.getCurrentCluster()
  const user = access.kube.getCurrentUser()
  if (!cluster || !user) throw new SpecError(`${file}: context ${access.context} has no cluster or no user`)
  const data = (inline: string | undefined, path: string | undefined): string | undefined =>
    inline ?? (path === undefined ? undefined : readFileSync(path).toString('base64'))
  const authority = data(cluster.caData, cluster.caFile)
  const parts = {
    'client-certificate-data': data(user.certData, user.certFile),
    'client-key-data': data(user.keyData, user.keyFile),
    token: user.token,
    username: user.username,
    password: user.password,
    exec: user.exec as unknown,
  }
  return {
    context: access.context,
    server: access.server,
    certificateAuthority: authority === undefined ? '' : Buffer.from(authority, 'base64').toString(),
    user: Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined && value !== null)),
  }
}

/** Reads `NAME=KUBECONFIG[#CONTEXT]`. Throws `SpecError`. */
export function parseOn(text: string): { name: string; access: ClusterAccess } {
  const [, name, file, context] = /^([^=]+)=([^#]+)(?:#(.+))?$/.exec(text) ?? []
  if (name === undefined || file === undefined) throw new SpecError(`--on ${text}: write NAME=KUBECONFIG[#CONTEXT]`)
  return { name, access: kubeconfigAccess(file, context) }
}
