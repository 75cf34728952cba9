// Vault's HTTP API: one request, with a limit of time and size, and errors that say what to do. Tokens reach no error.
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Redacted } from '../redacted.ts'
import { apiPath, type VaultSettings } from './settings.ts'

/** Vault did not do what was asked. `status` is 0 if it gave no answer. */
export class VaultError extends Error {
  override readonly name = 'VaultError'
  readonly status: number

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

export interface VaultRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly token?: Redacted<string> | undefined
  readonly body?: object
}

/** What the answer's body is: JSON, or a certificate. */
export type VaultBody = Buffer

const mostBytes = 1 << 20
const mostRedirects = 2

/**
 * Sends a request and gives the body of a good answer. Rejects with `VaultError`. A standby's redirect to the active
 * server is followed, but never from TLS to plain text.
 */
export async function askVault(settings: VaultSettings, asked: VaultRequest, timeoutMs: number): Promise<VaultBody> {
  const deadline = AbortSignal.timeout(timeoutMs)
  let url = new URL(`${settings.server.replace(/\/+$/, '')}/v1/${apiPath(asked.path)}`)
  for (let redirects = 0; ; redirects++) {
    const { status, location, body } = await send(settings, url, asked, deadline)
    if (status >= 200 && status < 300) return body
    if ((status !== 307 && status !== 308) || location === undefined || redirects === mostRedirects)
      throw new VaultError(status, `${describe(settings, asked)}: ${refusal(status, body)}`)
    const next = new URL(location, url)
    if (url.protocol === 'https:' && next.protocol !== 'https:')
      throw new VaultError(status, `${describe(settings, asked)}: redirects to plain text, which is not followed`)
    url = next
  }
}

interface Answer {
  readonly status: number
  readonly location: string | undefined
  readonly body: Buffer
}

function send(settings: VaultSettings, url: URL, asked: VaultRequest, signal: AbortSignal): Promise<Answer> {
  const { caBundle, namespace } = settings
  const payload = asked.body && JSON.stringify(asked.body)
  const headers = {
    'x-vault-request': 'true',
    ...(asked.token && { 'x-vault-token': asked.token.reveal() }),
    ...(namespace !== '' && { 'x-vault-namespace': namespace }),
    ...(payload !== undefined && {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(payload)),
    }),
  }
  const options = { method: asked.method, headers, signal, agent: false }
  const tls = caBundle === '' ? {} : { ca: caBundle }
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void =>
      reject(new VaultError(0, `${describe(settings, asked)}: ${networkError(error, signal)}`, { cause: error }))
    try {
      const request = url.protocol === 'https:' ? httpsRequest(url, { ...options, ...tls }) : httpRequest(url, options)
      request.on('error', fail)
      request.on('response', (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('error', fail)
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > mostBytes) response.destroy(new Error('the answer is too long'))
          else chunks.push(chunk)
        })
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            location: response.headers.location,
            body: Buffer.concat(chunks),
          }),
        )
      })
      request.end(payload)
    } catch (error) {
      fail(error) // A bundle or a header that cannot be used.
    }
  })
}

const describe = ({ server }: VaultSettings, { path }: VaultRequest): string =>
  `Vault ${URL.canParse(server) ? new URL(server).host : server}, ${apiPath(path)}`

const tlsErrors: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted: caBundle must have who signed it',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted: caBundle must have who signed it',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted: caBundle must have who signed it',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is not trusted: caBundle must have who signed it',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not trusted: caBundle must have who signed it',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'the name of the server is not known',
  EAI_AGAIN: 'the name of the server is not known',
}

function networkError(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'no answer in time'
  const { code, message } = error as { code?: string; message?: string }
  return tlsErrors[code ?? ''] ?? `${(message ?? String(error)).split('\n')[0]}`
}

/** Vault answers `{"errors": [...]}`; what stands there says nothing of the token. */
function refusal(status: number, body: Buffer): string {
  const hints: Readonly<Record<number, string>> = {
    403: 'permission denied',
    404: 'there is nothing at this path',
    503: 'sealed, or down for maintenance',
  }
  const texts = errorsOf(body)
  const said = texts.length > 0 ? texts.join('; ').replace(/\s+/g, ' ').slice(0, 300) : (hints[status] ?? 'refused')
  return `${said} (HTTP ${status})`
}

function errorsOf(body: Buffer): string[] {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'))
    const { errors } = (parsed ?? {}) as { errors?: unknown }
    return Array.isArray(errors) ? errors.filter((each) => typeof each === 'string') : []
  } catch {
    return [] // Something before Vault has answered; the status says enough.
  }
}
