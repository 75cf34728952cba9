// Who must trust whom: calls between clusters need one root. Clusters whose Envoys Fairlead drives get one, unless their
// users brought certificates of their own.
import type { ObjectRef, Problem } from '../../report/index.ts'
import { asText, at, type VirtualMesh } from '../shared/index.ts'
import type { TsbCluster } from './clusters.ts'
import type { Hierarchy } from './hierarchy.ts'
import type { SharedService } from './remote-services.ts'

/** Clusters that are to share a root. */
export interface SharedRoot {
  /** The object on account of which they do. */
  readonly object: ObjectRef
  readonly trust: NonNullable<VirtualMesh['trust']>
  readonly members: readonly TsbCluster[]
}

const systemNamespace = 'istio-system'
/** Namespace on the management cluster in which the root is kept. */
const rootNamespace = 'fairlead-system'

export function sharedRoot(hierarchy: Hierarchy, clusters: readonly TsbCluster[]): SharedRoot | undefined {
  const owner = [...hierarchy.all('Organization'), ...hierarchy.all('Tenant'), ...hierarchy.all('Workspace')][0]
  const members = clusters.filter((cluster) => cluster.isOurs && givenRoot(cluster) === undefined)
  if (owner === undefined || members.length < 2) return undefined
  const { organization } = owner.place
  const root = {
    kind: 'generated' as const,
    secret: { name: 'tsb-root-ca', namespace: rootNamespace },
    secretType: 'Opaque',
    secretKeys: ['root-cert.pem', 'ca-cert.pem', 'ca-key.pem', 'cert-chain.pem'],
    ttlDays: 3650,
    keyBits: 2048,
    organization: organization || owner.name,
  }
  const intermediate = { ttlDays: 365, keyBits: 2048, organization: root.organization, renewRatio: 0.1 }
  return { object: owner.ref, members, trust: { root, intermediate, autoRestartPods: false } }
}

/** Root of a cluster's `cacerts`, which its user brought. */
function givenRoot({ facts }: TsbCluster): string | undefined {
  const secret = facts.object('/Secret', `${systemNamespace}/cacerts`)
  return asText(at(secret, 'data', 'root-cert.pem')) || undefined
}

/** What tells the root of a cluster; undefined if it is not known. */
function rootOf(cluster: TsbCluster): string | undefined {
  const given = givenRoot(cluster)
  if (given !== undefined) return given
  if (cluster.isOurs) return 'shared'
  const map = cluster.facts.object('/ConfigMap', `${systemNamespace}/istio-ca-root-cert`)
  const text = asText(at(map, 'data', 'root-cert.pem'))
  return text === '' ? undefined : btoa(text)
}

/** Whether two clusters have the same root, as far as that is known. */
export function mayTrust(one: TsbCluster, other: TsbCluster): boolean {
  const [a, b] = [rootOf(one), rootOf(other)]
  return a === undefined || b === undefined || sameText(a, b)
}

/** Calls that are not sent, because they would fail: told before anybody needs them. */
export function trustProblems(shared: readonly SharedService[]): Problem[] {
  const pairs = new Map<string, Problem>()
  for (const { client, strangers } of shared)
    for (const { cluster, workspace } of strangers) {
      const object = workspace.setting?.ref
      if (object === undefined) continue
      const message = mayTrust(client, cluster)
        ? `the proxies of cluster ${client.name} cannot verify those of cluster ${cluster.name} yet; nothing fails over there until they can`
        : `clusters ${client.name} and ${cluster.name} do not share a root of trust, so nothing fails over between them; ` +
          `give both the same root in Secret ${systemNamespace}/cacerts`
      const path = 'spec.defaultEastWestGatewaySettings'
      pairs.set(`${workspace.key} ${message}`, { code: 'conflict', severity: 'warning', object, path, message })
    }
  return [...pairs.values()]
}

/** White space at the end does not make another certificate. */
function sameText(a: string, b: string): boolean {
  const bare = (text: string): string => text.replace(/(Cg==|Cg|=)*$/, '')
  return bare(a) === bare(b)
}
