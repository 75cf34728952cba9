import type { TrustGroup } from '../../dialects/index.ts'
import { labelNames, namespaceOf, systemNamespace, trustDomainOf } from '../../discovery/index.ts'
import type { AuthorityOptions, RootSource, SecretName } from '../../identity/index.ts'
import type { Engine, Query, Read, Table } from '../../pipeline/index.ts'
import type { ClusterRow } from '../cluster-rows.ts'
import type { ObjectTables } from './object-tables.ts'
import type { TrackedWorlds } from './tracked-world.ts'
import type { WantedTrust } from './trust.ts'
import { vaultSettings } from './vault.ts'

/** On the system namespace of a cluster whose Envoys are ours to drive: no istiod is there. */
const dataPlaneLabel = { name: labelNames.dataPlane, value: 'envoy' } as const

const day = 24 * 3600_000

export interface TrustInputs {
  readonly engine: Engine
  readonly tables: ObjectTables
  readonly worlds: TrackedWorlds
  readonly clusters: Table<ClusterRow>
  /** VirtualMeshes in force that share a root. */
  readonly groups: Query<string, readonly TrustGroup[]>
  /** Whether a cluster that is in none of them may belong to one all the same. */
  readonly isUnsettled: Query<string, boolean>
}

/** For each cluster whose proxies are ours: its trust domain, its root, and the state of the Secrets that hold them. */
export function defineWantedTrust(inputs: TrustInputs): Query<string, readonly WantedTrust[]> {
  const { engine, tables, worlds, clusters, groups, isUnsettled } = inputs
  return engine.define<string, readonly WantedTrust[]>(
    'xds/wanted-trust',
    (read) => {
      const rows = read.all(clusters)
      const management = rows.find(({ isManagement }) => isManagement)?.name ?? ''
      return rows
        .filter(({ name, isKnown }) => isKnown && isOurs(read, worlds, name))
        .map(({ name: cluster, aliases }) => {
          const group = read
            .query(groups, '')
            .find(({ members }) => members.some((m) => m.cluster === cluster || aliases.includes(m.cluster)))
          const root = rootOf(group, management, read.query(isUnsettled, ''))
          const trustDomain = trustDomainOf(worlds.world(read, cluster), cluster)
          const seen = secretsOf(root, cluster, management).map((at) => revision(read, tables, at))
          return { cluster, settings: { trustDomain, root }, seen: seen.join(' ') }
        })
    },
    { equals: (a, b) => JSON.stringify(a) === JSON.stringify(b) },
  )
}

/** Whether proxies of a cluster are Fairlead's to drive. */
export function isOurs(read: Read, worlds: TrackedWorlds, cluster: string): boolean {
  const { labels } = namespaceOf(worlds.world(read, cluster), cluster, systemNamespace)
  return labels[dataPlaneLabel.name] === dataPlaneLabel.value
}

/** The Secrets on which a cluster's authority depends. */
function secretsOf(root: RootSource, cluster: string, management: string): SecretName[] {
  const own = ['fairlead-ca', 'cacerts', 'istio-ca-secret'].map((name) => ({
    cluster,
    namespace: systemNamespace,
    name,
  }))
  if (root.kind === 'shared') return [...own, root.secret]
  if (root.kind !== 'vault' || root.vault.login?.kind !== 'token') return own
  const token = root.vault.login.secret
  return [...own, { cluster, ...token }, { cluster: management, ...token }]
}

function revision(read: Read, tables: ObjectTables, { cluster, namespace, name }: SecretName): string {
  return read.get(tables.table(cluster, '/Secret'), `${namespace}/${name}`)?.metadata.resourceVersion ?? '-'
}

function rootOf(group: TrustGroup | undefined, management: string, isUnsettled: boolean): RootSource {
  if (!group) return { kind: isUnsettled ? 'keep' : 'own' }
  const { root, intermediate } = group.trust
  if (root.kind === 'vault')
    return { kind: 'vault', vault: vaultSettings(root.vault), intermediate: authorityOptions(intermediate) }
  const secret = { cluster: management, namespace: root.secret.namespace, name: root.secret.name }
  return {
    kind: 'shared',
    secret,
    generate: root.kind === 'generated' ? authorityOptions(root) : undefined,
    intermediate: authorityOptions(intermediate),
  }
}

/** Keys of RSA take seconds to make, and longer to verify with each new connection: only who asks for them gets them. */
function authorityOptions(said: {
  readonly ttlDays: number
  readonly keyBits: number | undefined
  readonly organization: string
}): AuthorityOptions {
  const { ttlDays, keyBits: rsaBits, organization } = said
  return { organization, keyKind: rsaBits === undefined ? 'ecdsa-p256' : { rsaBits }, ttlMs: ttlDays * day }
}
