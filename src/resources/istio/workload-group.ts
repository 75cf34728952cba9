import { defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { integer, list, map, object, required, type Static, string, uint32 } from '../schema.ts'
import { istioVersions, networking } from './group.ts'
import { istioStatus } from './status.ts'
import { workloadEntryFields } from './workload-entry.ts'
import { checkWorkloadGroup } from './workload-group-check.ts'

export const readinessProbe = object(
  {
    initialDelaySeconds: integer({ minimum: 0 }),
    timeoutSeconds: integer({ minimum: 0 }),
    periodSeconds: integer({ minimum: 0 }),
    successThreshold: integer({ minimum: 0 }),
    failureThreshold: integer({ minimum: 0 }),
    httpGet: object({
      path: string(),
      port: required(uint32()),
      host: string(),
      scheme: string(),
      httpHeaders: list(object({ name: string(), value: string() })),
    }),
    tcpSocket: object({ host: string(), port: required(uint32()) }),
    exec: object({ command: required(list(string({ minLength: 1 }))) }),
    grpc: object({ port: uint32(), service: string() }),
  },
  { atMostOne: [['httpGet', 'tcpSocket', 'exec', 'grpc']] },
)

export const workloadGroupSpec = object({
  metadata: object({ labels: map(string()), annotations: map(string()) }),
  template: required(object(workloadEntryFields, { description: 'What the WorkloadEntries of the group start from.' })),
  probe: readinessProbe,
})

export type ReadinessProbe = Static<typeof readinessProbe>
export type WorkloadGroupSpec = Static<typeof workloadGroupSpec>
export type WorkloadGroup = KubeObject<WorkloadGroupSpec, Static<typeof istioStatus>>

export const workloadGroupKind = defineKind({
  group: networking.group,
  categories: networking.categories,
  versions: istioVersions,
  kind: 'WorkloadGroup',
  plural: 'workloadgroups',
  shortNames: ['wg'],
  description: 'A set of workloads that are no pods, registered when their proxies connect.',
  spec: workloadGroupSpec,
  status: istioStatus,
  checkFields: checkWorkloadGroup,
})
