import type { Subresource } from './discovery.ts'
import type { Resource } from './resource.ts'

const pod = (name: string, kind: string, verbs: string[], group = '', version = ''): Subresource => ({
  name,
  kind,
  group,
  version,
  verbs,
})

const table: Readonly<Record<string, readonly Subresource[]>> = {
  '/pods': [
    pod('attach', 'PodAttachOptions', ['create', 'get']),
    pod('binding', 'Binding', ['create']),
    pod('ephemeralcontainers', 'Pod', ['get', 'patch', 'update']),
    pod('eviction', 'Eviction', ['create'], 'policy', 'v1'),
    pod('exec', 'PodExecOptions', ['create', 'get']),
    pod('log', 'Pod', ['get']),
    pod('portforward', 'PodPortForwardOptions', ['create', 'get']),
    pod('resize', 'Pod', ['get', 'patch', 'update']),
  ],
  '/namespaces': [pod('finalize', 'Namespace', ['update'])],
  '/serviceaccounts': [pod('token', 'TokenRequest', ['create'], 'authentication.k8s.io', 'v1')],
  'certificates.k8s.io/certificatesigningrequests': [
    pod('approval', 'CertificateSigningRequest', ['get', 'patch', 'update']),
  ],
}

/** Subresources of built-in resources besides status and scale. */
export const otherSubresources = (resource: Resource): readonly Subresource[] =>
  (resource.custom ? undefined : table[`${resource.group}/${resource.names.plural}`]) ?? []
