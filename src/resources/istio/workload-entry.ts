import { age, defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { map, object, type Static, string, uint32 } from '../schema.ts'
import { istioVersions, networking } from './group.ts'
import { istioStatus } from './status.ts'
import { checkWorkloadEntry } from './workload-entry-check.ts'

/** Fields of a workload outside Kubernetes; WorkloadGroup's template has no need of an address. */
export const workloadEntryFields = {
  address: string({ maxLength: 256, description: 'IP address, DNS name, or unix:// and a path.' }),
  ports: map(uint32(), { maxProperties: 128, description: 'Port name → number, where it differs from the service.' }),
  labels: map(string(), { maxProperties: 256 }),
  network: string({ maxLength: 2048 }),
  locality: string({ maxLength: 2048, description: 'region/zone/subzone' }),
  weight: uint32(),
  serviceAccount: string({ maxLength: 253 }),
}

export const workloadEntrySpec = object(workloadEntryFields, {
  rules: [{ rule: 'has(self.address) || has(self.network)', message: 'address or network must be set' }],
})

export type WorkloadEntrySpec = Static<typeof workloadEntrySpec>
export type WorkloadEntry = KubeObject<WorkloadEntrySpec, Static<typeof istioStatus>>

export const workloadEntryKind = defineKind({
  group: networking.group,
  categories: networking.categories,
  versions: istioVersions,
  kind: 'WorkloadEntry',
  plural: 'workloadentries',
  shortNames: ['we'],
  description: 'A workload that is no pod, like a virtual machine.',
  spec: workloadEntrySpec,
  status: istioStatus,
  printerColumns: [age, { name: 'Address', type: 'string', jsonPath: '.spec.address', description: 'Where it is.' }],
  checkFields: checkWorkloadEntry,
})
