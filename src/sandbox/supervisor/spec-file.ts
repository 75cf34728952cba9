// A sandbox file: its form, and how one is read.
import { readFileSync } from 'node:fs'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { parse } from 'yaml'
import { type SandboxSpec, SpecError } from './spec.ts'

const strict = { additionalProperties: false }

export const sampleSpec = Type.Object(
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

/** A machine outside of all clusters. */
export const machineSpec = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' }),
    /** As the mesh is to know it; one of this computer's own if not given. */
    address: Type.Optional(Type.String({ pattern: '^[0-9a-f.:]+$' })),
    /** Whose mesh it joins, by name. */
    cluster: Type.String(),
    /** namespace/name; both are made if they are not there. */
    serviceAccount: Type.String({ pattern: '^[a-z0-9][-a-z0-9]*/[a-z0-9][-.a-z0-9]*$' }),
    /** What it runs: a built-in application, and which of its Deployments. */
    sample: Type.Optional(Type.String()),
    deployment: Type.Optional(Type.String()),
    /** Ports that are open on it; those of the sample if not given. */
    ports: Type.Optional(Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 }))),
    network: Type.Optional(Type.String()),
    labels: Type.Optional(Type.Record(Type.String(), Type.String())),
    /** WorkloadGroup, in the namespace of the service account, that registers it when it connects. */
    group: Type.Optional(Type.String()),
  },
  strict,
)

export const sandboxSpec = Type.Object(
  {
    clusters: Type.Array(clusterSpec, { minItems: 1 }),
    vms: Type.Optional(Type.Array(machineSpec)),
    samples: Type.Optional(Type.Array(sampleSpec)),
    /** As the flag of `fairlead serve`: lifetime of the certificates of workloads. */
    workloadCertTtl: Type.Optional(Type.String()),
    /** As the flag of `fairlead serve`: who is asked for addresses of gateways that have DNS names. */
    nameServers: Type.Optional(Type.Array(Type.String())),
  },
  strict,
)

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
