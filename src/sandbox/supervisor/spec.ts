// What a sandbox is made of, as users, the demo and the scenario runner say it.
import { readFileSync } from 'node:fs'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { parse } from 'yaml'

const strict = { additionalProperties: false }

const sampleSpec = Type.Object(
  {
    context: Type.String(),
    sample: Type.String(),
    namespace: Type.String(),
    only: Type.Optional(Type.Array(Type.String())),
    replicas: Type.Optional(Type.Integer({ minimum: 0 })),
    noSidecar: Type.Optional(Type.Boolean()),
  },
  strict,
)

const clusterSpec = Type.Object(
  {
    /** Name under which the mesh knows the cluster. */
    name: Type.String({ pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' }),
    /** Context of the generated kubeconfig; the cluster's name if not given. */
    context: Type.Optional(Type.String({ minLength: 1 })),
    region: Type.Optional(Type.String()),
    zone: Type.Optional(Type.String()),
    /** Network of its pods; one of its own if not given. */
    network: Type.Optional(Type.String()),
    /** Holds the objects of users who govern all clusters from one. */
    management: Type.Optional(Type.Boolean()),
    /** False: it is not part of the mesh. */
    registered: Type.Optional(Type.Boolean()),
  },
  strict,
)

const vmSpec = Type.Object(
  {
    name: Type.String(),
    address: Type.Optional(Type.String()),
    cluster: Type.String(),
    serviceAccount: Type.String(),
    sample: Type.Optional(Type.String()),
  },
  strict,
)

const sandboxSpec = Type.Object(
  {
    clusters: Type.Array(clusterSpec, { minItems: 1 }),
    vms: Type.Optional(Type.Array(vmSpec)),
    samples: Type.Optional(Type.Array(sampleSpec)),
  },
  strict,
)

export type SandboxSpec = Static<typeof sandboxSpec>
export type SampleSpec = Static<typeof sampleSpec>

/** A cluster with everything filled in. */
export interface ClusterSpec {
  readonly name: string
  readonly context: string
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

/** Reads a sandbox file (YAML). Throws `SpecError` that names the file and the field. */
export function readSpec(file: string): SandboxSpec {
  let content: unknown
  try {
    content = parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new SpecError(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
  const validator = Compile(sandboxSpec)
  if (validator.Check(content)) return content
  const [problem] = validator.Errors(content)
  throw new SpecError(`${file}: ${problem?.instancePath ?? ''} ${problem?.message ?? 'is not a sandbox'}`)
}

/** The clusters with defaults filled in. Throws `SpecError` if two share a name or a context. */
export function clustersOf(spec: SandboxSpec): ClusterSpec[] {
  const clusters = spec.clusters.map((cluster) => ({
    name: cluster.name,
    context: cluster.context ?? cluster.name,
    region: cluster.region ?? 'local',
    zone: cluster.zone ?? `${cluster.region ?? 'local'}-a`,
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
