// What kube-proxy and the cluster's DNS are to pods without a proxy of their own: names of services lead to one of
// their ready endpoints. It is an HTTP proxy on each such pod's address, on the port where a sidecar would be, since
// programs have neither a network nor a resolver of their own.
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { connect, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { type KubeClient, Reflector } from '../../clusters/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { resources } from '../controllers/client/index.ts'

interface Service
  extends KubeObject<{
    type?: string
    externalName?: string
    clusterIP?: string
    ports?: { name?: string; port: number; protocol?: string }[]
  }> {}

interface EndpointSlice extends KubeObject {
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[] | null
  ports?: { name?: string; port?: number }[] | null
}

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** The services of a cluster, as a resolver and load balancer see them. */
export interface ServiceTable {
  readonly services: ReadonlyMap<string, KubeObject>
  readonly slices: ReadonlyMap<string, KubeObject>
}

/**
 * Where a name and port lead from a namespace: all ready endpoints of a service, or the place itself if it is none.
 * Undefined: a name of the cluster's own domain that nothing has. Pure.
 */
export function endpointsOf(
  table: ServiceTable,
  namespace: string,
  host: string,
  port: number,
): Endpoint[] | undefined {
  const service = findService(table, namespace, host)
  if (!service) return /\.svc(\.cluster\.local)?$/.test(host) || !/[.:]/.test(host) ? undefined : [{ host, port }]
  const { spec, metadata } = service
  if (spec?.type === 'ExternalName') return [{ host: spec.externalName ?? '', port }]
  const servicePort = spec?.ports?.find((p) => p.port === port && (p.protocol ?? 'TCP') === 'TCP')
  const found: Endpoint[] = []
  for (const slice of table.slices.values() as Iterable<EndpointSlice>) {
    const { namespace: where, labels } = slice.metadata
    if (where !== metadata.namespace || labels?.['kubernetes.io/service-name'] !== metadata.name) continue
    const number = slice.ports?.find((p) => (p.name ?? '') === (servicePort?.name ?? ''))?.port
    if (servicePort === undefined || number === undefined) continue
    for (const { addresses, conditions } of slice.endpoints ?? []) {
      const [address] = addresses
      if (address !== undefined && conditions?.ready !== false) found.push({ host: address, port: number })
    }
  }
  return found
}

function findService({ services }: ServiceTable, namespace: string, host: string): Service | undefined {
  if (isIP(host)) {
    return ([...services.values()] as Service[]).find((service) => service.spec?.clusterIP === host)
  }
  const [name = '', inNamespace = namespace, ...rest] = host.toLowerCase().split('.')
  if (!['', 'svc', 'svc.cluster.local'].includes(rest.join('.'))) return undefined
  return services.get(`${inNamespace}/${name}`) as Service | undefined
}

/** The network of pods without a proxy of their own. */
export class ServiceNetwork {
  readonly #client: KubeClient
  readonly #onError: (message: string) => void
  #reflectors: { services: Reflector; slices: Reflector } | undefined

  constructor(client: KubeClient, onError: (message: string) => void) {
    this.#client = client
    this.#onError = onError
  }

  /** Opens the network to a pod: its requests leave from its own address. Returns how to close it. */
  async open(namespace: string, address: string, port: number): Promise<() => void> {
    this.#watch()
    const server = createServer((incoming, outgoing) => this.#forward(namespace, address, incoming, outgoing))
    server.requestTimeout = 0
    server.headersTimeout = 0
    server.on('connect', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#tunnel(namespace, address, incoming, socket, head)
    })
    try {
      await listen(server, address, port)
    } catch (error) {
      this.#onError(`pods at ${address} reach no services: ${error instanceof Error ? error.message : String(error)}`)
    }
    return () => {
      server.close()
      server.closeAllConnections()
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#reflectors?.services.stop(), this.#reflectors?.slices.stop()])
  }

  #watch(): void {
    if (this.#reflectors) return
    const sink = { replace: () => undefined, set: () => undefined, delete: () => undefined }
    const client = this.#client
    this.#reflectors = {
      services: new Reflector({ client, type: resources.services, sink }),
      slices: new Reflector({ client, type: resources.endpointSlices, sink }),
    }
    this.#reflectors.services.start()
    this.#reflectors.slices.start()
  }

  /** One of the endpoints, at random as kube-proxy chooses; a reason where there is none. */
  #choose(namespace: string, host: string, port: number): Endpoint | string {
    const none = new Map<string, KubeObject>()
    const table = {
      services: this.#reflectors?.services.objects ?? none,
      slices: this.#reflectors?.slices.objects ?? none,
    }
    const found = endpointsOf(table, namespace, host, port)
    if (!found) return `could not resolve host: ${host}`
    return found[Math.floor(Math.random() * found.length)] ?? `no endpoint of ${host} is ready on port ${port}`
  }

  #forward(namespace: string, address: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
    const fail = (reason: string): void => {
      incoming.resume()
      if (outgoing.headersSent) outgoing.destroy()
      else outgoing.writeHead(503, { 'content-type': 'text/plain' }).end(`${reason}\n`)
    }
    const url = URL.parse(incoming.url ?? '')
    if (url?.protocol !== 'http:') return fail('this is a proxy: ask it with an absolute http URL')
    const endpoint = this.#choose(namespace, url.hostname, Number(url.port || 80))
    if (typeof endpoint === 'string') return fail(endpoint)
    const { 'proxy-connection': _dropped, ...headers } = incoming.headers
    const { method } = incoming
    const path = url.pathname + url.search
    const forwarded = request(
      { ...endpoint, ...from(address, endpoint), method, path, headers, agent: false },
      (reply) => {
        outgoing.writeHead(reply.statusCode ?? 502, reply.rawHeaders)
        reply.pipe(outgoing)
        reply.on('error', () => outgoing.destroy())
      },
    )
    forwarded.on('error', (error) => fail(error.message))
    outgoing.on('close', () => forwarded.destroy())
    incoming.pipe(forwarded)
  }

  #tunnel(namespace: string, address: string, incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const target = URL.parse(`tcp://${incoming.url}`)
    const endpoint = this.#choose(namespace, target?.hostname ?? '', Number(target?.port || 443))
    socket.on('error', () => socket.destroy())
    if (typeof endpoint === 'string') return void socket.end(`HTTP/1.1 503 ${endpoint}\r\n\r\n`)
    const upstream = connect({ ...endpoint, ...from(address, endpoint) }, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.write(head)
      upstream.pipe(socket)
      socket.pipe(upstream)
    })
    upstream.on('error', () => socket.destroy())
    socket.on('close', () => upstream.destroy())
  }
}

/** Calls within this machine come from the pod's address; from there nothing else can be reached. */
function from(address: string, { host }: Endpoint): { localAddress?: string } {
  return host.startsWith('127.') ? { localAddress: address } : {}
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
