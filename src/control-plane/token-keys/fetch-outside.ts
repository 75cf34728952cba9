import { lookup as resolve } from 'node:dns'
import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { AddressGuard } from './address-guard.ts'

export interface OutsideOptions {
  readonly guard: AddressGuard
  /** For everything together: names, connections, redirects, and the whole answer. */
  readonly timeoutMs: number
  readonly maxBytes: number
  /** Gives up. */
  readonly signal?: AbortSignal
}

const maxRedirects = 3

/**
 * The text at a URL that a user wrote. It connects to allowed addresses only, checked after names are resolved and again
 * for each redirect; it takes only so long, and holds only so much. Rejects with a sentence that says what went wrong.
 */
export async function fetchOutside(url: string, options: OutsideOptions): Promise<string> {
  const timeout = AbortSignal.timeout(options.timeoutMs)
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal])
  try {
    let at = new URL(url)
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const response = await get(at, options.guard, signal)
      const next = redirectOf(response, at)
      if (next === undefined) return await bodyOf(response, options.maxBytes)
      response.destroy()
      at = next
    }
    throw new Error(`more than ${maxRedirects} redirects`)
  } catch (error) {
    if (timeout.aborted) throw new Error(`no full answer within ${options.timeoutMs / 1000} s`, { cause: error })
    throw error
  }
}

function get(url: URL, guard: AddressGuard, signal: AbortSignal): Promise<IncomingMessage> {
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new Error(`${url.protocol} is neither http nor https`)
  if (url.username !== '' || url.password !== '') throw new Error('the URL holds a user name or password')
  // Connections to addresses ask no resolver, so that these are checked here.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) !== 0 && !guard.allows(host)) throw refusal(host, [host])
  const headers = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'fairlead' }
  const request = url.protocol === 'https:' ? requestSecure : requestPlain
  return new Promise((done, failed) => {
    request(url, { headers, signal, agent: false, lookup: guardedLookup(guard) }, done)
      .on('error', failed)
      .end()
  })
}

/** Resolves names to allowed addresses only; what is connected to is what was checked. */
function guardedLookup(guard: AddressGuard): LookupFunction {
  return (name, options, answer) => {
    resolve(name, { ...options, all: true }, (error, found) => {
      if (error) return answer(error, [])
      const allowed = found.filter(({ address }) => guard.allows(address))
      const [first] = allowed
      if (first === undefined)
        return answer(
          refusal(
            name,
            found.map(({ address }) => address),
          ),
          [],
        )
      if (options.all) answer(null, allowed)
      else answer(null, first.address, first.family)
    })
  }
}

function refusal(name: string, addresses: readonly string[]): Error {
  const where = addresses.includes(name) ? name : `${name} (${addresses.join(', ')})`
  return new Error(`${where} is not public, and its network is not among those that were allowed`)
}

function redirectOf({ statusCode = 0, headers: { location } }: IncomingMessage, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode) || location === undefined) return undefined
  const to = URL.parse(location, from.href)
  if (!to) throw new Error('redirects to what is no URL')
  if (from.protocol === 'https:' && to.protocol !== 'https:') throw new Error('redirects from https to plain text')
  return to
}

async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<string> {
  if (response.statusCode !== 200) {
    response.destroy()
    throw new Error(`answers ${response.statusCode}`)
  }
  const parts: Buffer[] = []
  let size = 0
  for await (const part of response) {
    parts.push(part as Buffer)
    size += (part as Buffer).length
    if (size > maxBytes) {
      response.destroy()
      throw new Error(`answers with more than ${maxBytes} bytes`)
    }
  }
  return Buffer.concat(parts).toString('utf8')
}
