// kubectl port-forward: pairs of SPDY streams (error, data), one pair for each connection.
import type { Duplex } from 'node:stream'
import { SpdySession, type SpdyStream } from './spdy.ts'

/** Connects to a port of the pod; undefined if there is no such pod. */
export type Connect = (port: number) => Duplex | undefined

/** Serves the port-forward protocol (portforward.k8s.io) on an upgraded connection. */
export function servePortForward(socket: Duplex, connect: Connect): SpdySession {
  const errors = new Map<string, SpdyStream>()
  return new SpdySession(socket, (stream) => {
    const { streamtype, port = '', requestid = '' } = stream.headers
    if (streamtype === 'error') {
      errors.set(requestid, stream)
      stream.resume()
      return
    }
    const error = errors.get(requestid)
    errors.delete(requestid)
    forward(stream, error, Number(port), connect)
  })
}

function forward(data: SpdyStream, error: SpdyStream | undefined, port: number, connect: Connect): void {
  const upstream = connect(port)
  if (!upstream) {
    error?.end(`error forwarding port ${port}: the pod is not there`)
    data.destroy()
    return
  }
  upstream.on('error', (cause: Error) => {
    error?.end(`error forwarding port ${port} to pod: ${cause.message}`)
    data.end()
  })
  upstream.on('close', () => {
    data.end()
    error?.end()
  })
  data.on('close', () => upstream.destroy())
  data.pipe(upstream)
  upstream.pipe(data, { end: false })
}
