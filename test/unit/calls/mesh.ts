// A mesh for tests: services in short form, policies as YAML, and calls whose outcome is told by the evaluator from the
// Envoy resources that translation makes.
import { parseAllDocuments } from 'yaml'
import { staticMesh } from '../../../src/control-plane/explain/index.ts'
import { type TranslateInput, type TranslateResult, translate } from '../../../src/dialects/index.ts'
import { snapshotOf, staticWorld, systemNamespace } from '../../../src/discovery/index.ts'
import {
  applyChanges,
  arriving,
  type Call,
  type Circumstances,
  copiesOf,
  describeTrace,
  dial,
  type Hop,
  hintsFor,
  hostAndPort,
  type Outcome,
  outcomesOf,
  type ProxyConfig,
  type Telling,
  trace,
  triesOf,
} from '../../../src/evaluator/index.ts'
import { groupKind, type KubeObject } from '../../../src/resources/index.ts'

/** A service, and pods of it with a proxy each: `name: number of pods`, where the name is the label `version`. */
export interface TestService {
  readonly namespace?: string
  /** By port name, as Istio reads it (`http`, `grpc-api`, `tcp`). */
  readonly ports?: Readonly<Record<string, number>>
  readonly versions?: Readonly<Record<string, number>>
  readonly labels?: Readonly<Record<string, string>>
  /** Of its pods only. */
  readonly podLabels?: Readonly<Record<string, string>>
  /** Name of its account, where it is not its own name. */
  readonly account?: string
  /** Gateways run Envoy only. */
  readonly gateway?: boolean
  /** Address from outside; ports below 1024 lead to pod ports 8000 higher. */
  readonly externalAddress?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly plaintext?: boolean
}

export interface TestCluster {
  readonly network?: string
  readonly region?: string
  readonly zone?: string
  readonly services: Readonly<Record<string, TestService>>
  readonly yaml?: string
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Arrives here, from outside of the mesh. */
  readonly at?: string
  readonly tls?: Call['tls']
  readonly circumstances?: Circumstances
}

/** Share of calls by where they end: pod (`reviews-v1-0`), status (`403`), or `closed`. */
export type Shares = Readonly<Record<string, number>>

/** One call with what may come of it. */
export interface ExpectedCall {
  readonly outcomes: readonly Outcome[]
  readonly shares: Shares
  /** The request as it arrives, and what becomes of the headers of an answer; for calls with one outcome. */
  readonly arrival: {
    host: string
    path: string
    headers: Readonly<Record<string, string>>
    answer: Record<string, string>
  }
  readonly location: string | undefined
  /** Copies of the request (mirrors), and where they end. */
  readonly copies: readonly { readonly share: number; readonly shares: Shares }[]
  /** How often a program that always answers with that status gets the request. */
  tries(status: number): number
}

/** What dialects make of the objects of a management cluster, which is one of the clusters. */
export interface Dialects extends Pick<TranslateInput, 'resolved' | 'verifies'> {
  readonly management: string
}

export class TestMesh {
  /** What dialects said; without them nothing. */
  readonly translated: TranslateResult | undefined
  readonly #mesh: ReturnType<typeof staticMesh>
  readonly #podOfAddress: ReadonlyMap<string, string>

  /** With `dialects` each cluster is a mesh of its own, and its pods are told as `CLUSTER/POD`. */
  constructor(clusters: Readonly<Record<string, TestCluster>>, meshConfig = '', dialects?: Dialects) {
    const given = Object.entries(clusters).map(
      ([name, cluster], at) => [name, objectsOf(cluster, at, meshConfig)] as const,
    )
    const names = Object.keys(clusters)
    this.translated = dialects && translate({ snapshot: snapshotOf(new Map(given), groupKind), ...dialects })
    const made = given.map(([name, objects]) => {
      const added = this.translated?.objects.filter(({ cluster }) => cluster === name) ?? []
      return [name, [...objects, ...added.map(({ object }) => object)]] as const
    })
    const snapshot = snapshotOf(new Map(made), groupKind)
    this.#mesh = staticMesh(names, (primary) =>
      staticWorld(snapshot, { primary, clusters: dialects === undefined ? names : [primary] }),
    )
    const prefix = (cluster: string): string => (dialects === undefined ? '' : `${cluster}/`)
    this.#podOfAddress = new Map(
      made.flatMap(([cluster, objects]) =>
        objects.flatMap(({ kind, metadata, ...rest }) => {
          const { status } = rest as { status?: { podIP?: string } }
          return kind === 'Pod' ? [[status?.podIP ?? '', `${prefix(cluster)}${metadata.name}`] as const] : []
        }),
      ),
    )
  }

  /** `from`: `pod.namespace`, e.g. `client-v1-0.shop`; `to`: `METHOD URL`. */
  call(from: string, to: string, options: CallOptions = {}): ExpectedCall {
    const { hop } = this.#trace(from, to, options)
    const outcomes = outcomesOf(hop)
    return {
      outcomes,
      shares: this.#sharesOf(outcomes),
      arrival: arrivalOf(outcomes),
      location: outcomes[0]?.location,
      copies: copiesOf(hop).map((copy) => ({ share: copy.share, shares: this.#sharesOf(copy.outcomes) })),
      tries: (status) => triesOf(hop, status),
    }
  }

  /** In words. */
  explain(from: string, to: string, options: CallOptions & Telling = {}): string {
    return describeTrace(this.#trace(from, to, options).hop, options)
  }

  hints(from: string, to: string, options: CallOptions = {}): readonly string[] {
    const { proxy, hop } = this.#trace(from, to, options)
    return hintsFor(proxy, hop)
  }

  #trace(from: string, to: string, options: CallOptions): { proxy: ProxyConfig; hop: Hop } {
    const proxy = this.#mesh.find(from)[0]
    if (!proxy) throw new Error(`no proxy ${from}; there are ${this.#mesh.names.join(', ')}`)
    const [method = '', url = ''] = to.split(' ')
    const parsed = new URL(url)
    const tls = parsed.protocol === 'https:'
    const dialled = dial(proxy, {
      host: parsed.hostname,
      port: Number(parsed.port) || (tls ? 443 : 80),
      protocol: parsed.protocol === 'tcp:' ? 'tcp' : 'http',
      tls,
      path: parsed.pathname + parsed.search,
      method,
      headers: options.headers ?? {},
    })
    const call = options.at === undefined ? dialled : fromOutside(proxy, dialled, options)
    return { proxy, hop: trace(this.#mesh, proxy, call, options.circumstances) }
  }

  #sharesOf(outcomes: readonly Outcome[]): Shares {
    const shares: Record<string, number> = {}
    for (const { share, kind, endpoint = '', status } of outcomes) {
      const pod = this.#podOfAddress.get(endpoint.replace(/:\d+$/, '')) ?? endpoint
      const name = kind === 'reached' ? pod : kind === 'answered' ? String(status) : 'closed'
      shares[name] = (shares[name] ?? 0) + share
    }
    return Object.fromEntries(
      Object.entries(shares).map(([name, share]) => [name, Math.round(share * 10_000) / 10_000]),
    )
  }
}

function fromOutside(proxy: ProxyConfig, dialled: Call, { at = '', tls }: CallOptions): Call {
  const [address, port] = hostAndPort(at)
  const { tls: own, ...rest } = dialled
  const shown = tls ?? own
  return arriving(proxy, { address, port }, { ...rest, ...(shown && { tls: shown }), sourceAddress: '203.0.113.9' })
}

function arrivalOf(outcomes: readonly Outcome[]): ExpectedCall['arrival'] {
  const reached = outcomes.find(({ kind }) => kind === 'reached')
  const answer = applyChanges(new Map(), outcomes[0]?.responseChanges ?? [])
  const { host = '', path = '', headers = {} } = reached?.request ?? {}
  return { host, path, headers, answer: Object.fromEntries(answer) }
}

function objectsOf(cluster: TestCluster, at: number, meshConfig: string): KubeObject[] {
  const { network, region = '', zone = '', services, yaml = '' } = cluster
  const labels = { 'fairlead.dev/data-plane': 'envoy', ...(network && { 'topology.istio.io/network': network }) }
  const system = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace, labels } }
  const topology = { 'topology.kubernetes.io/region': region, 'topology.kubernetes.io/zone': zone }
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node', labels: topology } }
  const settings = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'istio', namespace: systemNamespace } }
  return [
    system,
    ...(region === '' ? [] : [node]),
    { ...settings, data: { mesh: meshConfig } } as KubeObject,
    ...Object.entries(services).flatMap(([name, service], index) => serviceObjects(name, service, at * 100 + index)),
    ...parseAllDocuments(yaml).flatMap((document) => (document.toJS() as KubeObject | null) ?? []),
  ]
}

/** Gateways between networks see their own only, or they would send requests back and forth. */
function router(labels: Readonly<Record<string, string>>): object {
  const network = labels['topology.istio.io/network']
  const env = network === undefined ? [] : [{ name: 'ISTIO_META_REQUESTED_NETWORK_VIEW', value: network }]
  return { args: ['proxy', 'router'], env }
}

function serviceObjects(name: string, service: TestService, at: number): KubeObject[] {
  const { namespace = 'shop', ports = { http: 80 }, versions = { v1: 1 }, gateway = false, plaintext = false } = service
  const portOf = (port: number): number => (gateway && port < 1024 ? port + 8000 : port)
  const listed = Object.entries(ports).map(([port, number]) => ({
    name: port,
    port: number,
    targetPort: portOf(number),
  }))
  const pods = Object.entries(versions).flatMap(([version, count]) =>
    Array.from({ length: count }, (_, index) => ({ version, name: `${name}-${version}-${index}` })),
  )
  const addressed = pods.map((pod, index) => ({
    ...pod,
    address: `10.${10 + Math.floor(at / 100)}.${at % 100}.${index + 1}`,
  }))
  const { externalAddress, annotations = {}, labels = {}, podLabels = {}, account = name } = service
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace, labels, annotations },
      spec: {
        clusterIP: `10.96.${Math.floor(at / 100)}.${(at % 100) + 1}`,
        selector: { app: name },
        ports: listed,
        ...(externalAddress !== undefined && { type: 'LoadBalancer' }),
      },
      ...(externalAddress !== undefined && { status: { loadBalancer: { ingress: [{ ip: externalAddress }] } } }),
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: listed.map(({ name: port, targetPort }) => ({ name: port, port: targetPort })),
      endpoints: addressed.map((pod) => ({
        addresses: [pod.address],
        conditions: { ready: true },
        targetRef: { kind: 'Pod', name: pod.name, namespace },
      })),
    },
    ...addressed.map((pod) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: pod.name,
        namespace,
        labels: {
          app: name,
          version: pod.version,
          ...(plaintext ? {} : { 'security.istio.io/tlsMode': 'istio' }),
          ...(gateway && { istio: name }),
          ...labels,
          ...podLabels,
        },
      },
      spec: {
        nodeName: 'node',
        serviceAccountName: account,
        containers: [{ name: plaintext ? 'app' : 'istio-proxy', ...(gateway && router({ ...labels, ...podLabels })) }],
      },
      status: { podIP: pod.address },
    })),
  ] as KubeObject[]
}
