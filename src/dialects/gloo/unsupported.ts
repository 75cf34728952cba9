// Kinds of Gloo Mesh that have no effect here: their status says so, and what to use instead.
import type { Problem } from '../../report/index.ts'
import { unsupportedKinds } from '../../resources/gloo/index.ts'
import { type KubeObject, objectsOf, refOf } from '../../resources/index.ts'
import {
  compact,
  type Outcome,
  type ReadContext,
  type StatusObject,
  selectsWorkload,
  statusKey,
} from '../shared/index.ts'
import { workloadSelectors } from './read-policies.ts'
import { statusOf } from './status.ts'

const groups: Readonly<Record<keyof typeof unsupportedKinds, string>> = {
  WasmDeployment: 'networking.enterprise.mesh.gloo.solo.io',
  AccessLogRecord: 'observability.enterprise.mesh.gloo.solo.io',
  CertificateVerification: 'networking.enterprise.mesh.gloo.solo.io',
  RateLimitServerConfig: 'networking.enterprise.mesh.gloo.solo.io',
  RateLimitClientConfig: 'networking.enterprise.mesh.gloo.solo.io',
  Role: 'rbac.enterprise.mesh.gloo.solo.io',
  RoleBinding: 'rbac.enterprise.mesh.gloo.solo.io',
  IstioInstallation: 'admin.enterprise.mesh.gloo.solo.io',
  XdsConfig: 'xds.agent.enterprise.mesh.gloo.solo.io',
}

export interface Unsupported {
  readonly statuses: readonly StatusObject[]
  readonly problems: readonly Problem[]
}

/** Tells of every object of these kinds. */
export function unsupported({ snapshot, management }: ReadContext, outcome: Outcome): Unsupported {
  const statuses: StatusObject[] = []
  const problems: Problem[] = []
  for (const [kind, message] of Object.entries(unsupportedKinds)) {
    const group = groups[kind as keyof typeof unsupportedKinds]
    for (const object of objectsOf(snapshot.clusters.get(management), `${group}/${kind}`).values()) {
      const ref = refOf(management, object)
      problems.push({ code: 'not-supported', severity: 'warning', object: ref, path: 'spec', message })
      statuses.push(
        statusOf(
          ref,
          compact({
            observedGeneration: String(object.metadata.generation ?? 1),
            state: 'INVALID',
            errors: [message],
            ...(kind === 'WasmDeployment' && { workloadStates: failedWorkloads(object, outcome) }),
          }),
        ),
      )
    }
  }
  return { statuses, problems }
}

function failedWorkloads({ spec }: KubeObject, { fleet }: Outcome): Record<string, string> {
  const { workloadSelector } = (spec ?? {}) as { workloadSelector?: Parameters<typeof workloadSelectors>[0] }
  const selectors = workloadSelectors(Array.isArray(workloadSelector) ? workloadSelector : [])
  const selected = fleet.workloads.filter((workload) => selectsWorkload(selectors, workload))
  return Object.fromEntries(selected.map(({ object }) => [statusKey(object), 'DEPLOYMENT_FAILED']))
}
