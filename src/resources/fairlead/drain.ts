import { defineKind, list, object, type Static, string } from '../dsl.ts'
import type { KubeObject } from '../kube-object.ts'
import { fairlead, statusFields } from './group.ts'

export const drainSpec = object({
  clusters: list(string({ minLength: 1, maxLength: 253 }), {
    minItems: 1,
    maxItems: 256,
    description: 'The clusters; `.` is the one in which the object stands. Without: that one.',
  }),
  reason: string({ maxLength: 1024, description: 'Why, for people.' }),
})

export type DrainSpec = Static<typeof drainSpec>

export const drainStatus = object({
  ...statusFields,
  drained: list(string(), { description: 'The clusters of this mesh that it drains.' }),
})

export type Drain = KubeObject<DrainSpec, Static<typeof drainStatus>>

/** Of whole clusters, so it is of no namespace: who may create one is an administrator. */
export const drainKind = defineKind({
  ...fairlead,
  kind: 'Drain',
  plural: 'drains',
  scope: 'Cluster',
  description:
    'Takes all requests from clusters, as long as others serve the same; what only they serve, they still serve. Deleting it gives them back.',
  spec: drainSpec,
  status: drainStatus,
  printerColumns: [
    { name: 'Clusters', type: 'string', jsonPath: '.status.drained', description: 'What is drained.' },
    { name: 'Reason', type: 'string', jsonPath: '.spec.reason', description: 'Why, for people.' },
  ],
  checkFields: (root, { spec }) =>
    root
      .field('spec')
      .field('clusters')
      .each(spec?.clusters, (at, name, index) => {
        if (spec?.clusters?.indexOf(name) !== index) at.warn('is named twice')
      }),
})

/** The clusters that a Drain means, as its own cluster is called. */
export function drainedBy({ spec }: Drain, cluster: string): readonly string[] {
  return (spec?.clusters ?? ['.']).map((name) => (name === '.' ? cluster : name))
}
