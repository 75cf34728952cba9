// A random mesh: always the same services, under random policies. Its addresses are its own, so that many meshes fit in one
// Envoy.
import type { KubeObject } from '../../src/resources/index.ts'
import { compact, Dice } from './dice.ts'
import { envoyFilter } from './envoy-filters.ts'
import { drain, failover } from './failover-policies.ts'
import { gatewayPolicies, gatewayService, ingress } from './gateways.ts'
import { localitySetting, nodeOf, placesPolicy, randomPlaces, randomZone } from './places.ts'
import { destinationRule, httpRules, serviceEntries, type Targets, virtualService } from './route-policies.ts'
import {
  authorizationPolicy,
  extensionProviders,
  peerAuthentication,
  requestAuthentication,
} from './security-policies.ts'
import type { TokenKeys } from './tokens.ts'
import { externalHost, namespace, otherNamespace, ports, secureHost } from './vocabulary.ts'

/** A pod with a proxy. */
export interface ProxiedPod {
  readonly name: string
  readonly app: string
  readonly namespace: string
  readonly address: string
  readonly labels: Readonly<Record<string, string>>
  /** What it does in the test: calls as if captured, calls by explicit proxy, serves, stands at the edge, or between networks. */
  readonly role: 'caller' | 'explicit-caller' | 'server' | 'gateway' | 'passage'
  /** Where its program listens (`server`). */
  readonly program: string
  readonly cluster: 'east' | 'west'
  /** `region/zone`. */
  readonly zone: string
  readonly network: string
}

export interface RandomWorld {
  readonly seed: number
  /** By cluster. */
  readonly objects: ReadonlyMap<string, readonly KubeObject[]>
  readonly meshConfig: Readonly<Record<string, unknown>>
  readonly pods: readonly ProxiedPod[]
  /** Addresses at which programs listen, at all ports of `ports`. */
  readonly programs: readonly string[]
  /** Virtual addresses of services by name. */
  readonly virtual: ReadonlyMap<string, string>
  /** Addresses of programs that answer every request with an error. */
  readonly sick: readonly string[]
}

const blockSize = 62_500

/** Gives addresses in 127.64.0.0/10, each once; from the block (0 to 63) on, so that several runs fit on one machine. */
export class Addresses {
  #next: number

  constructor(block = 0) {
    this.#next = block * blockSize
  }

  take(): string {
    const n = this.#next++
    return `127.${64 + Math.floor(n / blockSize)}.${1 + (Math.floor(n / 250) % 250)}.${1 + (n % 250)}`
  }
}

interface ServiceSketch {
  readonly name: string
  readonly port: string
  readonly number: number
  readonly versions: readonly string[]
  readonly proxied: boolean
  /** Whether it speaks gRPC, too, at a port of its own. */
  readonly grpc?: boolean
}

const sketches: readonly ServiceSketch[] = [
  { name: 'reviews', port: 'http', number: ports.http, versions: ['v1', 'v2', 'v3'], proxied: true },
  { name: 'ratings', port: 'http', number: ports.http, versions: ['v1'], proxied: true },
  { name: 'guard', port: 'http', number: ports.http, versions: ['v1'], proxied: false, grpc: true },
  { name: 'legacy', port: 'http', number: ports.http, versions: ['v1'], proxied: false },
  { name: 'web', port: 'any', number: ports.auto, versions: ['v1'], proxied: true },
  { name: 'grpc', port: 'http2', number: ports.http2, versions: ['v1'], proxied: true },
  { name: 'db', port: 'tcp', number: ports.tcp, versions: ['v1', 'v2'], proxied: true },
]

export function randomWorld(seed: number, addresses: Addresses, keys: TokenKeys): RandomWorld {
  const dice = new Dice(seed)
  const places = randomPlaces(dice, addresses)
  const pods: ProxiedPod[] = [...places.pods]
  const programs: string[] = [...places.programs]
  const virtual = new Map<string, string>([['cart', places.virtual]])
  const objects: Record<string, unknown>[] = [...places.objects.east]
  for (const sketch of sketches) {
    const made = serviceObjects(sketch, addresses, dice)
    objects.push(...made.objects)
    pods.push(...made.pods)
    programs.push(...made.programs)
    virtual.set(sketch.name, made.virtual)
  }
  const callers = [
    { name: 'client', namespace, role: 'caller' },
    { name: 'guest', namespace: otherNamespace, role: 'caller' },
    { name: 'walker', namespace, role: 'explicit-caller' },
    { name: 'gateway', namespace, role: 'gateway' },
  ] as const
  for (const { name, namespace: home, role } of callers) {
    const zone = randomZone(dice)
    const pod = podOf({ name, app: name, home, address: addresses.take(), version: 'v1', role, program: '', zone })
    pods.push(pod)
    objects.push(podObject(pod, true))
  }
  objects.push(gatewayService(addresses.take()))
  const external = [addresses.take(), addresses.take()]
  const secure = [addresses.take()]
  programs.push(...external, ...secure)
  const sick = places.sick.length > 0
  const rules = [...policies(dice, keys), ...(dice.maybe(sick ? 1 : 0.85, () => [placesPolicy(dice, sick)]) ?? [])]
  objects.push(...serviceEntries(external, secure), ...rules)
  // Users of several clusters keep their rules the same in all of them; some do not.
  const west = [...places.objects.west, ...(dice.chance(0.6) ? rules : [])]
  return {
    seed,
    objects: new Map([
      ['east', objects as unknown as KubeObject[]],
      ['west', west as unknown as KubeObject[]],
    ]),
    meshConfig: meshConfig(dice),
    pods,
    programs,
    virtual,
    sick: places.sick,
  }
}

function podOf(sketch: {
  name: string
  app: string
  home: string
  address: string
  version: string
  role: ProxiedPod['role']
  program: string
  zone: string
}): ProxiedPod {
  const { name, app, home, address, version, role, program, zone } = sketch
  const labels = {
    app,
    version,
    'security.istio.io/tlsMode': 'istio',
    ...(role === 'gateway' && { istio: 'gateway' }),
  }
  return { name, app, namespace: home, address, labels, role, program, zone, cluster: 'east', network: '' }
}

function podObject(pod: ProxiedPod, proxied: boolean) {
  const { 'security.istio.io/tlsMode': mark, ...plain } = pod.labels
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod.name, namespace: pod.namespace, labels: proxied && mark ? pod.labels : plain },
    spec: { serviceAccountName: pod.app, nodeName: nodeOf(pod.zone), containers: [{ name: 'app' }] },
    status: { podIP: pod.address },
  }
}

function serviceObjects(sketch: ServiceSketch, addresses: Addresses, dice: Dice) {
  const { name, port, number, versions, proxied, grpc } = sketch
  const listed = [{ name: port, port: number }, ...(grpc ? [{ name: 'grpc', port: ports.http2 }] : [])]
  const virtual = addresses.take()
  const programs: string[] = []
  const members = versions.map((version) => {
    const address = addresses.take()
    const program = proxied ? addresses.take() : address
    programs.push(program)
    return podOf({
      name: `${name}-${version}`,
      app: name,
      home: namespace,
      address,
      version,
      role: 'server',
      program,
      zone: 'r1/z1',
    })
  })
  // Of several pods one may be not ready; then it gets nothing.
  const unready = members.length > 1 && dice.chance(0.15) ? members[0]?.name : undefined
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: {
        clusterIP: virtual,
        selector: { app: name },
        ports: listed.map((each) => ({ ...each, targetPort: each.port })),
      },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: listed,
      endpoints: members.map((pod) => ({
        addresses: [pod.address],
        conditions: { ready: pod.name !== unready },
        targetRef: { kind: 'Pod', name: pod.name, namespace },
      })),
    },
    ...members.map((pod) => podObject(pod, proxied)),
  ]
  return { objects, pods: proxied ? members : [], programs, virtual }
}

function meshConfig(dice: Dice): Record<string, unknown> {
  return compact({
    extensionProviders: extensionProviders(dice),
    outboundTrafficPolicy: dice.maybe(0.4, () => ({ mode: dice.pick(['REGISTRY_ONLY', 'ALLOW_ANY']) })),
    pathNormalization: dice.maybe(0.4, () => ({
      normalization: dice.pick(['NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES']),
    })),
    enableAutoMtls: dice.maybe(0.1, () => false),
    ingressSelector: 'gateway',
    defaultConfig: dice.maybe(0.3, () => ({
      gatewayTopology: compact({
        numTrustedProxies: dice.maybe(0.8, () => dice.pick([1, 2])),
        forwardClientCertDetails: dice.maybe(0.3, () => 'APPEND_FORWARD'),
      }),
    })),
    localityLbSetting: dice.maybe(0.15, () => localitySetting(dice)),
    defaultHttpRetryPolicy: dice.maybe(0.1, () => ({ attempts: 1, retryOn: '503' })),
  })
}

function policies(dice: Dice, keys: TokenKeys): Record<string, unknown>[] {
  const short = { host: 'reviews', port: ports.http, subsets: ['v1', 'v2', 'v3'] }
  const targets: Targets = {
    hosts: [
      short,
      short,
      { host: 'ratings.shop.svc.cluster.local', port: ports.http, subsets: [] },
      { host: 'legacy', port: ports.http, subsets: [] },
      { host: 'cart', port: ports.http, subsets: [] },
      { host: 'web', port: ports.auto, subsets: [] },
      { host: 'grpc', port: ports.http2, subsets: [] },
      { host: externalHost, port: ports.http, subsets: [] },
    ],
  }
  const found: (Record<string, unknown> | undefined)[] = [
    dice.maybe(0.9, () => destinationRule(dice, 'reviews', 'reviews', ['v1', 'v2', 'v3'])),
    dice.maybe(0.5, () => destinationRule(dice, 'db', 'db', ['v1', 'v2'])),
    ...(dice.maybe(0.85, () => httpRules(dice, 'reviews', { hosts: ['reviews'] }, targets)) ?? []),
    ...(dice.maybe(0.3, () => httpRules(dice, 'ratings', { hosts: ['ratings.shop.svc.cluster.local'] }, targets)) ??
      []),
    ...(dice.maybe(0.3, () => httpRules(dice, 'web', { hosts: ['web'] }, targets)) ?? []),
    ...(dice.maybe(0.4, () => httpRules(dice, 'external', { hosts: [externalHost] }, targets)) ?? []),
    dice.maybe(0.3, () => virtualService('db', { hosts: ['db'], tcp: [{ route: tcpSplit(dice) }] })),
    dice.maybe(0.3, () =>
      virtualService('secure', {
        hosts: [secureHost],
        tls: [
          {
            match: [{ port: ports.tls, sniHosts: [secureHost] }],
            route: [{ destination: { host: dice.pick([secureHost, 'db']), port: { number: ports.tls } } }],
          },
        ],
      }),
    ),
    dice.maybe(0.15, () => sidecar(dice)),
    dice.maybe(0.4, () => peerAuthentication(dice)),
    dice.maybe(0.4, () => requestAuthentication(dice, keys, false)),
    dice.maybe(0.2, () => requestAuthentication(dice, keys, true)),
    ...dice.list(0, 3, (at) => authorizationPolicy(dice, at, false)),
    ...dice.list(0, 1, (at) => authorizationPolicy(dice, at, true)),
    ...gatewayPolicies(dice, targets),
    dice.maybe(0.25, () => ingress(dice)),
    dice.maybe(0.3, () => failover(dice)),
    dice.maybe(0.1, () => drain(dice)),
    dice.maybe(0.15, () => sidecarIngress(dice)),
    ...(dice.maybe(0.35, () => dice.list(1, 2, (at) => envoyFilter(dice, at))) ?? []),
  ]
  return found.filter((each) => each !== undefined)
}

function tcpSplit(dice: Dice): Record<string, unknown>[] {
  const port = { number: ports.tcp }
  if (dice.chance(0.5)) return [{ destination: { host: 'db', subset: dice.pick(['v1', 'v2']), port } }]
  return [
    { destination: { host: 'db', subset: 'v1', port }, weight: 30 },
    { destination: { host: 'db', subset: 'v2', port }, weight: 70 },
  ]
}

function sidecar(dice: Dice): Record<string, unknown> {
  const hosts = dice.some(['./*', '*/reviews.shop.svc.cluster.local', `*/${externalHost}`, 'lobby/*'], 1, 3)
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: 'default', namespace },
    spec: compact({
      egress: [{ hosts }],
      outboundTrafficPolicy: dice.maybe(0.3, () => ({ mode: dice.pick(['REGISTRY_ONLY', 'ALLOW_ANY']) })),
    }),
  }
}

/** What the program takes, said outright: the same port, with the pod's own address behind it. */
function sidecarIngress(dice: Dice): Record<string, unknown> {
  const port = (number: number, protocol: string, name: string) => ({ port: { number, protocol, name } })
  const app = dice.pick(['web', 'reviews', 'ratings'])
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: 'ways-in', namespace },
    spec: {
      workloadSelector: { labels: { app } },
      ingress: dice.some(
        [
          port(ports.http, 'HTTP', 'http'),
          port(ports.auto, dice.pick(['HTTP', 'TCP']), 'any'),
          port(ports.tcp, 'TCP', 'tcp'),
        ],
        1,
        3,
      ),
    },
  }
}
