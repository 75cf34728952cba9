import { defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { int32, list, map, object, port, required, type Static, string } from '../schema.ts'
import { istioVersions, networking } from './group.ts'
import { istioStatus } from './status.ts'
import { noSocketPorts, workloadEntryFields } from './workload-entry.ts'
import { checkWorkloadGroup } from './workload-group-check.ts'

export const readinessProbe = object(
  {
    initialDelaySeconds: int32({ minimum: 0 }),
    timeoutSeconds: int32({ minimum: 0 }),
    periodSeconds: int32({ minimum: 0 }),
    successThreshold: int32({ minimum: 0 }),
    failureThreshold: int32({ minimum: 0 }),
    httpGet: object({
      path: string(),
      port: required(port()),
      host: string(),
      scheme: string({ rules: [{ rule: "self in ['', 'HTTP', 'HTTPS']", message: 'must be HTTP or HTTPS' }] }),
      httpHeaders: list(object({ name: string({ pattern: '^[-_A-Za-z0-9]+$' }), value: string() })),
    }),
    tcpSocket: object({ host: string(), port: required(port()) }),
    exec: object({ command: required(list(string({ minLength: 1 }))) }),
    grpc: object({ port: port(), service: string() }),
  },
  { atMostOne: [['httpGet', 'tcpSocket', 'exec', 'grpc']] },
)

export const workloadGroupSpec = object({
  metadata: object({
    labels: map(string(), { maxProperties: 256 }),
    annotations: map(string(), { maxProperties: 256 }),
  }),
  template: required(
    object(workloadEntryFields, {
      description: 'What the WorkloadEntries of the group start from.',
      rules: [noSocketPorts],
    }),
  ),
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
