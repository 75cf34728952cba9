import { defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { list, object, oneOf, port, required, type Static, string } from '../schema.ts'
import { istioVersions, networking } from './group.ts'
import { labelSelector } from './selector.ts'
import { checkServiceEntry } from './service-entry-check.ts'
import { serviceEntryStatus } from './status.ts'
import { workloadEntrySpec } from './workload-entry.ts'

const servicePort = object({
  number: required(port()),
  protocol: string({ maxLength: 256 }),
  name: required(string({ maxLength: 256 })),
  targetPort: port(),
})

const notEverything = { rule: "self != '*'", message: '* would be every host' }
const portsApart = {
  rule: 'self.all(one, self.exists_one(other, one.number == other.number))',
  message: 'two ports have one number',
}

export const serviceEntrySpec = object(
  {
    hosts: required(list(string({ rules: [notEverything] }), { minItems: 1, maxItems: 256 })),
    addresses: list(string({ maxLength: 64 }), { maxItems: 256, description: 'Virtual addresses or CIDR ranges.' }),
    ports: list(servicePort, { maxItems: 256, keys: ['name'], rules: [portsApart] }),
    location: oneOf(['MESH_EXTERNAL', 'MESH_INTERNAL']),
    resolution: oneOf(['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS']),
    endpoints: list(workloadEntrySpec, { maxItems: 4096 }),
    workloadSelector: labelSelector,
    exportTo: list(string()),
    subjectAltNames: list(string()),
  },
  {
    atMostOne: [['workloadSelector', 'endpoints']],
    rules: [
      {
        rule: "has(self.resolution) && self.resolution != 'NONE' || !has(self.endpoints)",
        message: 'resolution NONE has no endpoints',
      },
      {
        rule: "!has(self.addresses) || !self.addresses.exists(a, a.contains('/')) || !has(self.resolution) || self.resolution in ['STATIC', 'NONE']",
        message: 'ranges of addresses need resolution NONE or STATIC',
      },
      {
        rule: "!has(self.resolution) || self.resolution != 'DNS_ROUND_ROBIN' || !has(self.endpoints) || size(self.endpoints) <= 1",
        message: 'resolution DNS_ROUND_ROBIN has one endpoint at most',
      },
    ],
  },
)

export type ServiceEntryPort = Static<typeof servicePort>
export type ServiceEntrySpec = Static<typeof serviceEntrySpec>
export type ServiceEntry = KubeObject<ServiceEntrySpec, Static<typeof serviceEntryStatus>>

export const serviceEntryKind = defineKind({
  group: networking.group,
  categories: networking.categories,
  versions: istioVersions,
  kind: 'ServiceEntry',
  plural: 'serviceentries',
  shortNames: ['se'],
  description: 'A service that Kubernetes does not know.',
  spec: serviceEntrySpec,
  status: serviceEntryStatus,
  printerColumns: [
    { name: 'Hosts', type: 'string', jsonPath: '.spec.hosts', description: 'Its names.' },
    { name: 'Location', type: 'string', jsonPath: '.spec.location', description: 'Inside or outside of the mesh.' },
    { name: 'Resolution', type: 'string', jsonPath: '.spec.resolution', description: 'How its endpoints are found.' },
  ],
  checkFields: checkServiceEntry,
})
