// What a sandbox is made of, as users, the demo and the scenario runner say it.
import type { Static } from 'typebox'
import type { machineSpec, sampleSpec, sandboxSpec } from './spec-file.ts'

export type SandboxSpec = Static<typeof sandboxSpec>
export type SampleSpec = Static<typeof sampleSpec>
export type MachineSpec = Static<typeof machineSpec>

/** A cluster with everything filled in. */
export interface ClusterSpec {
  readonly name: string
  readonly context: string
  /** '': its node has no such label, as those of kind. */
  readonly region: string
  readonly zone: string
  readonly network: string
  readonly management: boolean
  readonly registered: boolean
}

/** Wrong input: exit code 2. */
export class SpecError extends Error {
  override readonly name = 'SpecError'
}

/** The clusters with defaults filled in. Throws `SpecError` if two share a name or a context. */
export function clustersOf(spec: SandboxSpec): ClusterSpec[] {
  const clusters = spec.clusters.map((cluster) => ({
    name: cluster.name,
    context: cluster.context ?? cluster.name,
    region: cluster.region ?? '',
    zone: cluster.zone ?? (cluster.region ? `${cluster.region}-a` : ''),
    network: cluster.network ?? `network-${cluster.name}`,
    management: cluster.management ?? false,
    registered: cluster.registered ?? true,
  }))
  for (const field of ['name', 'context'] as const) {
    const seen = new Set<string>()
    for (const cluster of clusters) {
      if (seen.has(cluster[field])) throw new SpecError(`two clusters have the ${field} ${cluster[field]}`)
      seen.add(cluster[field])
    }
  }
  if (clusters.filter((c) => c.management).length > 1)
    throw new SpecError('only one cluster can be the management cluster')
  return clusters
}
