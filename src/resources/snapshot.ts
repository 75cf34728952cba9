import type { KubeObject } from './kube-object.ts'

/**
 * What is known of one cluster at one moment: its objects by `group/Kind`, then by `namespace/name`.
 * Never mutated; a change makes a new one that shares the maps that did not change.
 */
export interface ClusterSnapshot {
  readonly name: string
  /** Since when the cluster's API cannot be reached (RFC 3339); undefined while it can (design D7). */
  readonly staleSince?: string
  readonly objects: ReadonlyMap<string, ReadonlyMap<string, KubeObject>>
}

/** All clusters, by name. The order of the map is of no meaning. */
export interface Snapshot {
  readonly clusters: ReadonlyMap<string, ClusterSnapshot>
}

const none: ReadonlyMap<string, KubeObject> = new Map()

/** The objects of one kind (`group/Kind`, any version) in a cluster, by `namespace/name`. */
export function objectsOf(cluster: ClusterSnapshot | undefined, kind: string): ReadonlyMap<string, KubeObject> {
  return cluster?.objects.get(kind) ?? none
}
