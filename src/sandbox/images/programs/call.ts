// Calls from one sample program to another, as programs in a mesh make them: by name, through the proxy if there is one.
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'

export interface Reply {
  readonly status: number
  readonly body: string
}

/** Headers that tie the calls of one user request together, and those that tell the user. */
const passedOn = [
  'x-request-id',
  'x-ot-span-context',
  'x-datadog-trace-id',
  'x-datadog-parent-id',
  'x-datadog-sampling-priority',
  'traceparent',
  'tracestate',
  'x-cloud-trace-context',
  'grpc-trace-bin',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'sw8',
  'end-user',
  'user-agent',
  'cookie',
  'authorization',
  'jwt',
]

/** What to send on of an incoming request's headers. */
export function headersToPassOn(incoming: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    passedOn.flatMap((name) => {
      const value = incoming.headers[name]
      return typeof value === 'string' ? [[name, value]] : []
    }),
  )
}

/**
 * GET, in absolute form to `http_proxy` if that is set. Every call has a connection of its own, so that balancing by
 * connection spreads calls as balancing by request does.
 */
export function call(url: string, headers: OutgoingHttpHeaders, timeoutMs: number): Promise<Reply> {
  const target = new URL(url)
  const proxy = process.env['http_proxy']
  const via = proxy === undefined || proxy === '' ? undefined : new URL(proxy)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: (via ?? target).hostname,
        port: (via ?? target).port || 80,
        path: via ? url : target.pathname + target.search,
        headers: { ...headers, host: target.host },
        agent: false,
      },
      (reply) => {
        const chunks: Buffer[] = []
        reply.on('data', (chunk: Buffer) => chunks.push(chunk))
        reply.on('error', reject)
        reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body: Buffer.concat(chunks).toString() }))
      },
    )
    outgoing.setTimeout(timeoutMs, () =>
      outgoing.destroy(new Error(`no answer from ${target.host} in ${timeoutMs} ms`)),
    )
    outgoing.on('error', reject)
    outgoing.end()
  })
}

/** Address of one of bookinfo's services, as the environment says. */
export function bookinfoService(name: string): string {
  const upper = name.toUpperCase()
  const host = process.env[`${upper}_HOSTNAME`] ?? name
  const domain = process.env['SERVICES_DOMAIN']
  return `http://${host}${domain ? `.${domain}` : ''}:${process.env[`${upper}_SERVICE_PORT`] ?? '9080'}`
}
