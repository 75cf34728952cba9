// tsb.tetrate.io Cluster: a cluster under management, and what is known of it.
import {
  anyObject,
  boolean,
  defineKind,
  enumeration,
  list,
  object,
  protoDuration,
  type Static,
  string,
} from '../dsl.ts'
import { labels, spec, status, statusColumn, v2 } from './common.ts'

export const cluster = defineKind({
  group: 'tsb.tetrate.io',
  versions: v2,
  categories: ['tsb'],
  kind: 'Cluster',
  plural: 'clusters',
  description: 'A cluster under management. Its name is what namespace selectors call it.',
  spec: spec({
    network: string({ description: 'Network that its endpoints are in; clusters of one network reach each other.' }),
    trustDomain: string({ description: 'Omitted: that of its control plane.' }),
    locality: object({ region: string({ description: 'Older way; regions come from the labels of nodes.' }) }),
    tier1Cluster: boolean({ description: 'Only gateways of tier 1 run here. Older way; it still counts.' }),
    tokenTtl: protoDuration('How long a token for onboarding is good for; omitted: 1h.'),
    labels,
    namespaceScope: object({ scope: enumeration(['INVALID', 'GLOBAL', 'LOCAL']), exceptions: list(string()) }),
    installTemplate: anyObject({ description: 'Values for the installation of a control plane; output.' }),
    state: anyObject({ description: 'What is known of its control plane; output.' }),
    namespaces: list(anyObject(), { description: 'Namespaces with their services; output.' }),
    serviceAccount: anyObject({ description: 'Account of its control plane; output.' }),
  }),
  status,
  printerColumns: [{ name: 'Network', type: 'string', jsonPath: '.spec.network' }, statusColumn],
})

export type ClusterSpec = Static<typeof cluster.spec>
