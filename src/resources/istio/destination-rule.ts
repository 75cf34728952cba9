import { defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { list, map, object, required, type Static, string } from '../schema.ts'
import { checkDestinationRule } from './destination-rule-check.ts'
import { istioVersions, networking } from './group.ts'
import { workloadSelector } from './selector.ts'
import { istioStatus } from './status.ts'
import { trafficPolicy } from './traffic-policy.ts'

const subset = object({
  name: required(string()),
  labels: map(string(), { description: 'Labels that the endpoints of the subset have.' }),
  trafficPolicy,
})

export const destinationRuleSpec = object({
  host: required(string({ description: 'Name of a service; short names are of the namespace of the rule.' })),
  trafficPolicy,
  subsets: list(subset),
  exportTo: list(string(), { description: 'Namespaces that see this; . = its own, * = all, the default.' }),
  workloadSelector,
})

export type DestinationRuleSpec = Static<typeof destinationRuleSpec>
export type DestinationRule = KubeObject<DestinationRuleSpec, Static<typeof istioStatus>>
export type Subset = Static<typeof subset>

export const destinationRuleKind = defineKind({
  group: networking.group,
  categories: networking.categories,
  versions: istioVersions,
  kind: 'DestinationRule',
  plural: 'destinationrules',
  shortNames: ['dr'],
  description: 'What happens to requests after their service is known: load balancing, pools, health, TLS, subsets.',
  spec: destinationRuleSpec,
  status: istioStatus,
  printerColumns: [{ name: 'Host', type: 'string', jsonPath: '.spec.host', description: 'The service.' }],
  checkFields: checkDestinationRule,
})
