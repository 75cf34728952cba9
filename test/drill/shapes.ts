// The same faults where there are more pods, gateways, clusters, or other callers.
import { setTimeout as delay } from 'node:timers/promises'
import type { Drill } from './drill.ts'
import type { Place } from './place.ts'

const shop = { namespace: 'shop', deployment: 'shop' } as const
const gateway = { namespace: 'istio-system', deployment: 'istio-eastwestgateway' } as const
const heal = (place: Place): Promise<void> => place.fault({ kind: 'heal', name: 'drill' })

const severalOfEach: readonly Drill[] = [
  {
    name: 'one-of-three-frozen',
    title: 'one of three local pods is frozen, proxy and all',
    rule: 'local-first',
    pods: 3,
    begin: (place) => place.fault({ kind: 'pause', name: 'drill', context: 'east', ...shop, pods: 1 }),
    heal,
    byHand: true,
  },
  {
    name: 'one-of-three-killed',
    title: 'one of three local pods is killed, proxy and all',
    rule: 'local-first',
    pods: 3,
    begin: (place) => place.fault({ kind: 'kill', context: 'east', ...shop, pods: 1 }),
    byHand: true,
  },
  {
    name: 'one-of-two-gateways-killed',
    title: 'one of the two gateways of the other cluster is killed',
    rule: 'even',
    gateways: 2,
    begin: (place) => place.fault({ kind: 'kill', context: 'west', ...gateway, pods: 1 }),
    byHand: true,
  },
  {
    name: 'one-of-two-gateways-frozen',
    title: 'one of the two gateways of the other cluster is frozen',
    rule: 'even',
    gateways: 2,
    begin: (place) => place.fault({ kind: 'pause', name: 'drill', context: 'west', ...gateway, pods: 1 }),
    heal,
    byHand: true,
  },
  {
    name: 'two-of-three-clusters',
    title: 'the first cluster of an order dies, then the second; both come back',
    rule: 'ordered',
    clusters: 3,
    begin: async (place) => {
      await place.fault({ kind: 'pause', name: 'first', context: 'east', ...shop })
      await delay(3000)
      await place.fault({ kind: 'pause', name: 'second', context: 'west', ...gateway })
    },
    heal: async (place) => {
      await place.fault({ kind: 'heal', name: 'second' })
      await place.fault({ kind: 'heal', name: 'first' })
    },
    byHand: true,
  },
]

const otherCallers: readonly Drill[] = [
  {
    name: 'ingress-pod-killed',
    title: 'the only local pod is killed; the ingress gateway asks',
    rule: 'local-first',
    caller: 'gateway',
    begin: (place) => place.fault({ kind: 'kill', context: 'east', ...shop }),
    byHand: true,
  },
  {
    name: 'ingress-pod-frozen',
    title: 'the only local pod is frozen; the ingress gateway asks',
    rule: 'even',
    caller: 'gateway',
    begin: (place) => place.fault({ kind: 'pause', name: 'drill', context: 'east', ...shop }),
    heal,
    byHand: true,
  },
  {
    name: 'ingress-answers-503',
    title: 'its program answers 503; the ingress gateway asks',
    rule: 'even',
    caller: 'gateway',
    begin: (place) => place.refuse('east', true),
    heal: (place) => place.refuse('east', false),
    byHand: true,
  },
  {
    name: 'ingress-partition',
    title: 'nothing passes between the clusters; the ingress gateway asks',
    rule: 'even',
    caller: 'gateway',
    begin: (place) => place.fault({ kind: 'cut', name: 'drill', context: 'east', to: 'west' }),
    heal,
    allowed: { share: 0.001, forMs: 5000 },
    byHand: true,
  },
  {
    name: 'grpc-pod-killed',
    title: 'the only local pod is killed; HTTP/2 GETs and gRPC calls',
    rule: 'local-first',
    caller: 'grpc',
    begin: (place) => place.fault({ kind: 'kill', context: 'east', ...shop }),
    byHand: true,
  },
  {
    name: 'grpc-program-killed',
    title: 'its program is killed, the proxy lives; HTTP/2 GETs and gRPC calls',
    rule: 'local-first',
    caller: 'grpc',
    begin: (place) => place.fault({ kind: 'kill', container: 'shop', context: 'east', ...shop }),
    byHand: true,
  },
  {
    name: 'grpc-pod-frozen',
    title: 'the only local pod is frozen; HTTP/2 GETs and gRPC calls',
    rule: 'local-first',
    caller: 'grpc',
    begin: (place) => place.fault({ kind: 'pause', name: 'drill', context: 'east', ...shop }),
    heal,
    byHand: true,
  },
  {
    name: 'grpc-gateway-killed',
    title: 'the only gateway of the other cluster is killed; HTTP/2 GETs and gRPC calls',
    rule: 'even',
    caller: 'grpc',
    begin: (place) => place.fault({ kind: 'kill', context: 'west', ...gateway }),
    byHand: true,
  },
  {
    name: 'own-proxy-killed',
    title: 'the proxy beside the caller is killed: nobody else can help',
    rule: 'local-first',
    begin: (place) =>
      place.fault({ kind: 'kill', container: 'istio-proxy', context: 'east', namespace: 'shop', deployment: 'sleep' }),
    allowed: { share: 0.5, forMs: 5000 },
    byHand: true,
  },
]

export const shapes: readonly Drill[] = [...severalOfEach, ...otherCallers]
