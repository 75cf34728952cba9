// Random calls into a world: through sidecars, by explicit proxy, past sidecars to pods, and at the edge.
import type { Call } from '../../src/evaluator/index.ts'
import { compact, Dice } from './dice.ts'
import { answerHeader, slowHeader } from './programs.ts'
import type { PlacedProxy } from './resources.ts'
import type { TokenKeys } from './tokens.ts'
import {
  audiences,
  badStatuses,
  externalHosts,
  gatewayHosts,
  gatewayPorts,
  groups,
  headerNames,
  headerValues,
  issuers,
  methods,
  oddPaths,
  origins,
  paths,
  ports,
  queryNames,
  queryValues,
  secureHost,
  subjects,
  trustDomain,
} from './vocabulary.ts'
import type { RandomWorld } from './world.ts'

/** A call, for the evaluator and for the wire. */
export interface TestCall {
  readonly id: string
  readonly entry: PlacedProxy
  readonly call: Call
  /** The target stands in the request line in absolute form. */
  readonly absolute: boolean
  /** What is random about it, for the report. */
  readonly kind: 'captured' | 'explicit' | 'inbound' | 'edge' | 'tcp' | 'tls'
}

export const sourceAddress = '127.0.0.1'

/** Tokens of all sorts, made once. */
export function tokenPool(keys: TokenKeys, now: number): string[] {
  const tokens: string[] = []
  for (const iss of [...issuers, 'https://nobody.example'])
    for (const sub of subjects)
      for (const [at, group] of [groups[0], [...groups], undefined].entries()) {
        const aud = at === 0 ? audiences[0] : at === 1 ? [...audiences] : 'elsewhere'
        tokens.push(keys.sign(compact({ iss, sub, aud, group, exp: now + 36_000 }), 'known'))
      }
  const usual = { iss: issuers[0], sub: subjects[0], aud: audiences[0] }
  tokens.push(keys.sign({ ...usual, exp: now - 3600 }, 'known'), keys.sign({ ...usual, exp: now + 36_000 }, 'unknown'))
  return [...tokens, 'not.a.token', 'nonsense']
}

export function randomCalls(
  world: RandomWorld,
  proxies: readonly PlacedProxy[],
  options: { count: number; tokens: readonly string[]; prefix: string },
): TestCall[] {
  const dice = new Dice(world.seed ^ 0x5eed)
  const calls: TestCall[] = []
  const byRole = (role: string): PlacedProxy[] => proxies.filter(({ pod }) => pod.role === role)
  for (let tries = 0; calls.length < options.count && tries < options.count * 4; tries++) {
    const id = `${options.prefix}-${calls.length}`
    const kind = dice.below(20)
    const made =
      kind < 9
        ? captured(dice, world, dice.pick(byRole('caller')), options.tokens)
        : kind < 12
          ? explicit(dice, dice.pick(byRole('explicit-caller')), options.tokens)
          : kind < 15
            ? inbound(dice, dice.pick(byRole('server')), options.tokens)
            : kind < 18
              ? edge(dice, dice.pick(byRole('gateway')), options.tokens)
              : opaque(dice, world, dice.pick(byRole('caller')))
    if (!made) continue
    const { call } = made
    const headers = call.protocol === 'tcp' ? call.headers : { ...call.headers, 't-call': id }
    calls.push({
      ...made,
      id,
      call: call.protocol === 'http2' ? { ...call, headers: withoutUpgrade(headers) } : { ...call, headers },
    })
  }
  return calls
}

/** HTTP/2 has another way to change the protocol. */
export function withoutUpgrade({
  connection: _connection,
  upgrade: _upgrade,
  ...headers
}: Call['headers']): Call['headers'] {
  return headers
}

type Made = Omit<TestCall, 'id'>

/** What all HTTP requests have. */
function request(dice: Dice, tokens: readonly string[]): Pick<Call, 'path' | 'method' | 'headers' | 'sourceAddress'> {
  const bare = dice.chance(0.15) ? dice.pick(oddPaths) : dice.pick(paths)
  const query = dice.chance(0.25)
    ? `?${dice.list(1, 2, () => `${dice.pick(queryNames)}=${encodeURIComponent(dice.pick(queryValues))}`).join('&')}`
    : ''
  const path = bare.includes('?') ? bare : bare + query
  const method = dice.chance(0.6) ? 'GET' : dice.pick(methods)
  const headers: Record<string, string> = {}
  for (const name of dice.some(headerNames, 0, 2)) headers[name] = dice.pick(headerValues)
  if (dice.chance(0.3)) {
    const token = dice.pick(tokens)
    if (dice.chance(0.75)) headers['authorization'] = `Bearer ${token}`
    else headers['t-token'] = dice.chance(0.5) ? `Token ${token}` : token
  }
  if (dice.chance(0.12)) headers['origin'] = dice.pick(origins)
  if (method === 'OPTIONS' && dice.chance(0.6)) {
    headers['origin'] = dice.pick(origins)
    headers['access-control-request-method'] = 'GET'
  }
  if (dice.chance(0.1))
    headers['x-forwarded-for'] = dice.pick(['198.51.100.7', '10.1.2.3, 198.51.100.8', '203.0.113.1'])
  if (dice.chance(0.12))
    headers['cookie'] = dice.pick(['session=ann', 'session=bob; other=7', 'other="x y"', 'session='])
  if (dice.chance(0.06)) headers[answerHeader] = String(dice.pick(badStatuses))
  if (dice.chance(0.1)) headers[slowHeader] = '1'
  if (dice.chance(0.08)) headers['content-type'] = dice.pick(['application/grpc', 'application/grpc+proto'])
  if (dice.chance(0.04)) {
    headers['connection'] = 'Upgrade'
    headers['upgrade'] = dice.pick(['websocket', 'websocket', 'WebSocket', 'other'])
  }
  if (dice.chance(0.05)) headers['x-forwarded-proto'] = dice.pick(['https', 'http'])
  return { path, method, headers, sourceAddress }
}

const httpServices = [
  ['reviews', ports.http],
  ['reviews', ports.http],
  ['reviews', ports.http],
  ['cart', ports.http],
  ['cart', ports.http],
  ['ratings', ports.http],
  ['legacy', ports.http],
  ['web', ports.auto],
  ['grpc', ports.http2],
] as const

/** A name by which a service may be called: short, long, in capitals, with a port. */
function nameOf(dice: Dice, service: string, home: string, port: number): string {
  const forms = [`${service}.shop`, `${service}.shop.svc`, `${service}.shop.svc.cluster.local`]
  const name = dice.pick(home === 'shop' ? [service, service, ...forms] : forms)
  const cased = dice.chance(0.05) ? name.toUpperCase() : name
  return dice.chance(0.5) ? `${cased}:${port}` : cased
}

function captured(dice: Dice, world: RandomWorld, entry: PlacedProxy, tokens: readonly string[]): Made | undefined {
  const [service, port] = dice.pick(httpServices)
  const external = dice.chance(0.15)
  const stray = dice.chance(0.05)
  const number = external ? ports.http : port
  const virtual = world.virtual.get(service) ?? ''
  const place = entry.places.get(`${virtual}_${number}`) ?? entry.places.get(`0.0.0.0_${number}`)
  if (!place) return undefined
  const host = stray
    ? dice.pick(['unknown.example', virtual, `${virtual}:${number}`, 'www.shop.example'])
    : external
      ? dice.pick(externalHosts)
      : nameOf(dice, service, entry.pod.namespace, number)
  const protocol = dice.chance(0.15) ? 'http2' : 'http'
  const call: Call = { direction: 'direct', ...place, protocol, host, ...request(dice, tokens), ...schemeOf(protocol) }
  return { entry, call, absolute: false, kind: 'captured' }
}

function explicit(dice: Dice, entry: PlacedProxy, tokens: readonly string[]): Made | undefined {
  const place = entry.places.get('virtualOutbound')
  if (!place) return undefined
  const [service, port] = dice.pick(httpServices)
  const named = dice.chance(0.15)
    ? `${dice.pick(externalHosts)}:${ports.http}`
    : nameOf(dice, service, entry.pod.namespace, port)
  const host = named.includes(':') || dice.chance(0.1) ? named : `${named}:${port}`
  const call: Call = {
    direction: 'direct',
    ...place,
    protocol: 'http',
    host,
    scheme: 'http',
    ...request(dice, tokens),
  }
  return { entry, call, absolute: true, kind: 'explicit' }
}

/** HTTP/2 tells the scheme. */
const schemeOf = (protocol: Call['protocol']): Pick<Call, 'scheme'> => (protocol === 'http2' ? { scheme: 'http' } : {})

const meshAlpn = ['istio-peer-exchange', 'istio']

function inbound(dice: Dice, entry: PlacedProxy, tokens: readonly string[]): Made {
  const own = {
    reviews: ports.http,
    ratings: ports.http,
    web: ports.auto,
    grpc: ports.http2,
    db: ports.tcp,
    cart: ports.http,
  }
  const { app, address } = entry.pod
  const port = dice.chance(0.85) ? (own[app as keyof typeof own] ?? ports.http) : dice.pick(Object.values(ports))
  const principal = dice.pick([
    `spiffe://${trustDomain}/ns/shop/sa/client`,
    `spiffe://${trustDomain}/ns/lobby/sa/guest`,
    `spiffe://elsewhere.example/ns/shop/sa/client`,
    undefined,
  ])
  const alpn = dice.chance(0.8) ? meshAlpn : dice.chance(0.5) ? ['istio-http/1.1', 'istio'] : ['http/1.1']
  const sni = `outbound_.${port}_._.${app}.shop.svc.cluster.local`
  const tls = dice.chance(0.6) ? { sni, alpn, ...(principal && { principal }) } : undefined
  const opaquePort = port === ports.tcp || port === ports.tls
  if (opaquePort && dice.chance(0.6)) {
    const call = { ...rawBytes, direction: 'direct', address, port, ...(tls && { tls }) } as const
    return { entry, call, absolute: false, kind: 'inbound' }
  }
  const protocol = tls || dice.chance(0.85) ? 'http' : 'http2'
  const host = dice.pick([app, `${app}:${port}`, `${app}.shop.svc.cluster.local`, 'shop.example'])
  const call: Call = {
    direction: 'direct',
    address,
    port,
    protocol,
    host,
    ...request(dice, tokens),
    ...schemeOf(protocol),
    ...(tls && { tls }),
  }
  return { entry, call, absolute: false, kind: 'inbound' }
}

const rawBytes = { protocol: 'tcp', host: '', path: '', method: '', headers: {}, sourceAddress } as const

function edge(dice: Dice, entry: PlacedProxy, tokens: readonly string[]): Made | undefined {
  const kind = dice.below(20)
  if (kind < 3) return edgeOpaque(dice, entry)
  const secure = kind < 11
  const byIngress = kind >= 18
  const port = secure ? gatewayPorts.https : byIngress ? gatewayPorts.ingress : gatewayPorts.http
  const place = entry.places.get(`0.0.0.0_${port}`)
  if (!place) return undefined
  const usual = byIngress ? ['plain.example', 'a.wild.example'] : [...gatewayHosts.slice(0, 2), 'a.wild.example']
  const name = dice.chance(0.05) ? 'unknown.example' : dice.pick(usual)
  const host = dice.chance(0.3) ? `${name}:${port}` : name
  const principal = dice.maybe(0.75, () => `spiffe://${trustDomain}/ns/shop/sa/client`)
  const tls =
    secure && dice.chance(0.95) ? { sni: name, alpn: ['http/1.1'], ...(principal && { principal }) } : undefined
  const call: Call = {
    direction: 'direct',
    ...place,
    protocol: 'http',
    host,
    ...request(dice, tokens),
    ...(tls && { tls }),
  }
  return { entry, call, absolute: false, kind: 'edge' }
}

/** Bytes at the edge, and TLS that goes through. */
function edgeOpaque(dice: Dice, entry: PlacedProxy): Made | undefined {
  const tls = dice.chance(0.5)
  const place = entry.places.get(`0.0.0.0_${tls ? gatewayPorts.passed : gatewayPorts.tcp}`)
  if (!place) return undefined
  if (!tls) return { entry, call: { ...rawBytes, direction: 'direct', ...place }, absolute: false, kind: 'edge' }
  const sni = dice.pick([secureHost, secureHost, 'other.example.com', 'unknown.example'])
  const request = { protocol: 'http', host: sni, path: '/', method: 'GET' } as const
  const call: Call = { ...rawBytes, direction: 'direct', ...place, ...request, tls: { sni, alpn: ['http/1.1'] } }
  return { entry, call, absolute: false, kind: 'edge' }
}

function opaque(dice: Dice, world: RandomWorld, entry: PlacedProxy): Made | undefined {
  if (dice.chance(0.5)) {
    const virtual = world.virtual.get(dice.pick(['db', 'cart'])) ?? ''
    const place = entry.places.get(`${virtual}_${ports.tcp}`)
    return place && { entry, call: { ...rawBytes, direction: 'direct', ...place }, absolute: false, kind: 'tcp' }
  }
  const place = entry.places.get(`0.0.0.0_${ports.tls}`)
  if (!place) return undefined
  const sni = dice.chance(0.8) ? secureHost : 'unknown.example'
  const tls = { sni, alpn: ['http/1.1'] }
  const call: Call = {
    ...rawBytes,
    direction: 'direct',
    ...place,
    protocol: 'http',
    host: sni,
    path: '/',
    method: 'GET',
    tls,
  }
  return { entry, call, absolute: false, kind: 'tls' }
}
