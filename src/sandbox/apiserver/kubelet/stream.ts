// exec, attach and port-forward: the upgraded connection is handed through to the kubelet byte for byte, so that it
// makes no difference whether WebSockets or SPDY run in it.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import type { Call } from '../core.ts'
import { badRequest, internalError, noSuchResource } from '../errors.ts'
import { nameOf } from '../json.ts'
import { get } from '../rest/read.ts'
import { containerOf, type KubeletTarget, targetOf } from './target.ts'

const verbs: Readonly<Record<string, string>> = { exec: 'exec', attach: 'attach', portforward: 'portForward' }

/** Passes an upgraded request on to the pod's kubelet. Throws ApiError before anything was sent. */
export async function passUpgrade(call: Call, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const verb = verbs[call.subresource]
  const { group, names } = call.resource
  if (group !== '' || names.plural !== 'pods' || !verb) throw noSuchResource()
  const pod = get(call).object
  const container = verb === 'portForward' ? undefined : containerOf(pod, call.query.get('container') ?? '')
  const target = targetOf(call, verb, container)
  if (!target) throw badRequest(`pod ${nameOf(pod)} does not have a host assigned`)
  const upstream = await dial(target)
  upstream.write(requestHead(request, target, call.core.kubeletToken))
  if (head.length > 0) upstream.write(head)
  const end = (): void => {
    upstream.destroy()
    socket.destroy()
  }
  for (const side of [upstream, socket]) side.on('error', end)
  upstream.on('close', () => socket.end())
  socket.on('close', () => upstream.destroy())
  upstream.pipe(socket)
  socket.pipe(upstream)
}

function dial({ host, port }: KubeletTarget): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }, () => {
      socket.off('error', failed)
      resolve(socket)
    })
    const failed = (error: Error): void => reject(internalError(`error dialing backend: ${error.message}`))
    socket.once('error', failed)
  })
}

const dropped = new Set(['host', 'authorization', 'content-length'])

/** The request as the kubelet gets it: the client's headers, with our credential instead of theirs. */
function requestHead(request: IncomingMessage, { host, port, path }: KubeletTarget, token: string): string {
  const lines = [
    `${request.method ?? 'GET'} ${path} HTTP/1.1`,
    `Host: ${host}:${port}`,
    `Authorization: Bearer ${token}`,
  ]
  const raw = request.rawHeaders
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    if (dropped.has(name.toLowerCase())) continue
    lines.push(`${name}: ${name.toLowerCase() === 'sec-websocket-protocol' ? withoutToken(value) : value}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** WebSocket protocols without the one that carries a browser's token. */
const withoutToken = (protocols: string): string =>
  protocols
    .split(',')
    .map((p) => p.trim())
    .filter((p) => !p.startsWith('base64url.bearer.authorization.k8s.io.'))
    .join(', ')
