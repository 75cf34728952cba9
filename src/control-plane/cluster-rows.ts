import type { FleetCluster } from '../clusters/index.ts'

/** What the pipeline knows of a cluster, beside its objects. */
export interface ClusterRow {
  readonly name: string
  /** Other names of the same cluster; proxies and remote secrets may use any of them. */
  readonly aliases: readonly string[]
  /** It holds the dialects' objects and the registrations. */
  readonly isManagement: boolean
  /** uid of its namespace kube-system; undefined until it answered for the first time. */
  readonly uid: string | undefined
  /** Its objects are known, from itself or from before. */
  readonly isKnown: boolean
  /** Since when its API does not answer (RFC 3339). */
  readonly staleSince: string | undefined
}

export function clusterRow(cluster: FleetCluster, managementMember: string): ClusterRow {
  const { name, aliases, state } = cluster
  return {
    name,
    aliases,
    isManagement: name === managementMember || aliases.includes(managementMember),
    uid: state.uid,
    isKnown: state.synced || (state.staleSince !== undefined && state.uid !== undefined),
    staleSince: state.staleSince,
  }
}

export function sameClusterRow(a: ClusterRow, b: ClusterRow): boolean {
  return (
    a.name === b.name &&
    a.aliases.join() === b.aliases.join() &&
    a.isManagement === b.isManagement &&
    a.uid === b.uid &&
    a.isKnown === b.isKnown &&
    a.staleSince === b.staleSince
  )
}
