// Probes and lifecycle hooks: what one of them says, and how often to ask.
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { Client, credentials } from '@grpc/grpc-js'
import { sleep } from '../../clusters/index.ts'
import type { Probe, ProbeAction } from './types.ts'

/** The container that is asked. */
export interface ProbeTarget {
  /** Where its programs listen on a port. */
  endpoint(port: number | string): { host: string; port: number } | undefined
  exec(command: readonly string[], timeoutMs: number): Promise<{ code: number; output: string }>
}

export interface ProbeResult {
  readonly ok: boolean
  /** Why not, as events word it. */
  readonly message: string
}

const succeeded: ProbeResult = { ok: true, message: '' }
const failed = (message: string): ProbeResult => ({ ok: false, message })

/** Asks once. Never rejects: whatever goes wrong is a failure of the probe. */
export async function probeOnce(action: ProbeAction, target: ProbeTarget, timeoutMs: number): Promise<ProbeResult> {
  try {
    if (action.exec) {
      const { code, output } = await target.exec(action.exec.command ?? [], timeoutMs)
      return code === 0 ? succeeded : failed(output.slice(0, 1000) || `exit code ${code}`)
    }
    if (action.sleep) {
      await sleep(action.sleep.seconds * 1000)
      return succeeded
    }
    const port = action.httpGet?.port ?? action.tcpSocket?.port ?? action.grpc?.port
    const endpoint = port === undefined ? undefined : target.endpoint(port)
    if (!endpoint) return failed(`port ${port} is not a port of the container`)
    if (action.httpGet) return await probeHttp(action.httpGet, endpoint, timeoutMs)
    if (action.grpc) return await probeGrpc(action.grpc.service ?? '', endpoint, timeoutMs)
    return await probeTcp({ ...endpoint, host: action.tcpSocket?.host ?? endpoint.host }, timeoutMs)
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error))
  }
}

type Endpoint = { readonly host: string; readonly port: number }

function probeHttp(
  action: NonNullable<ProbeAction['httpGet']>,
  endpoint: Endpoint,
  timeoutMs: number,
): Promise<ProbeResult> {
  const secure = action.scheme === 'HTTPS'
  const host = action.host ?? endpoint.host
  const path = action.path === undefined || action.path === '' ? '/' : action.path
  const url = `${secure ? 'https' : 'http'}://${host}:${endpoint.port}${path}`
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/1.34', accept: '*/*' }
  for (const { name, value } of action.httpHeaders ?? []) headers[name] = value
  return new Promise((resolve) => {
    const options = { host, port: endpoint.port, path, headers, agent: false as const }
    const outgoing = secure ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options)
    const timer = setTimeout(() => {
      outgoing.destroy()
      resolve(failed(`Get "${url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`))
    }, timeoutMs)
    outgoing.on('response', (reply) => {
      clearTimeout(timer)
      const status = reply.statusCode ?? 0
      reply.destroy()
      resolve(status >= 200 && status < 400 ? succeeded : failed(`HTTP probe failed with statuscode: ${status}`))
    })
    outgoing.on('error', (error) => {
      clearTimeout(timer)
      resolve(failed(`Get "${url}": ${error.message}`))
    })
    outgoing.end()
  })
}

/** Whether something accepts connections there. */
export function probeTcp({ host, port }: Endpoint, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    const end = (result: ProbeResult): void => {
      socket.destroy()
      resolve(result)
    }
    socket.setTimeout(timeoutMs, () => end(failed(`dial tcp ${host}:${port}: i/o timeout`)))
    socket.once('connect', () => end(succeeded))
    socket.once('error', (error) => end(failed(`dial tcp ${host}:${port}: ${error.message}`)))
  })
}

function probeGrpc(service: string, { host, port }: Endpoint, timeoutMs: number): Promise<ProbeResult> {
  const client = new Client(`${host}:${port}`, credentials.createInsecure())
  const name = Buffer.from(service)
  const request = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name])
  const serving = 1
  return new Promise((resolve) => {
    const same = (bytes: Buffer): Buffer => bytes
    const deadline = Date.now() + timeoutMs
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', same, same, request, { deadline }, (error, answer) => {
      client.close()
      if (error) return resolve(failed(`rpc error: ${error.details}`))
      // HealthCheckResponse: field 1, the status as a varint.
      const status = answer?.[0] === 0x08 ? answer[1] : 0
      resolve(status === serving ? succeeded : failed(`service unhealthy (responded with status ${status})`))
    })
  })
}

export interface ProbeLoop {
  readonly probe: Probe
  readonly target: ProbeTarget
  /** `eager`: until the first success, ask more often than the period says. */
  readonly eager: boolean
  readonly signal: AbortSignal
  /** Told when a threshold is reached: true after enough successes in a row, false after enough failures. */
  readonly onVerdict: (ok: boolean, message: string) => void
  /** Told of each failure. */
  readonly onFailure: (message: string) => void
}

/** Asks again and again until the signal aborts. */
export async function runProbe({ probe, target, eager, signal, onVerdict, onFailure }: ProbeLoop): Promise<void> {
  const periodMs = (probe.periodSeconds ?? 10) * 1000
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000
  let successes = 0
  let failures = 0
  let everWell = false
  let quickMs = 100
  await sleep((probe.initialDelaySeconds ?? 0) * 1000, signal)
  while (!signal.aborted) {
    const { ok, message } = await probeOnce(probe, target, timeoutMs)
    if (signal.aborted) return
    if (ok) {
      failures = 0
      everWell = true
      if (++successes >= (probe.successThreshold ?? 1)) onVerdict(true, '')
    } else {
      successes = 0
      onFailure(message)
      if (++failures >= (probe.failureThreshold ?? 3)) onVerdict(false, message)
    }
    const waitMs = eager && !everWell ? Math.min(periodMs, quickMs) : periodMs
    quickMs *= 1.5
    await sleep(waitMs, signal)
  }
}
