// Clusters that exist already: `--on NAME=KUBECONFIG[#CONTEXT]`.
import { readFileSync } from 'node:fs'
import { loadAccess } from '../../clusters/index.ts'
import type { ClusterAccess } from './kubeconfig.ts'
import { SpecError } from './spec.ts'

/** The access that a context of a kubeconfig gives, with the contents of the files that it names. */
export function kubeconfigAccess(file: string, context?: string): ClusterAccess {
  const { context: name, server, cluster, user } = loadAccess(file, context)
  const data = (inline: string | undefined, path: string | undefined): string | undefined =>
    inline ?? (path === undefined ? undefined : readFileSync(path).toString('base64'))
  const authority = data(cluster['certificate-authority-data'], cluster['certificate-authority'])
  const parts = {
    'client-certificate-data': data(user['client-certificate-data'], user['client-certificate']),
    'client-key-data': data(user['client-key-data'], user['client-key']),
    token: user.token,
    tokenFile: user.tokenFile,
    username: user.username,
    password: user.password,
    exec: user.exec,
  }
  const { 'certificate-authority': _file, 'certificate-authority-data': _data, server: _server, ...rest } = cluster
  return {
    context: name,
    server,
    cluster: rest,
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
