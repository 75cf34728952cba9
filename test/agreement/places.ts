// A random service that stands in several places: zones and regions, a second cluster, perhaps in a network of its own behind
// an east-west gateway.
import { compact, type Dice } from './dice.ts'
import { namespace, passagePort, ports, versions } from './vocabulary.ts'
import type { Addresses, ProxiedPod } from './world.ts'

type Fields = Record<string, unknown>

const zones = ['r1/z1', 'r1/z2', 'r2/z1', 'r3/z1'] as const

export interface Places {
  /** Objects by cluster. */
  readonly objects: Readonly<Record<'east' | 'west', readonly Fields[]>>
  readonly pods: readonly ProxiedPod[]
  readonly programs: readonly string[]
  readonly virtual: string
  /** Programs that answer every request with an error. */
  readonly sick: readonly string[]
}

interface Member {
  readonly pod: ProxiedPod
  readonly proxied: boolean
  readonly ready: boolean
}

/** Nodes of all zones; every cluster has them. */
function nodes(): Fields[] {
  return zones.map((zone) => {
    const [region, own] = zone.split('/')
    const labels = { 'topology.kubernetes.io/region': region, 'topology.kubernetes.io/zone': own }
    return { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeOf(zone), labels } }
  })
}

export function nodeOf(zone: string): string {
  return zone.replace('/', '-')
}

export function randomZone(dice: Dice): string {
  return dice.pick(zones)
}

/** The service `cart`, with pods in both clusters or in one. */
export function randomPlaces(dice: Dice, addresses: Addresses): Places {
  const network = dice.chance(0.6) ? 'west-net' : ''
  const virtual = addresses.take()
  const programs: string[] = []
  const member = (cluster: 'east' | 'west', index: number, proxied: boolean): Member => {
    const address = addresses.take()
    const program = proxied ? addresses.take() : address
    programs.push(program)
    const name = `cart-${cluster}-${index}`
    const version = dice.pick(versions)
    const labels = { app: 'cart', version, ...(proxied && { 'security.istio.io/tlsMode': 'istio' }) }
    const zone = randomZone(dice)
    const place = { cluster, zone, network: cluster === 'west' ? network : '' }
    const pod: ProxiedPod = { name, app: 'cart', namespace, address, labels, role: 'server', program, ...place }
    return { pod, proxied, ready: dice.chance(0.75) }
  }
  const east = dice.list(1, 3, (at) => member('east', at, dice.chance(0.4)))
  const west = dice.list(0, 2, (at) => member('west', at, network !== '' || dice.chance(0.5)))
  const all = [...east, ...west].filter(({ ready }) => ready).map(({ pod }) => pod.program || pod.address)
  // A gateway has one address in several localities, of which Envoy may eject one: its admin does not tell them apart.
  const sick = network === '' && all.length > 1 && dice.chance(0.4) ? dice.some(all, 1, all.length - 1) : []
  const passage = network === '' ? undefined : passagePod(addresses, network, randomZone(dice))
  return {
    objects: {
      east: [...nodes(), ...serviceObjects(east, virtual)],
      west: [
        ...nodes(),
        systemNamespace(network),
        ...serviceObjects(west, addresses.take()),
        ...(passage ? passageObjects(passage, network) : []),
      ],
    },
    pods: [...east, ...west].flatMap(({ pod, proxied }) => (proxied ? [pod] : [])).concat(passage ?? []),
    programs,
    virtual,
    sick,
  }
}

function serviceObjects(members: readonly Member[], virtual: string): Fields[] {
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'cart-1', namespace, labels: { 'kubernetes.io/service-name': 'cart' } },
    addressType: 'IPv4',
    ports: [
      { name: 'http', port: ports.http },
      { name: 'tcp', port: ports.tcp },
    ],
    endpoints: members.map(({ pod, ready }) => ({
      addresses: [pod.address],
      conditions: { ready },
      nodeName: nodeOf(pod.zone),
      zone: pod.zone.split('/')[1],
      targetRef: { kind: 'Pod', name: pod.name, namespace },
    })),
  }
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'cart', namespace },
    spec: {
      clusterIP: virtual,
      selector: { app: 'cart' },
      ports: [
        { name: 'http', port: ports.http, targetPort: ports.http },
        { name: 'tcp', port: ports.tcp, targetPort: ports.tcp },
      ],
    },
  }
  return [service, slice, ...members.map(({ pod }) => podObject(pod))]
}

function podObject({ name, app, namespace: home, labels, zone, address }: ProxiedPod): Fields {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: home, labels },
    spec: { serviceAccountName: app, nodeName: nodeOf(zone), containers: [{ name: 'app' }] },
    status: { podIP: address },
  }
}

function systemNamespace(network: string): Fields {
  const labels = network === '' ? {} : { 'topology.istio.io/network': network }
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istio-system', labels } }
}

function passagePod(addresses: Addresses, network: string, zone: string): ProxiedPod {
  return {
    name: 'passage',
    app: 'passage',
    namespace: 'istio-system',
    address: addresses.take(),
    labels: { app: 'passage', istio: 'passage', 'topology.istio.io/network': network },
    role: 'passage',
    program: '',
    cluster: 'west',
    zone,
    network,
  }
}

/** The way into the network: mutual TLS is passed on by the name of the service in it. */
function passageObjects(pod: ProxiedPod, network: string): Fields[] {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'passage',
      namespace: pod.namespace,
      labels: { istio: 'passage', 'topology.istio.io/network': network },
    },
    spec: {
      type: 'LoadBalancer',
      selector: { istio: 'passage' },
      ports: [{ name: 'tls', port: passagePort, targetPort: passagePort }],
    },
    status: { loadBalancer: { ingress: [{ ip: pod.address }] } },
  }
  const gateway = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name: 'passage', namespace: pod.namespace },
    spec: {
      selector: { istio: 'passage' },
      servers: [
        {
          port: { number: passagePort, name: 'tls', protocol: 'TLS' },
          tls: { mode: 'AUTO_PASSTHROUGH' },
          hosts: ['*.local'],
        },
      ],
    },
  }
  return [service, gateway, podObject(pod)]
}

/** The first error ejects, for longer than a run lasts. */
const quickly = { consecutive5xxErrors: 1, interval: '1s', baseEjectionTime: '600s', maxEjectionPercent: 100 }

/** How requests for `cart` are spread over its places. */
export function placesPolicy(dice: Dice, sick: boolean): Fields {
  const loadBalancer = compact({
    simple: dice.maybe(0.7, () => dice.pick(['ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM'])),
    localityLbSetting: dice.maybe(0.8, () => localitySetting(dice)),
  })
  const policy = {
    ...(Object.keys(loadBalancer).length > 0 && { loadBalancer }),
    ...(sick && { outlierDetection: quickly }),
    ...(!sick &&
      dice.chance(0.75) && {
        outlierDetection: compact({
          consecutive5xxErrors: 50,
          minHealthPercent: dice.maybe(0.3, () => dice.pick([0, 50])),
        }),
      }),
  }
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'cart', namespace },
    spec: { host: 'cart.shop.svc.cluster.local', trafficPolicy: policy },
  }
}

export function localitySetting(dice: Dice): Fields {
  return dice.pick([
    () => ({ failover: [{ from: 'r1', to: 'r3' }] }),
    () => ({ failoverPriority: ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone'] }),
    () => ({ failoverPriority: ['version', 'topology.istio.io/cluster'] }),
    () => ({ failoverPriority: [`version=${dice.pick(versions)}`] }),
    () => ({ distribute: [{ from: '*', to: { 'r1/*': 70, 'r2/*': 30 } }] }),
    () => ({
      distribute: [
        { from: 'r1/z1/*', to: { 'r1/z1/*': 50, 'r1/z2/*': 20, 'r2/*': 30 } },
        { from: 'r2/*', to: { '*': 100 } },
      ],
    }),
    () => ({ enabled: false }),
    () => ({ enabled: true }),
  ])()
}
