// The sample applications that guides and scenarios use, by name.
import type { KubeObject } from '../../resources/index.ts'
import { Applier, awaitDeployments, readExample } from './manifests.ts'
import { sampleNames } from './sample-names.ts'
import { SpecError } from './spec.ts'

export interface SampleOptions {
  readonly kubeconfig: string
  readonly context: string
  readonly sample: string
  /** Made if it is not there. */
  readonly namespace: string
  /** Deployments to install, with what belongs to them; all if not given. */
  readonly only?: readonly string[] | undefined
  readonly replicas?: number | undefined
  /** Leaves the namespace without sidecar injection. */
  readonly noSidecar?: boolean | undefined
  /** How long to wait for the pods; 0 does not wait. */
  readonly withinMs?: number
  readonly signal?: AbortSignal
}

interface Workload
  extends KubeObject<{
    replicas?: number
    template: { metadata?: { labels?: Record<string, string> }; spec?: { serviceAccountName?: string } }
  }> {}

interface ServiceLike extends KubeObject<{ selector?: Record<string, string> }> {}

/** Installs a sample and waits until its pods are available. Throws `SpecError` if there is no such sample. */
export async function installSample(options: SampleOptions): Promise<void> {
  const { sample, namespace, only, replicas } = options
  const objects = sampleObjects(sample, only, replicas)
  const applier = new Applier(options.kubeconfig, options.context)
  try {
    const labels = options.noSidecar ? {} : { labels: { 'istio-injection': 'enabled' } }
    await applier.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, ...labels } }])
    await applier.apply(objects, namespace)
    const names = objects.filter((o) => o.kind === 'Deployment').map((o) => o.metadata.name)
    const { withinMs = 120_000, signal } = options
    if (withinMs > 0) await awaitDeployments(applier, namespace, names, { withinMs, ...(signal ? { signal } : {}) })
  } finally {
    applier.close()
  }
}

/** The objects of a sample: with `only`, the Deployments of these names, their service accounts and their Services. */
export function sampleObjects(sample: string, only?: readonly string[], replicas?: number): KubeObject[] {
  if (!sampleNames().includes(sample)) {
    throw new SpecError(`there is no sample ${sample}; there are ${sampleNames().join(', ')}`)
  }
  const all = readExample(`samples/${sample}.yaml`)
  const workloads = all.filter((o): o is Workload => o.kind === 'Deployment')
  const unknown = only?.find((name) => !workloads.some((w) => w.metadata.name === name))
  if (unknown !== undefined) {
    const known = workloads.map((w) => w.metadata.name).join(', ')
    throw new SpecError(`sample ${sample} has no Deployment ${unknown}; it has ${known}`)
  }
  const kept = workloads.filter((w) => only === undefined || only.includes(w.metadata.name))
  const accounts = new Set(kept.map((w) => w.spec?.template.spec?.serviceAccountName))
  const isNeeded = (object: KubeObject): boolean => {
    if (only === undefined) return true
    if (object.kind === 'ServiceAccount') return accounts.has(object.metadata.name)
    if (object.kind === 'Service') return kept.some((w) => selects(object as ServiceLike, w))
    return object.kind !== 'Deployment' || kept.includes(object as Workload)
  }
  return all
    .filter(isNeeded)
    .map((object) =>
      replicas === undefined || object.kind !== 'Deployment'
        ? object
        : { ...object, spec: { ...(object as Workload).spec, replicas } },
    )
}

function selects(service: ServiceLike, workload: Workload): boolean {
  const labels = workload.spec?.template.metadata?.labels ?? {}
  return Object.entries(service.spec?.selector ?? {}).every(([key, value]) => labels[key] === value)
}
