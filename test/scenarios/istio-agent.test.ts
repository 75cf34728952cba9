// The exchange of Istio's proxy agent with its control plane, as a test client replays it: a signing request by token, then the
// state-of-the-world protocol with the node metadata of an injected pod, secrets by their names, and types of Istio's own.

import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { create, fromBinary, type JsonObject, toBinary } from '@bufbuild/protobuf'
import { Client, type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { NameTableSchema } from '#gen/dns/v1/nds_pb.js'
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import {
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js'
import { ProxyConfigSchema } from '#gen/mesh/v1alpha1/proxy_pb.js'
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from '#gen/security/v1alpha1/ca_pb.js'
import { accessFromSecret, type ResourceType } from '../../src/clusters/index.ts'
import { FakeApiServer, namespaces } from '../../src/clusters/testing/fake-api-server.ts'
import { type ControlPlane, makeLog, serve } from '../../src/control-plane/index.ts'
import { makeRequest } from '../../src/identity/index.ts'
import { allKinds, type KubeObject, readObjects } from '../../src/resources/index.ts'

const type = (group: string, kind: string, plural: string, namespaced = true, version = 'v1'): ResourceType => ({
  group,
  version,
  plural,
  kind,
  namespaced,
})
const configMaps = type('', 'ConfigMap', 'configmaps')
const types: ResourceType[] = [
  type('', 'Node', 'nodes', false),
  type('', 'Service', 'services'),
  type('', 'Pod', 'pods'),
  configMaps,
  type('', 'Secret', 'secrets'),
  type('discovery.k8s.io', 'EndpointSlice', 'endpointslices'),
  type('apps', 'Deployment', 'deployments'),
  type('coordination.k8s.io', 'Lease', 'leases'),
  type('apiextensions.k8s.io', 'CustomResourceDefinition', 'customresourcedefinitions', false),
  ...allKinds.map(({ group, kind, plural, versions }) => type(group, kind, plural, true, versions[0]?.name)),
]

const objects = `
apiVersion: v1
kind: Namespace
metadata: { name: istio-system, labels: { fairlead.dev/data-plane: envoy } }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Pod
metadata: { name: cart-1, namespace: shop, labels: { app: cart, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: cart, containers: [{ name: istio-proxy }] }
status: { podIP: 10.1.0.1, phase: Running }
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { clusterIP: 10.96.0.1, selector: { app: cart }, ports: [{ name: http, port: 80 }] }
`

/** What an injected pod's agent says of itself (as recorded from release 1.32), in the parts that matter. */
const metadata: JsonObject = {
  NAME: 'cart-1',
  NAMESPACE: 'shop',
  CLUSTER_ID: 'Kubernetes',
  SERVICE_ACCOUNT: 'cart',
  INSTANCE_IPS: '10.1.0.1',
  DNS_CAPTURE: 'true',
  ISTIO_VERSION: '1.32.0',
  INTERCEPTION_MODE: 'REDIRECT',
  LABELS: { app: 'cart', 'security.istio.io/tlsMode': 'istio' },
  ANNOTATIONS: { 'sidecar.istio.io/status': '{}' },
  MESH_ID: 'cluster.local',
  NODE_NAME: 'node-1',
  PILOT_SAN: ['istiod.istio-system.svc'],
  PROXY_CONFIG: { discoveryAddress: 'istiod.istio-system.svc:15012' },
  WORKLOAD_NAME: 'cart',
  OWNER: 'kubernetes://apis/apps/v1/namespaces/shop/deployments/cart',
  UNPRIVILEGED_POD: 'true',
}

const token = 'token-of-cart'

/** Answers token reviews, and passes everything else on. */
async function withTokenReviews(api: FakeApiServer): Promise<Server> {
  const server = createServer((incoming, response) => {
    if (incoming.method === 'POST' && incoming.url?.includes('/tokenreviews')) {
      let text = ''
      incoming.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      incoming.on('end', () => {
        const review = JSON.parse(text) as { spec: { token: string } }
        const authenticated = review.spec.token === token
        const status = { authenticated, user: { username: 'system:serviceaccount:shop:cart' } }
        response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ ...review, status }))
      })
      return
    }
    const outgoing = httpRequest(
      api.url + incoming.url,
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        response.flushHeaders()
        answer.pipe(response)
      },
    )
    outgoing.on('error', () => response.destroy())
    response.on('close', () => outgoing.destroy())
    incoming.pipe(outgoing)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

let api: FakeApiServer
let front: Server
let controlPlane: ControlPlane
const clients: Client[] = []

beforeAll(async () => {
  api = await FakeApiServer.start(types, 'uid-agent')
  for (const { object } of readObjects(objects, 'test').objects) {
    const found = [namespaces, ...types].find((each) => each.kind === object.kind)
    if (found) api.put(found, object as KubeObject)
  }
  front = await withTokenReviews(api)
  const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
  controlPlane = await serve({
    contexts: [
      { name: 'Kubernetes', isNamed: false, access: accessFromSecret(api.kubeconfig.replace(api.url, url), 'fake') },
    ],
    stateDir: undefined,
    http: { host: '127.0.0.1', port: 0 },
    xds: { host: '127.0.0.1', port: 0 },
    xdsPlaintext: undefined,
    log: makeLog('silent', false),
    release: '0.1.0',
  })
  await controlPlane.settled
})

afterAll(async () => {
  for (const client of clients) client.close()
  await controlPlane?.stop()
  front?.closeAllConnections()
  front?.close()
  await api?.close()
})

const asIs = (bytes: Buffer): Buffer => bytes

function connect(secure: ReturnType<typeof credentials.createSsl>): Client {
  const address = controlPlane.xds()?.tls
  const options = { 'grpc.ssl_target_name_override': 'istiod.istio-system.svc' }
  const client = new Client(`${address?.host}:${address?.port}`, secure, options)
  clients.push(client)
  return client
}

/** What an agent finds in its pod: the root of the control plane's own certificate. */
async function mountedRoot(): Promise<string> {
  const rootOf = (): string => {
    const map = api.objects(configMaps).get('shop/istio-ca-root-cert') as { data?: Record<string, string> } | undefined
    return map?.data?.['root-cert.pem'] ?? ''
  }
  await expect.poll(rootOf, { timeout: 20_000 }).toContain('BEGIN CERTIFICATE')
  return rootOf()
}

function sign(client: Client, csr: string): Promise<string[]> {
  const headers = new Metadata()
  headers.set('authorization', `Bearer ${token}`)
  headers.set('clusterid', 'Kubernetes')
  const request = create(IstioCertificateRequestSchema, { csr, validityDuration: 86_400n })
  const bytes = Buffer.from(toBinary(IstioCertificateRequestSchema, request))
  const path = '/istio.v1.auth.IstioCertificateService/CreateCertificate'
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, asIs, asIs, bytes, headers, (error, reply) =>
      error ? reject(error) : resolve(fromBinary(IstioCertificateResponseSchema, reply ?? new Uint8Array()).certChain),
    )
  })
}

/** One stream, as the agent keeps it: requests by type, each answer acknowledged. */
class AgentStream {
  readonly #stream: ClientDuplexStream<Buffer, Buffer>
  readonly #answers = new Map<string, DiscoveryResponse>()
  #isFirst = true

  constructor(client: Client) {
    const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources'
    this.#stream = client.makeBidiStreamRequest(path, asIs, asIs)
    this.#stream.on('data', (bytes: Buffer) => {
      const answer = fromBinary(DiscoveryResponseSchema, bytes)
      this.#answers.set(answer.typeUrl, answer)
      const names = answer.typeUrl.endsWith('.Secret') ? ['default', 'ROOTCA'] : []
      this.ask(answer.typeUrl, names, answer)
    })
    this.#stream.on('error', () => undefined)
  }

  ask(typeUrl: string, resourceNames: string[], answer?: DiscoveryResponse): void {
    const node = this.#isFirst
      ? { node: { id: 'sidecar~10.1.0.1~cart-1.shop~shop.svc.cluster.local', cluster: 'cart.shop', metadata } }
      : {}
    this.#isFirst = false
    const request = create(DiscoveryRequestSchema, {
      ...node,
      typeUrl,
      resourceNames,
      ...(answer && { versionInfo: answer.versionInfo, responseNonce: answer.nonce }),
    })
    this.#stream.write(Buffer.from(toBinary(DiscoveryRequestSchema, request)))
  }

  async answerOf(typeUrl: string): Promise<DiscoveryResponse> {
    return vi.waitUntil(() => this.#answers.get(typeUrl), { timeout: 10_000 })
  }

  get isOpen(): boolean {
    return !this.#stream.destroyed
  }

  close(): void {
    this.#stream.cancel()
  }
}

const nameTableType = 'type.googleapis.com/istio.networking.nds.v1.NameTable'
const agentConfigType = 'type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig'
const none = new Uint8Array()
const envoyType = (name: string): string => `type.googleapis.com/envoy.${name}`

describe("Istio's agent", () => {
  test('gets a certificate by token, and everything else by that certificate', async () => {
    const root = await mountedRoot()
    const { csr, key } = await makeRequest()
    const chain = await sign(connect(credentials.createSsl(Buffer.from(root))), csr)
    const leaf = new X509Certificate(chain[0] ?? '')
    expect(leaf.subjectAltName).toBe('URI:spiffe://cluster.local/ns/shop/sa/cart')
    expect(chain.length).toBeGreaterThanOrEqual(2)

    const own = Buffer.from(chain.slice(0, -1).join(''))
    const stream = new AgentStream(
      connect(credentials.createSsl(Buffer.from(chain.at(-1) ?? ''), Buffer.from(key.reveal()), own)),
    )
    // The agent asks for Istio's own types first, without names. It is not ready before it has the table of names.
    stream.ask(nameTableType, [])
    stream.ask(agentConfigType, [])
    const { table } = fromBinary(NameTableSchema, (await stream.answerOf(nameTableType)).resources[0]?.value ?? none)
    expect(table['cart.shop.svc.cluster.local']).toMatchObject({ ips: ['10.96.0.1'], shortname: 'cart' })
    const [told] = (await stream.answerOf(agentConfigType)).resources
    const { caCertificatesPem: roots } = fromBinary(ProxyConfigSchema, told?.value ?? none)
    expect(roots.map((pem) => new X509Certificate(pem).ca)).toEqual([true])
    stream.ask(envoyType('config.cluster.v3.Cluster'), [])
    stream.ask(envoyType('config.listener.v3.Listener'), [])
    const clusters = await stream.answerOf(envoyType('config.cluster.v3.Cluster'))
    const listeners = await stream.answerOf(envoyType('config.listener.v3.Listener'))
    expect(clusters.resources.length).toBeGreaterThan(3)
    expect(listeners.resources.length).toBeGreaterThan(1)
    // Envoy gets certificates from the agent beside it: the key never leaves the pod.
    const text = Buffer.concat(listeners.resources.map(({ value }) => value)).toString('latin1')
    expect(text).toContain('sds-grpc')

    stream.ask(envoyType('extensions.transport_sockets.tls.v3.Secret'), ['default', 'ROOTCA'])
    const secrets = await stream.answerOf(envoyType('extensions.transport_sockets.tls.v3.Secret'))
    const kinds = secrets.resources
      .map(({ value }) => fromBinary(SecretSchema, value))
      .map(({ name, type: { case: kind } }) => [name, kind] as const)
    expect(new Map(kinds)).toEqual(
      new Map([
        ['ROOTCA', 'validationContext'],
        ['default', 'tlsCertificate'],
      ]),
    )
    expect(stream.isOpen).toBe(true)
    stream.close()
  })

  test('is refused without a token that its cluster accepts', async () => {
    const root = await mountedRoot()
    const { csr } = await makeRequest()
    const headers = new Metadata()
    headers.set('authorization', 'Bearer stolen')
    const request = create(IstioCertificateRequestSchema, { csr, validityDuration: 3600n })
    const client = connect(credentials.createSsl(Buffer.from(root)))
    const path = '/istio.v1.auth.IstioCertificateService/CreateCertificate'
    const refused = new Promise((resolve) => {
      const bytes = Buffer.from(toBinary(IstioCertificateRequestSchema, request))
      client.makeUnaryRequest(path, asIs, asIs, bytes, headers, (error) => resolve(error?.code))
    })
    expect(await refused).toBe(16)
  })
})
