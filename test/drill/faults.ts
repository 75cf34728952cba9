// What dies, freezes, or cannot be reached.
import type { Drill } from './drill.ts'
import type { Place } from './place.ts'

const shopOf = { context: 'east', namespace: 'shop', deployment: 'shop' } as const
const heal = (place: Place): Promise<void> => place.fault({ kind: 'heal', name: 'drill' })
const partition = { share: 0.001, forMs: 5000 }

/** Everything is done to the caller's own cluster, where its requests go at first, or to the way to the other one. */
export const faults: readonly Drill[] = [
  {
    name: 'pod-killed',
    title: 'the only local pod is killed, proxy and all',
    rule: 'local-first',
    begin: (place) => place.fault({ kind: 'kill', ...shopOf }),
  },
  {
    name: 'program-killed',
    title: 'its program is killed, the proxy lives',
    rule: 'local-first',
    begin: (place) => place.fault({ kind: 'kill', container: 'shop', ...shopOf }),
  },
  {
    name: 'sidecar-killed',
    title: 'its proxy is killed, the program lives',
    rule: 'local-first',
    begin: (place) => place.fault({ kind: 'kill', container: 'istio-proxy', ...shopOf }),
  },
  {
    name: 'pod-frozen',
    title: 'the only local pod is frozen, proxy and all',
    rule: 'local-first',
    begin: (place) => place.fault({ kind: 'pause', name: 'drill', ...shopOf }),
    heal,
  },
  {
    name: 'program-frozen',
    title: 'its program is frozen; a rule says 0.5 s per try',
    rule: 'local-first-with-try-timeout',
    begin: (place) => place.fault({ kind: 'pause', name: 'drill', container: 'shop', ...shopOf }),
    heal,
  },
  {
    name: 'answers-503',
    title: 'its program answers 503',
    rule: 'local-first',
    begin: (place) => place.refuse('east', true),
    heal: (place) => place.refuse('east', false),
  },
  {
    name: 'readiness-flap',
    title: 'the only local pod is ready and not ready in turn',
    rule: 'local-first',
    begin: (place) => place.flap('east', 1500),
    heal: (place) => place.stopFlapping(),
    forMs: 7500,
  },
  {
    name: 'gateway-killed',
    title: 'the only gateway of the other cluster is killed',
    rule: 'even',
    begin: (place) =>
      place.fault({ kind: 'kill', context: 'west', namespace: 'istio-system', deployment: 'istio-eastwestgateway' }),
  },
  {
    name: 'gateway-frozen',
    title: 'the only gateway of the other cluster is frozen',
    rule: 'even',
    begin: (place) =>
      place.fault({
        kind: 'pause',
        name: 'drill',
        context: 'west',
        namespace: 'istio-system',
        deployment: 'istio-eastwestgateway',
      }),
    heal,
  },
  {
    name: 'partition-one-way',
    title: 'nothing that the cluster opens reaches the other one',
    rule: 'even',
    begin: (place) => place.fault({ kind: 'cut', name: 'drill', context: 'east', to: 'west', oneWay: true }),
    heal,
    allowed: partition,
  },
  {
    name: 'partition',
    title: 'nothing passes between the clusters',
    rule: 'even',
    begin: (place) => place.fault({ kind: 'cut', name: 'drill', context: 'east', to: 'west' }),
    heal,
    allowed: partition,
  },
  {
    name: 'control-plane-killed',
    title: 'the control plane is killed',
    rule: 'even',
    begin: (place) => place.fault({ kind: 'kill', name: 'drill', target: 'control-plane' }),
    heal,
  },
]
