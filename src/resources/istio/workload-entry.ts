import { age, defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { type CelRule, map, object, port, type Static, string, uint32 } from '../schema.ts'
import { istioVersions, networking } from './group.ts'
import { istioStatus } from './status.ts'
import { checkWorkloadEntry } from './workload-entry-check.ts'

const socketPath = {
  rule: "!self.startsWith('unix://') || (self.substring(7, 8) == '/' || self.substring(7, 8) == '@')",
  message: 'a Unix socket is an absolute path, or @ and a name',
}
const noFolder = {
  rule: "!self.startsWith('unix://') || !self.endsWith('/')",
  message: 'a Unix socket is no folder',
}
const portNames = {
  rule: "self.all(key, size(key) < 63 && key.matches('^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$'))",
  message: 'ports need names that are DNS labels',
}

/** A Unix socket is one place: it has no ports. */
export const noSocketPorts: CelRule = {
  rule: "!(has(self.address) && self.address.startsWith('unix://')) || !has(self.ports)",
  message: 'a Unix socket has no ports',
}

/** Fields of a workload outside Kubernetes; WorkloadGroup's template has no need of an address. */
export const workloadEntryFields = {
  address: string({
    maxLength: 256,
    description: 'IP address, DNS name, or unix:// and a path.',
    rules: [socketPath, noFolder],
  }),
  ports: map(port(), {
    maxProperties: 128,
    description: 'Port name → number, where it differs from the service.',
    rules: [portNames],
  }),
  labels: map(string(), { maxProperties: 256 }),
  network: string({ maxLength: 2048 }),
  locality: string({ maxLength: 2048, description: 'region/zone/subzone' }),
  weight: uint32(),
  serviceAccount: string({ maxLength: 253 }),
}

export const workloadEntrySpec = object(workloadEntryFields, {
  rules: [{ rule: 'has(self.address) || has(self.network)', message: 'address or network must be set' }, noSocketPorts],
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
