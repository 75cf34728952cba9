// The management API behind an address: the client's side of http-server.ts.
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { KubeObject } from '../resources/index.ts'
import type { AuditLogSpec } from '../resources/tsb/index.ts'
import type { ManagementApi } from './api.ts'
import { type ErrorCode, type Finding, ManagementError } from './findings.ts'
import type { ChangeResult } from './management.ts'
import type { ResourceStatus } from './status.ts'
import { queryToWire, requestToWire, storedFromWire } from './wire.ts'

export interface RemoteOptions {
  /** HOST:PORT. */
  readonly address: string
  /** `insecure`: the server's certificate is not checked. */
  readonly tls: 'verified' | 'insecure' | 'none'
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly token?: string | undefined
}

const timeoutMs = 30_000

/** Methods throw ManagementError: what the server refuses, and Unavailable if it does not answer. */
export function remoteApi(options: RemoteOptions): ManagementApi {
  const ask = <T>(path: string, body: unknown): Promise<T> => send<T>(options, 'POST', path, body)
  return {
    apply: (requests, triggeredBy) =>
      ask<ChangeResult[]>('/tctl/apply', { requests: requests.map(requestToWire), triggeredBy }),
    remove: (objects, triggeredBy) =>
      ask<ChangeResult[]>('/tctl/remove', { objects: objects.map(({ object }) => object), triggeredBy }),
    find: async (query) => storedFromWire(await ask<KubeObject[]>('/tctl/find', queryToWire(query))),
    status: (query) => ask<ResourceStatus[]>('/tctl/status', queryToWire(query)),
    audit: (filter) => ask<AuditLogSpec[]>('/tctl/audit', filter),
  }
}

export async function remoteVersion(options: RemoteOptions): Promise<string> {
  const { version } = await send<{ version: string }>(options, 'GET', '/version', undefined)
  return version
}

async function send<T>(options: RemoteOptions, method: string, path: string, body: unknown): Promise<T> {
  const { status, text } = await exchange(options, method, path, body)
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    throw new ManagementError('Unavailable', `${options.address} is no management API (HTTP ${status})`)
  }
  if (status < 300) return answer as T // The server's side of the wire has these types.
  const {
    code = 'Unavailable',
    message = `HTTP ${status}`,
    findings = [],
  } = answer as {
    code?: ErrorCode
    message?: string
    findings?: Finding[]
  }
  throw new ManagementError(code, message, findings)
}

function exchange(
  options: RemoteOptions,
  method: string,
  path: string,
  body: unknown,
): Promise<{ status: number; text: string }> {
  const { address, tls, username, password, token } = options
  const url = new URL(`${tls === 'none' ? 'http' : 'https'}://${address}${path}`)
  const basic = Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')
  const headers = {
    ...(token !== undefined && { 'x-tetrate-token': token }),
    ...(token === undefined && username !== undefined && { authorization: `Basic ${basic}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
  const settings = { method, headers, timeout: timeoutMs, rejectUnauthorized: tls !== 'insecure' }
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(new ManagementError('Unavailable', `no management API answers at ${address}: ${error.message}`))
    const request = (tls === 'none' ? httpRequest : httpsRequest)(url, settings, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', fail)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      )
    })
    request.on('timeout', () => request.destroy(new Error(`no answer for ${timeoutMs / 1000} s`)))
    request.on('error', fail)
    request.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
