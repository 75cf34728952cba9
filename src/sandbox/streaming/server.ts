// The HTTPS server of a process kubelet: logs, exec, attach, port-forward. The paths and protocols are a real kubelet's, so
// that any Kubernetes API server can be in front of it.
import type { ChildProcess } from 'node:child_process'
import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Duplex, PassThrough } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws'
import { selfSignedCertificate } from './certificate.ts'
import {
  type Channels,
  type ExecOptions,
  failureStatus,
  joinProcess,
  spdyChannels,
  type TerminalProcess,
  webSocketChannels,
} from './exec.ts'
import { logOptions, sendLog } from './logs.ts'
import { servePortForward } from './port-forward.ts'
import { SpdySession } from './spdy.ts'

/** What the server asks of the kubelet behind it. */
export interface PodRuntime {
  /** Log file of a container; `previous`: of the run before. Undefined if there is no such pod, container or run. */
  logFile(namespace: string, pod: string, container: string, previous: boolean): string | undefined
  /** Whether the container still writes its log. */
  isRunning(namespace: string, pod: string, container: string): boolean
  /** Starts a command in the container's environment; undefined if there is no such running container. */
  exec(
    namespace: string,
    pod: string,
    container: string,
    command: readonly string[],
    options: { readonly tty: boolean },
  ): TerminalProcess | undefined
  /** Joins the output (and input) of the container's own process; undefined if there is none to join. */
  attach?(namespace: string, pod: string, container: string): ChildProcess | undefined
  /** Connects to a port of the pod, as a program inside it would to localhost. */
  connect(namespace: string, pod: string, port: number): Duplex | undefined
}

export interface KubeletServerOptions {
  readonly host: string
  readonly port: number
  /** Bearer token that the API server shows. */
  readonly token: string
  /** PEM of the authority for client certificates, by which a real API server proves itself; without it, none counts. */
  readonly clientAuthority?: string
  readonly runtime: PodRuntime
}

const execProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io']
const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io'

/** Starts the server; rejects with EADDRINUSE and the like. */
export async function startKubeletServer(
  options: KubeletServerOptions,
): Promise<{ port: number; close(): Promise<void> }> {
  const { clientAuthority: ca } = options
  const clients = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: false }
  const server = createServer({ ...(await selfSignedCertificate(options.host)), ...clients })
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => [...execProtocols, tunnelProtocol].find((name) => offered.has(name)) ?? false,
  })
  server.on('request', (request, response) => {
    if (!isAllowed(request, options.token)) return response.writeHead(401).end('Unauthorized\n')
    const url = new URL(request.url ?? '/', 'https://kubelet')
    const [, verb, namespace = '', pod = '', container = ''] = url.pathname.split('/').map(decodeURIComponent)
    if (verb === 'healthz') return response.end('ok')
    if (verb !== 'containerLogs') return response.writeHead(404).end('not found\n')
    const file = options.runtime.logFile(namespace, pod, container, url.searchParams.get('previous') === 'true')
    if (file === undefined) {
      return response.writeHead(404).end(`container "${container}" in pod "${pod}" has no log\n`)
    }
    response.writeHead(200, { 'content-type': 'text/plain' }).flushHeaders()
    const isRunning = (): boolean => options.runtime.isRunning(namespace, pod, container)
    sendLog(file, logOptions(url.searchParams, Date.now()), response, isRunning).catch((error: Error) =>
      response.destroy(error),
    )
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    if (!isAllowed(request, options.token)) return refuse(socket, 401, 'Unauthorized')
    upgrade(request, socket, head, options.runtime, sockets)
  })
  await listen(server, options)
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const client of sockets.clients) client.terminate()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function listen(server: Server, { host, port }: KubeletServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** By the token, or by a certificate of the cluster's authority for an API server or an administrator. */
function isAllowed(request: IncomingMessage, token: string): boolean {
  const shown = Buffer.from(request.headers.authorization ?? '')
  const wanted = Buffer.from(`Bearer ${token}`)
  if (shown.length === wanted.length && timingSafeEqual(shown, wanted)) return true
  const socket = request.socket as TLSSocket // the server speaks nothing but TLS
  if (!socket.authorized) return false
  const { subject } = socket.getPeerCertificate()
  const groups = ([] as (string | undefined)[]).concat(subject?.O)
  return subject?.CN === 'kube-apiserver-kubelet-client' || groups.includes('system:masters')
}

function refuse(socket: Duplex, status: number, text: string): void {
  socket.end(`HTTP/1.1 ${status} ${text}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}

function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  runtime: PodRuntime,
  sockets: WebSocketServer,
): void {
  const url = new URL(request.url ?? '/', 'https://kubelet')
  const [, verb = '', namespace = '', pod = '', container = ''] = url.pathname.split('/').map(decodeURIComponent)
  const isSpdy = /^SPDY\/3\.1$/i.test(request.headers.upgrade ?? '')
  if (verb === 'portForward') {
    const connect = (port: number): Duplex | undefined => runtime.connect(namespace, pod, port)
    if (isSpdy) {
      acceptSpdy(socket, 'portforward.k8s.io')
      if (head.length > 0) socket.unshift(head)
      servePortForward(socket, connect)
    } else {
      sockets.handleUpgrade(request, socket, head, (client) => servePortForward(createWebSocketStream(client), connect))
    }
    return
  }
  if (verb !== 'exec' && verb !== 'attach') return refuse(socket, 404, 'Not Found')
  const options = execOptions(url.searchParams)
  const start = (): ChildProcess | undefined =>
    verb === 'exec'
      ? runtime.exec(namespace, pod, container, url.searchParams.getAll('command'), options)
      : runtime.attach?.(namespace, pod, container)
  const missing = `container ${container} of pod ${namespace}/${pod} is not running`
  if (isSpdy) {
    acceptSpdy(socket, 'v4.channel.k8s.io')
    if (head.length > 0) socket.unshift(head)
    void runSpdy(socket, options, start, missing)
  } else sockets.handleUpgrade(request, socket, head, (client) => runWebSocket(client, options, start, missing))
}

/** The kubelet's own names of the query parameters, and those of the Kubernetes API. */
function execOptions(query: URLSearchParams): ExecOptions {
  const is = (...names: string[]): boolean => names.some((name) => ['1', 'true'].includes(query.get(name) ?? ''))
  return {
    stdin: is('input', 'stdin'),
    stdout: is('output', 'stdout'),
    stderr: is('error', 'stderr'),
    tty: is('tty'),
  }
}

function acceptSpdy(socket: Duplex, protocol: string): void {
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n' +
      `X-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  )
}

async function runSpdy(
  socket: Duplex,
  options: ExecOptions,
  start: () => ChildProcess | undefined,
  missing: string,
): Promise<void> {
  try {
    begin(await spdyChannels((onStream) => new SpdySession(socket, onStream), options), start, missing)
  } catch {
    // The client went away before it had opened its streams: there is nobody to tell.
    socket.destroy()
  }
}

function runWebSocket(
  client: WebSocket,
  options: ExecOptions,
  start: () => ChildProcess | undefined,
  missing: string,
): void {
  client.on('error', () => client.terminate())
  const { stdin, ...outputs } = webSocketChannels(client, new PassThrough())
  const channels = options.stdin && stdin ? { ...outputs, stdin } : outputs
  begin(channels, start, missing)
}

/** Starts the process and joins it to its channels; the client is told why if it cannot be started. */
function begin(channels: Channels, start: () => ChildProcess | undefined, missing: string): void {
  try {
    const child = start()
    if (child) joinProcess(child, channels)
    else channels.finish(failureStatus(missing))
  } catch (error) {
    channels.finish(failureStatus(error instanceof Error ? error.message : String(error)))
  }
}
