// One authenticated way to an API server: built from a kubeconfig, as any client of Kubernetes is.
import type { IncomingMessage } from 'node:http'
import { Agent, type RequestOptions, request } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'

/** An answer of the API server that is not a success, or none at all (status 0). */
export class ApiError extends Error {
  readonly status: number
  readonly reason: string
  readonly details: unknown

  constructor(status: number, reason: string, message: string, details?: unknown, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ApiError'
    this.status = status
    this.reason = reason
    this.details = details
  }
}

export function isApiError(error: unknown, ...reasons: string[]): error is ApiError {
  return error instanceof ApiError && (reasons.length === 0 || reasons.includes(error.reason))
}

export interface Call {
  readonly method: string
  /** Path with query. */
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
  /** Gives up after so long; 0 = never (watches). */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** The way to one API server, with the identity of one kubeconfig context. */
export interface Connection {
  readonly server: string
  /** PEM of the certificate authority that signs the server, if the kubeconfig names one. */
  readonly certificateAuthority: string
  /** Sends one request; resolves as soon as the head of the answer is there, whatever its status. */
  send(call: Call): Promise<IncomingMessage>
  close(): void
}

/** Connects as `context` of a kubeconfig file says (its current context if not given). */
export function connect(kubeconfigFile: string, context?: string): Connection {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfigFile)
  if (context !== undefined) config.setCurrentContext(context)
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new Error(`${kubeconfigFile}: context ${context ?? config.getCurrentContext()} names no cluster`)
  const base = new URL(cluster.server)
  let agent: Promise<{ agent: Agent; headers: RequestOptions['headers']; auth: string | undefined }> | undefined
  const agents: Agent[] = []
  const prepare = async (): Promise<{
    agent: Agent
    headers: RequestOptions['headers']
    auth: string | undefined
  }> => {
    const options: RequestOptions = {}
    await config.applyToHTTPSOptions(options)
    const { ca, cert, key, rejectUnauthorized, servername, headers, auth } = options
    const tls = Object.fromEntries(
      Object.entries({ ca, cert, key, rejectUnauthorized, servername }).filter(([, v]) => v !== undefined),
    )
    const made = new Agent({ keepAlive: true, ...tls })
    agents.push(made)
    return { agent: made, headers, auth: auth ?? undefined }
  }
  return {
    server: cluster.server,
    certificateAuthority: cluster.caData ? Buffer.from(cluster.caData, 'base64').toString() : '',
    async send(call) {
      agent ??= prepare()
      agent.catch(() => {
        agent = undefined
      })
      const ready = await agent
      return transmit(base, ready, call)
    },
    close() {
      for (const a of agents) a.destroy()
    },
  }
}

function transmit(
  base: URL,
  ready: { agent: Agent; headers: RequestOptions['headers']; auth: string | undefined },
  call: Call,
): Promise<IncomingMessage> {
  const body = call.body === undefined ? undefined : JSON.stringify(call.body)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: base.hostname,
        port: base.port || 443,
        path: base.pathname.replace(/\/$/, '') + call.path,
        method: call.method,
        agent: ready.agent,
        ...(ready.auth === undefined ? {} : { auth: ready.auth }),
        ...(call.signal ? { signal: call.signal } : {}),
        headers: {
          ...(ready.headers as Record<string, string> | undefined),
          accept: call.accept ?? 'application/json',
          'user-agent': 'fairlead-controllers',
          ...(body === undefined
            ? {}
            : { 'content-type': call.contentType ?? 'application/json', 'content-length': Buffer.byteLength(body) }),
        },
      },
      resolve,
    )
    outgoing.on('error', (cause) =>
      reject(new ApiError(0, 'Unreachable', `${base.origin}: ${cause.message}`, undefined, { cause })),
    )
    const timeoutMs = call.timeoutMs ?? 30_000
    if (timeoutMs > 0)
      outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)))
    outgoing.end(body)
  })
}
