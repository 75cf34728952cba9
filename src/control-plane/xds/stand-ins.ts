import type { ProxyNode } from '../../ads/index.ts'
import { labelNames, networkOfCluster, podLocality, type World } from '../../discovery/index.ts'
import type { Engine, Table } from '../../pipeline/index.ts'
import type { ClusterRow } from '../cluster-rows.ts'
import type { RehearsedProxy } from './rehearsal.ts'
import type { Placed } from './source.ts'
import type { TrackedWorlds } from './tracked-world.ts'

/** So many proxies stand for all the others of a cluster, at most. */
const most = 500
/** Where there are fewer proxies than this, nothing is gained. */
const worthwhile = 20

/** Of a pod, what its proxy tells of it. */
interface PodFields {
  readonly spec?: { readonly serviceAccountName?: string; readonly nodeName?: string }
  readonly status?: { readonly podIP?: string }
}

/**
 * Proxies as they may connect: for each namespace and locality one, of a pod that says that it has a proxy. Proxies of one
 * namespace and locality are given much the same. `pods`: how many there are in all.
 */
export function standInsOf(world: World): { readonly nodes: readonly ProxyNode[]; readonly pods: number } {
  const cluster = world.primary
  const network = networkOfCluster(world, cluster)
  const byPlace = new Map<string, ProxyNode>()
  let pods = 0
  for (const pod of world.objects(cluster, '/Pod')) {
    const { namespace = '', name, labels = {} } = pod.metadata
    // The table holds pods only.
    const { spec = {}, status = {} } = pod as PodFields
    if (labels[labelNames.tlsMode] !== 'istio' || status.podIP === undefined) continue
    pods++
    const locality = world.get(podLocality, { cluster, key: `${namespace}/${name}` })
    const place = `${namespace} ${locality}`
    if (byPlace.has(place) || byPlace.size >= most) continue
    const [region = '', zone = '', subZone = ''] = locality.split('/')
    byPlace.set(place, {
      id: `sidecar~${status.podIP}~${name}.${namespace}~${namespace}.svc.cluster.local`,
      cluster: name,
      incremental: true,
      identity: undefined,
      locality: { region, zone, subZone },
      metadata: {
        NAME: name,
        NAMESPACE: namespace,
        CLUSTER_ID: cluster,
        INSTANCE_IPS: status.podIP,
        LABELS: labels,
        NETWORK: network,
        NODE_NAME: spec.nodeName ?? '',
        SERVICE_ACCOUNT: spec.serviceAccountName ?? 'default',
      },
    })
  }
  return { nodes: [...byPlace.values()], pods }
}

interface StandInsOptions<P> {
  readonly engine: Engine
  readonly worlds: TrackedWorlds
  readonly clusters: Table<ClusterRow>
  readonly place: (node: ProxyNode) => Placed<P>
  readonly show: (placed: Placed<P>) => RehearsedProxy
}

/** The stand-ins of all clusters that have been read, each to be shown when its turn comes. */
export function defineStandIns<P>(options: StandInsOptions<P>): () => Iterable<() => RehearsedProxy> {
  const { engine, worlds, clusters, place, show } = options
  const ofCluster = engine.define('xds/stand-ins', (read, cluster: string) => standInsOf(worlds.world(read, cluster)))
  return function* () {
    for (const { name, isKnown } of clusters.rows.values()) {
      const { nodes, pods } = isKnown ? engine.get(ofCluster, name) : { nodes: [], pods: 0 }
      if (pods >= worthwhile) for (const node of nodes) yield () => show(place(node))
    }
  }
}
