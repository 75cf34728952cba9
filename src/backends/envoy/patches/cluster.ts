// Patches of clusters.
import { clone } from '@bufbuild/protobuf'
import { type Cluster, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { parseOutboundName } from '../names.ts'
import { mergeSocket } from './listener.ts'
import { mergeInto } from './merge.ts'
import { mergeOf, type Patch, type Patches, valueOf } from './patch.ts'

/** A cluster after its patches; undefined if one removes it. `hosts`: the services of an inbound cluster. */
export function patchCluster(patches: Patches, given: Cluster, hosts: readonly string[] = []): Cluster | undefined {
  const fitting = patches.of('CLUSTER').filter((patch) => isCluster(given.name, hosts, patch))
  if (fitting.length === 0) return given
  const cluster = clone(ClusterSchema, given)
  for (const patch of fitting) {
    const lists = mergeOf(patch)
    if (patch.operation !== 'REMOVE' && !lists) continue
    patches.applied(patch)
    if (!lists) return undefined
    for (const value of valueOf(patch)) {
      placeSocket(cluster, value, lists)
      mergeInto(ClusterSchema, cluster, value, lists)
    }
  }
  return cluster
}

/**
 * Takes the transport socket out of a patch, and puts it where it belongs: it is merged into one of its name, among those
 * that are chosen by endpoint too. Where those are and none has its name, it has no place; else it replaces the cluster's.
 */
function placeSocket(cluster: Cluster, patch: Cluster, lists: 'append' | 'replace'): void {
  const { transportSocket: wanted } = patch
  if (!wanted) return
  delete patch.transportSocket
  const choices = cluster.transportSocketMatches.map(({ transportSocket }) => transportSocket)
  const own = choices.length > 0 ? choices.find((each) => each?.name === wanted.name) : cluster.transportSocket
  if (!mergeSocket(own, wanted, lists) && choices.length === 0) cluster.transportSocket = wanted
}

/** The clusters that patches add. */
export function addedClusters(patches: Patches): Cluster[] {
  return patches
    .of('CLUSTER')
    .filter((patch) => patch.operation === 'ADD' && patches.adds(patch))
    .flatMap((patch) => {
      patches.applied(patch)
      return valueOf(patch)
    })
}

function isCluster(own: string, hosts: readonly string[], { match }: Patch<'CLUSTER'>): boolean {
  const { name = '', service = '', subset = '', portNumber = 0 } = match.cluster ?? {}
  if (name !== '') return name === own
  const outbound = parseOutboundName(own)
  const inboundPort = /^inbound\|(\d+)\|/.exec(own)?.[1]
  const names = inboundPort === undefined ? [outbound?.host ?? ''] : hosts
  const port = outbound?.port ?? Number(inboundPort ?? 0)
  return (
    (subset === '' || subset === (outbound?.subset ?? '')) &&
    (service === '' || names.includes(service)) &&
    (portNumber === 0 || portNumber === port)
  )
}
