// httpbin: the endpoints that guides and tests of meshes call.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { bodyOf, canonicalHeaders, sendJson, sendText, serveHttp, urlOf } from './serve.ts'

type Values = Record<string, string | string[]>

/** go-httpbin lists every value; the original joins those of one name. */
const lists = process.env['HTTPBIN_VALUES'] === 'lists'

function values(entries: readonly (readonly [string, string])[]): Values {
  const all = new Map<string, string[]>()
  for (const [name, value] of entries) all.set(name, [...(all.get(name) ?? []), value])
  return Object.fromEntries([...all].map(([name, each]) => [name, lists || each.length > 1 ? each : (each[0] ?? '')]))
}

function headersOf(request: IncomingMessage): Values {
  const entries = [...canonicalHeaders(request)].flatMap(([name, each]) =>
    lists ? each.map((value) => [name, value] as const) : [[name, each.join(',')] as const],
  )
  return values(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function originOf(request: IncomingMessage): string {
  const forwarded = request.headers['x-forwarded-for']
  return typeof forwarded === 'string' ? forwarded : (request.socket.remoteAddress ?? '')
}

async function describe(request: IncomingMessage): Promise<Record<string, unknown>> {
  const url = urlOf(request)
  const told = { args: values([...url.searchParams]), headers: headersOf(request), origin: originOf(request) }
  const whole = {
    ...told,
    url: `${String(request.headers['x-forwarded-proto'] ?? 'http')}://${url.host}${url.pathname}${url.search}`,
  }
  if (request.method === 'GET' || request.method === 'HEAD') return whole
  const data = await bodyOf(request)
  const isForm = (request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')
  let json: unknown = null
  try {
    json = JSON.parse(data)
  } catch {
    // Not JSON, as most bodies.
  }
  return {
    ...whole,
    data: isForm ? '' : data,
    files: {},
    form: isForm ? values([...new URLSearchParams(data)]) : {},
    json,
  }
}

/** A status, or one of several with weights (`200:0.9,500:0.1`). */
function statusOf(text: string): number {
  const choices = text.split(',').map((choice) => {
    const [code, weight] = choice.split(':')
    return { code: Number(code), weight: Number(weight ?? 1) }
  })
  let point = Math.random() * choices.reduce((sum, choice) => sum + choice.weight, 0)
  const chosen = choices.find((choice) => (point -= choice.weight) < 0) ?? choices[0]
  const code = chosen?.code ?? 400
  return Number.isInteger(code) && code >= 200 && code <= 599 ? code : 400
}

const pause = (seconds: number): Promise<void> => new Promise((done) => setTimeout(done, seconds * 1000))

type Endpoint = (request: IncomingMessage, response: ServerResponse, rest: string) => void | Promise<void>

const echo: Endpoint = async (request, response) => sendJson(response, 200, await describe(request), 2)

function only(method: string): Endpoint {
  return (request, response, rest) => {
    const allowed = request.method === method || (method === 'GET' && request.method === 'HEAD')
    return allowed ? echo(request, response, rest) : sendText(response, 405, 'Method Not Allowed\n')
  }
}

const endpoints: Readonly<Record<string, Endpoint>> = {
  '': (_request, response) =>
    sendText(response, 200, '<!DOCTYPE html><title>httpbin.org</title><h1>httpbin.org</h1>\n', 'text/html'),
  get: only('GET'),
  post: only('POST'),
  put: only('PUT'),
  patch: only('PATCH'),
  delete: only('DELETE'),
  anything: async (request, response) =>
    sendJson(response, 200, { ...(await describe(request)), method: request.method }, 2),
  headers: (request, response) => sendJson(response, 200, { headers: headersOf(request) }, 2),
  ip: (request, response) => sendJson(response, 200, { origin: originOf(request) }, 2),
  'user-agent': (request, response) =>
    sendJson(response, 200, { 'user-agent': request.headers['user-agent'] ?? null }, 2),
  uuid: (_request, response) => sendJson(response, 200, { uuid: crypto.randomUUID() }, 2),
  hostname: (_request, response) => sendJson(response, 200, { hostname: process.env['HOSTNAME'] ?? '' }, 2),
  status: (request, response, rest) => {
    request.resume()
    const status = statusOf(rest)
    if (status >= 301 && status <= 308 && status !== 304) response.setHeader('location', '/redirect/1')
    if (status === 418) return sendText(response, 418, "I'm a teapot!\n")
    sendText(response, status, '')
  },
  delay: async (request, response, rest) => {
    await pause(Math.min(10, Math.max(0, Number.parseFloat(rest) || 0)))
    await echo(request, response, rest)
  },
  bytes: (_request, response, rest) => {
    const size = Math.min(1 << 20, Math.max(0, Number(rest) || 0))
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size })
    response.end(Buffer.alloc(size, 0x2a))
  },
  stream: async (request, response, rest) => {
    const told = await describe(request)
    response.writeHead(200, { 'content-type': 'application/json' })
    for (let id = 0; id < Math.min(100, Number(rest) || 0); id++) response.write(`${JSON.stringify({ ...told, id })}\n`)
    response.end()
  },
  drip: async (request, response) => {
    const { searchParams } = urlOf(request)
    const bytes = Math.min(10_240, Number(searchParams.get('numbytes') ?? 10))
    const seconds = Math.min(60, Number(searchParams.get('duration') ?? 2))
    await pause(Math.min(60, Number(searchParams.get('delay') ?? 0)))
    response.writeHead(statusOf(searchParams.get('code') ?? '200'), { 'content-type': 'application/octet-stream' })
    for (let sent = 0; sent < bytes && !response.destroyed; sent++) {
      response.write('*')
      await pause(seconds / bytes)
    }
    response.end()
  },
  redirect: (_request, response, rest) => {
    const left = Number(rest) || 1
    response.writeHead(302, { location: left <= 1 ? '/get' : `/redirect/${left - 1}` })
    response.end()
  },
  'redirect-to': (request, response) => {
    const { searchParams } = urlOf(request)
    response.writeHead(Number(searchParams.get('status_code') ?? 302), { location: searchParams.get('url') ?? '/' })
    response.end()
  },
  'response-headers': (request, response) => {
    const query = [...urlOf(request).searchParams]
    for (const [name, value] of query) response.appendHeader(name, value)
    sendJson(response, 200, values(query), 2)
  },
  cookies: (request, response, rest) => {
    if (rest === 'set') {
      const pairs = [...urlOf(request).searchParams].map(([name, value]) => `${name}=${value}; Path=/`)
      response.writeHead(302, { location: '/cookies', 'set-cookie': pairs })
      return void response.end()
    }
    const pairs = (request.headers.cookie ?? '').split(/;\s*/).filter((pair) => pair !== '')
    sendJson(response, 200, { cookies: Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s).slice(0, 2))) }, 2)
  },
  'basic-auth': (request, response, rest) => {
    const expected = `Basic ${Buffer.from(rest.split('/').slice(0, 2).join(':')).toString('base64')}`
    if (request.headers.authorization === expected) {
      return sendJson(response, 200, { authenticated: true, user: rest.split('/')[0] }, 2)
    }
    response.setHeader('www-authenticate', 'Basic realm="Fake Realm"')
    sendText(response, 401, '')
  },
  bearer: (request, response) => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    if (token !== undefined) return sendJson(response, 200, { authenticated: true, token }, 2)
    response.setHeader('www-authenticate', 'Bearer')
    sendText(response, 401, '')
  },
}

export function start(): void {
  serveHttp([Number(process.env['PORT'] ?? (lists ? 8080 : 80))], (request, response) => {
    const [, name = '', rest = ''] = /^\/([^/]*)\/?(.*)$/.exec(urlOf(request).pathname) ?? []
    const endpoint = Object.hasOwn(endpoints, name) ? endpoints[name] : undefined
    if (!endpoint) return sendText(response, 404, 'Not Found\n')
    return endpoint(request, response, rest)
  })
}
