// An Istio object of a group in mode DIRECT, as tctl stores it. It cannot stand in the management cluster as what it
// is: it would hold there at once, whether the group is for that cluster or not.
import { anyObject, defineKind, map, object, required, type Static, string } from '../dsl.ts'
import { status, statusColumn, tenantColumn, v2, workspaceColumn } from './common.ts'

export const directObject = defineKind({
  group: 'tsb.tetrate.io',
  versions: v2,
  categories: ['tsb'],
  kind: 'DirectObject',
  plural: 'directobjects',
  description: 'An Istio object of a group in mode DIRECT, for every cluster of the group. Written by tctl.',
  spec: object({
    object: required(
      anyObject({
        description: 'The Istio object: apiVersion, kind, metadata (name, namespace, labels, annotations), spec.',
        properties: {
          apiVersion: string(),
          kind: string(),
          metadata: anyObject({
            properties: { name: string(), namespace: string(), labels: map(string()), annotations: map(string()) },
          }),
          spec: anyObject(),
        },
      }),
    ),
  }),
  status,
  printerColumns: [
    { name: 'Kind', type: 'string', jsonPath: '.spec.object.kind' },
    { name: 'For namespace', type: 'string', jsonPath: '.spec.object.metadata.namespace' },
    statusColumn,
    tenantColumn,
    workspaceColumn,
  ],
})

export type DirectObjectSpec = Static<typeof directObject.spec>
