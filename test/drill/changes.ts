// What users do on purpose while requests go on.
import type { Drill } from './drill.ts'

export const changes: readonly Drill[] = [
  {
    name: 'rolling-update',
    title: 'the service is rolled out anew in the caller’s cluster',
    rule: 'even',
    pods: 2,
    begin: (place) => place.restart('east', 'shop', 'shop'),
    byHand: true,
  },
  {
    name: 'rolling-update-of-one',
    title: 'the same where it has one pod, and each cluster calls its own first',
    rule: 'local-first',
    begin: (place) => place.restart('east', 'shop', 'shop'),
    byHand: true,
  },
  {
    name: 'gateway-rolled-out',
    title: 'the only gateway of the other cluster is rolled out anew',
    rule: 'even',
    begin: (place) => place.restart('west', 'istio-system', 'istio-eastwestgateway'),
    byHand: true,
  },
  {
    name: 'cluster-drained',
    title: 'the caller’s cluster is drained, and given its requests back',
    rule: 'local-first',
    begin: (place) => place.command('cluster', 'drain', 'east'),
    heal: (place) => place.command('cluster', 'undrain', 'east'),
  },
  {
    name: 'scaled-to-zero',
    title: 'the service is scaled to 0 in the caller’s cluster, asked through the ingress gateway (seed 001)',
    rule: 'even',
    caller: 'gateway',
    begin: (place) => place.scale('east', 0),
    heal: (place) => place.scale('east', 1),
  },
  {
    name: 'scaled-to-zero-everywhere',
    title: 'the service is scaled to 0 in all clusters, one after the other, and back',
    rule: 'local-first',
    begin: async (place) => {
      for (const cluster of place.clusters) await place.scale(cluster, 0)
    },
    heal: async (place) => {
      for (const cluster of place.clusters.toReversed()) await place.scale(cluster, 1)
    },
    allowed: { share: 1, forMs: 1000, afterHealing: true },
    byHand: true,
  },
  {
    name: 'scaled-up-and-down',
    title: 'the service goes from 1 pod to 4 and back in the caller’s cluster',
    rule: 'even',
    begin: (place) => place.scale('east', 4),
    heal: (place) => place.scale('east', 1),
    byHand: true,
  },
]
