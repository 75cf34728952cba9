// Proxies on demand with a real Envoy: what requests need comes with them, whatever their protocol, and is kept through restarts.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestOptions, request, type Server } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { AdsServer, adsMethods, GrpcServer } from '../../src/ads/index.ts'
import { meshBackend, ObjectTables, TrackedWorlds, Views } from '../../src/control-plane/xds/index.ts'
import { proxyOfNode } from '../../src/mesh/index.ts'
import { Engine } from '../../src/pipeline/index.ts'
import { groupKind, type KubeObject, objectKey } from '../../src/resources/index.ts'
import { findEnvoy } from '../../src/sandbox/envoy/index.ts'

const proxyAddress = '127.77.1.1'
const proxyUrl = { host: proxyAddress, port: 15001 }
const count = 12
const folder = mkdtempSync(join(tmpdir(), 'fairlead-on-demand-'))
const hostOf = (i: number): string => `s${i}.shop`
const clusterOf = (i: number): string => `outbound|80||s${i}.shop.svc.cluster.local`

/** The programs behind the services: each says who it is, hands on what it is sent, and takes WebSockets. */
const programs: Server[] = []

/** The control plane without clusters: objects → resources → xDS. It can go away and come back with the same objects. */
class ControlPlane {
  readonly #objects: KubeObject[] = []
  #running: { engine: Engine; tables: ObjectTables; server: AdsServer; grpc: GrpcServer } | undefined
  port = 0

  async start(): Promise<void> {
    const engine = new Engine()
    const tables = new ObjectTables(engine)
    const views = new Views(engine, new TrackedWorlds(tables), meshBackend)
    const server = new AdsServer({
      source: {
        connect: (node, changed) => {
          const proxy = proxyOfNode(node)
          if (!proxy) throw new Error(`${node.id} is no proxy`)
          return views.connect('east', proxy, changed)
        },
        rejected: (_node, typeUrl, names, detail) => {
          throw new Error(`Envoy refuses ${typeUrl} ${names.map(({ name }) => name).join()}: ${detail}`)
        },
        accepted: () => undefined,
      },
      verifier: { verify: async () => undefined },
    })
    const grpc = new GrpcServer({ streaming: adsMethods(server), unary: new Map() }, undefined)
    this.#running = { engine, tables, server, grpc }
    for (const object of this.#objects) this.#set(object)
    engine.rebuild()
    this.port = await grpc.listen('127.0.0.1', this.port)
  }

  stop(): void {
    this.#running?.grpc.close()
    this.#running = undefined
  }

  write(text: string): void {
    for (const document of parseAllDocuments(text)) {
      const object = document.toJS() as KubeObject
      const at = this.#objects.findIndex((each) => sameName(each, object))
      this.#objects.splice(at < 0 ? this.#objects.length : at, 1, object)
      this.#set(object)
    }
    this.#running?.engine.rebuild()
  }

  remove(text: string): void {
    const object = parseAllDocuments(text)[0]?.toJS() as KubeObject
    const at = this.#objects.findIndex((each) => sameName(each, object))
    this.#objects.splice(at, 1)
    this.#running?.tables.delete('east', groupKind(object), objectKey(object))
    this.#running?.engine.rebuild()
  }

  /** Names of what the proxy has been given of a type. */
  given(type: string): string[] {
    const all = this.#running?.server.given(nodeId) ?? new Map()
    for (const [typeUrl, resources] of all)
      if (typeUrl.endsWith(type)) return (resources as { name: string }[]).map(({ name }) => name)
    return []
  }

  #set(object: KubeObject): void {
    this.#running?.tables.set('east', groupKind(object), objectKey(object), object)
  }
}

const sameName = (a: KubeObject, b: KubeObject): boolean =>
  groupKind(a) === groupKind(b) && objectKey(a) === objectKey(b)

const nodeId = `sidecar~${proxyAddress}~sleep.shop~shop.svc.cluster.local`
const plane = new ControlPlane()
let envoy: ChildProcess | undefined

const service = (i: number, port: number): string => `
apiVersion: v1
kind: Service
metadata: { name: s${i}, namespace: shop }
spec: { clusterIP: 10.1.0.${i + 1}, ports: [{ name: http, port: 80, targetPort: ${port} }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: s${i}-1, namespace: shop, labels: { kubernetes.io/service-name: s${i} } }
addressType: IPv4
endpoints: [{ addresses: [127.0.0.1], conditions: { ready: true } }]
ports: [{ name: http, port: ${port} }]`

const portOf = (server: Server): number => (server.address() as AddressInfo).port

beforeAll(async () => {
  for (let i = 0; i < count; i++) {
    const server = createServer((req, res) => {
      res.setHeader('x-program', `s${i}`)
      req.pipe(res)
    })
    server.on('upgrade', (_req, socket: Socket) => {
      // Callers hang up when they have seen enough.
      socket.on('error', () => socket.destroy())
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      socket.pipe(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    programs.push(server)
  }
  await plane.start()
  plane.write(`
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "enableAutoMtls: false" }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { fairlead.dev/on-demand: "true" } }`)
  for (const [i, program] of programs.entries()) plane.write(service(i, portOf(program)))
  envoy = await startEnvoy()
})

afterAll(() => {
  envoy?.kill('SIGKILL')
  plane.stop()
  for (const program of programs) {
    program.closeAllConnections()
    program.close()
  }
  rmSync(folder, { recursive: true, force: true })
})

async function startEnvoy(): Promise<ChildProcess> {
  const { path } = await findEnvoy()
  const ads = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' }
  const address = (host: string, port: number) => ({ socket_address: { address: host, port_value: port } })
  const extensions = 'type.googleapis.com/envoy.extensions'
  const file = join(folder, 'envoy.json')
  writeFileSync(
    file,
    JSON.stringify({
      node: {
        id: nodeId,
        cluster: 'sleep.shop',
        metadata: { NAMESPACE: 'shop', CLUSTER_ID: 'east', INSTANCE_IPS: proxyAddress, FAIRLEAD_DATA_PATH: 'loopback' },
      },
      admin: { address: address(proxyAddress, 15000) },
      bootstrap_extensions: [
        {
          name: 'envoy.bootstrap.internal_listener',
          typed_config: { '@type': `${extensions}.bootstrap.internal_listener.v3.InternalListener` },
        },
      ],
      dynamic_resources: {
        lds_config: ads,
        cds_config: ads,
        ads_config: {
          api_type: 'DELTA_GRPC',
          transport_api_version: 'V3',
          set_node_on_first_message_only: true,
          grpc_services: [
            {
              envoy_grpc: {
                cluster_name: 'xds',
                retry_policy: { retry_back_off: { base_interval: '0.1s', max_interval: '0.2s' } },
              },
            },
          ],
        },
      },
      static_resources: {
        clusters: [
          {
            name: 'xds',
            type: 'STATIC',
            connect_timeout: '1s',
            load_assignment: {
              cluster_name: 'xds',
              endpoints: [{ lb_endpoints: [{ endpoint: { address: address('127.0.0.1', plane.port) } }] }],
            },
            typed_extension_protocol_options: {
              'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
                '@type': `${extensions}.upstreams.http.v3.HttpProtocolOptions`,
                explicit_http_config: { http2_protocol_options: {} },
              },
            },
          },
        ],
      },
    }),
  )
  const log = join(folder, 'envoy.log')
  const out = openSync(log, 'w')
  const args = ['-c', file, '--concurrency', '2', '--disable-hot-restart', '-l', process.env['ENVOY_LOG'] ?? 'warning']
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', path, ...args], { stdio: ['ignore', out, out] })
  for (const end = Date.now() + 60_000; Date.now() < end; await delay(50)) {
    if (child.exitCode !== null) break
    const ready = await fetch(`http://${proxyAddress}:15000/ready`).catch(() => undefined)
    if (ready?.ok) return child
  }
  throw new Error(`Envoy is not ready:\n${readFileSync(log, 'utf8').slice(-3000)}`)
}

interface Answer {
  readonly status: number
  readonly program: string
  readonly body: string
}

/** A request as a program makes it that knows the sidecar as its HTTP proxy. */
function call(host: string, { body = '', ...more }: RequestOptions & { body?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { ...proxyUrl, agent: false, path: `http://${host}/x`, headers: { host }, ...more },
      (response) =>
        void read(response).then((text) =>
          resolve({ status: response.statusCode ?? 0, program: String(response.headers['x-program']), body: text }),
        ),
    )
    asked.on('error', reject)
    asked.end(body)
  })
}

async function read(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of response) text += String(piece)
  return text
}

/** The clusters of services that Envoy itself says it has. */
async function clustersOfEnvoy(): Promise<string[]> {
  const text = await (await fetch(`http://${proxyAddress}:15000/clusters?format=json`)).text()
  const { cluster_statuses: all = [] } = JSON.parse(text) as { cluster_statuses?: { name: string }[] }
  return all.map(({ name }) => name).filter((name) => name.startsWith('outbound|'))
}

it('begins with no clusters of services, and has one after a first request', async () => {
  expect(await clustersOfEnvoy()).toEqual([])
  expect(await call(hostOf(0))).toMatchObject({ status: 200, program: 's0' })
  expect(await clustersOfEnvoy()).toEqual([clusterOf(0)])
})

it('lets first requests of every protocol wait: bodies, HTTP/2, WebSockets, tunnels, and many at once', async () => {
  expect(await call(hostOf(1), { method: 'POST', body: 'hello' })).toMatchObject({ status: 200, body: 'hello' })
  const body = 'x'.repeat(300_000)
  expect(await call(hostOf(2), { method: 'POST', body })).toMatchObject({ status: 200, program: 's2', body })
  const session = connectHttp2(`http://${proxyUrl.host}:${proxyUrl.port}`)
  const stream = session.request({ ':method': 'POST', ':path': '/', ':authority': hostOf(3), te: 'trailers' })
  const status = new Promise((resolve) => void stream.once('response', (headers) => resolve(headers[':status'])))
  stream.end('two')
  expect(await status).toBe(200)
  session.destroy()
  const headers = { host: hostOf(4), connection: 'Upgrade', upgrade: 'websocket' }
  const socket = request({ ...proxyUrl, path: `http://${hostOf(4)}/`, headers }).end()
  const echoed = await new Promise<string>((resolve, reject) => {
    socket.on('response', ({ statusCode }) => reject(new Error(`not upgraded: ${statusCode}`)))
    socket.on('upgrade', (_response, wire: Socket) => {
      wire.once('data', (data) => resolve(data.toString()))
      wire.write('ping')
    })
  })
  expect(echoed).toBe('ping')
  socket.destroy()
  const tunnel = request({ ...proxyUrl, method: 'CONNECT', path: `${hostOf(5)}:80` }).end()
  const inner = await new Promise<Socket>(
    (resolve) => void tunnel.once('connect', (_res, wire: Socket) => resolve(wire)),
  )
  const through = await new Promise<string>((resolve) => {
    inner.once('data', (data) => resolve(data.toString()))
    inner.write(`GET / HTTP/1.1\r\nhost: ${hostOf(5)}\r\n\r\n`)
  })
  expect(through).toMatch(/^HTTP\/1.1 200[^]*x-program: s5/)
  inner.destroy()
  const all = await Promise.all(Array.from({ length: 50 }, () => call(hostOf(6))))
  expect(all.every(({ status: each, program }) => each === 200 && program === 's6')).toBe(true)
})

/** Requests one after the other for as long as something goes on. */
async function meanwhile(host: string, work: () => Promise<unknown>): Promise<number[]> {
  const statuses: number[] = []
  let done = false
  const calls = (async () => {
    while (!done) {
      statuses.push((await call(host)).status)
      await delay(5)
    }
  })()
  await work()
  done = true
  await calls
  return statuses
}

const rule = (i: number, to: number): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: s${i}, namespace: shop }
spec: { hosts: [s${i}], http: [{ route: [{ destination: { host: s${to} } }] }] }`

it('loses nothing when a host in use is sent to a service that was never used', async () => {
  const statuses = await meanwhile(hostOf(0), async () => {
    plane.write(rule(0, 7))
    await expect.poll(async () => (await call(hostOf(0))).program).toBe('s7')
  })
  expect(new Set(statuses)).toEqual(new Set([200]))
  expect(await clustersOfEnvoy()).toContain(clusterOf(7))
  plane.remove(rule(0, 7))
  await expect.poll(async () => (await call(hostOf(0))).program).toBe('s0')
})

it('follows what rules, patches and endpoints say of clusters in use', async () => {
  plane.write(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: s0, namespace: shop }
spec: { host: s0, trafficPolicy: { connectionPool: { tcp: { connectTimeout: 3s } } } }
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: s0, namespace: shop }
spec:
  configPatches:
  - applyTo: CLUSTER
    match: { cluster: { service: s0.shop.svc.cluster.local } }
    patch: { operation: MERGE, value: { max_requests_per_connection: 77 } }`)
  const dump = async (): Promise<string> => {
    const url = `http://${proxyAddress}:15000/config_dump?resource=dynamic_active_clusters&name_regex=.*s0.shop.*`
    return (await fetch(url)).text()
  }
  await expect.poll(dump).toMatch(/"connect_timeout": "3s"[^]*"max_requests_per_connection": 77/)
  plane.write(service(0, portOf(programs[8] as Server)))
  await expect.poll(async () => (await call(hostOf(0))).program).toBe('s8')
  plane.write(service(0, portOf(programs[0] as Server)))
  await expect.poll(async () => (await call(hostOf(0))).program).toBe('s0')
})

it('tells that a service is gone, and takes it up again when it is back', async () => {
  expect((await call(hostOf(9))).program).toBe('s9')
  plane.remove(service(9, 1))
  await expect.poll(async () => (await call(hostOf(9))).status, { timeout: 5000 }).not.toBe(200)
  expect(await clustersOfEnvoy()).not.toContain(clusterOf(9))
  plane.write(service(9, portOf(programs[9] as Server)))
  await expect.poll(async () => (await call(hostOf(9))).program, { timeout: 5000 }).toBe('s9')
})

it('goes on without the control plane; what is asked for then is answered after a while', async () => {
  const before = await clustersOfEnvoy()
  plane.stop()
  expect((await call(hostOf(0))).status).toBe(200)
  const start = Date.now()
  const waited = await call(hostOf(10))
  expect(waited.status).toBe(504)
  expect(Date.now() - start).toBeLessThan(20_000)
  const statuses = await meanwhile(hostOf(0), async () => {
    await plane.start()
    await expect.poll(() => plane.given('VirtualHost'), { timeout: 10_000 }).toContain(`http_proxy/${hostOf(0)}`)
    await delay(500)
  })
  expect(new Set(statuses)).toEqual(new Set([200]))
  expect((await clustersOfEnvoy()).toSorted()).toEqual([...before, clusterOf(10)].toSorted())
  expect(await call(hostOf(10))).toMatchObject({ status: 200, program: 's10' })
})

it('is switched off and on while requests run, and loses none', async () => {
  const label = (value: string): string => `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { fairlead.dev/on-demand: "${value}" } }`
  const off = await meanwhile(hostOf(0), async () => {
    plane.write(label('false'))
    await expect.poll(clustersOfEnvoy, { timeout: 10_000 }).toHaveLength(count)
    expect((await call(hostOf(11))).status).toBe(200)
  })
  expect(new Set(off)).toEqual(new Set([200]))
  const on = await meanwhile(hostOf(0), async () => {
    plane.write(label('true'))
    await expect.poll(clustersOfEnvoy, { timeout: 10_000 }).not.toContain(clusterOf(11))
    expect((await call(hostOf(11))).status).toBe(200)
  })
  expect(new Set(on)).toEqual(new Set([200]))
})
