// A request as the connection manager hands it to its filters: checked, with its path in normal form and the headers that
// Envoy adds.

import type { Route } from '#gen/envoy/config/route/v3/route_components_pb.js'
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  type HttpConnectionManager,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type { Call } from './call.ts'
import { HeaderLines } from './header-lines.ts'
import { MetadataStore } from './metadata.ts'

/** A request inside a proxy. Filters change it. */
export interface Seen {
  readonly call: Call
  /** Pseudo-headers included; names in lower case. */
  readonly headers: HeaderLines
  /** The client, as far as X-Forwarded-For is believed. */
  readonly remoteAddress: string | undefined
  readonly metadata: MetadataStore
}

/** A connection as network filters see it: no request yet. */
export function connection(call: Call): Seen {
  return { call, headers: new HeaderLines(), remoteAddress: call.sourceAddress, metadata: new MetadataStore() }
}

/** The request for the filters, or the status of Envoy's own refusal. Source: ConnectionManagerUtility, PathUtility. */
export function receive(
  manager: HttpConnectionManager,
  call: Call,
  hostAddress?: string,
): Seen | { readonly refused: number } {
  const headers = HeaderLines.of(Object.entries(call.headers), call.lines)
  if (call.host === '') return { refused: 400 }
  // A fragment is no part of a request (RFC 9110, 7.1); Envoy refuses it.
  if (call.path.includes('#')) return { refused: 400 }
  const path = call.method === 'CONNECT' ? call.path : normalPath(manager, call.path)
  if (path === undefined) return { refused: 400 }
  headers.set(':authority', call.host)
  headers.set(':path', path)
  headers.set(':method', call.method)
  const scheme = call.tls ? 'https' : 'http'
  const trusted = manager.xffNumTrustedHops
  const remote = manager.useRemoteAddress ?? false
  const behindProxies = remote && trusted > 0
  const told = headers.get('x-forwarded-proto')
  if (told === undefined || (remote && !behindProxies)) headers.set('x-forwarded-proto', scheme)
  // Once it is clear whether the header is believed.
  const proto = headers.get('x-forwarded-proto') ?? ''
  const byHeader = /^https?$/i.test(proto) ? proto.toLowerCase() : scheme
  headers.set(':scheme', call.scheme ?? byHeader)
  const remoteAddress = remoteAddressOf(headers.get('x-forwarded-for'), call, remote, trusted)
  if (remote && call.sourceAddress !== undefined) {
    const loopback = /^127\.|^::1$/.test(call.sourceAddress)
    const own = loopback ? (hostAddress ?? call.sourceAddress) : call.sourceAddress
    const before = headers.get('x-forwarded-for')
    headers.set('x-forwarded-for', before === undefined ? own : `${before},${own}`)
  }
  return { call, headers, remoteAddress, metadata: new MetadataStore() }
}

/** The protocol that a request asks its connection to change to (`websocket`); undefined if it asks for none. Source: Utility::isUpgrade. */
export function upgradeOf({ call, headers }: Seen): string | undefined {
  if (call.protocol !== 'http') return undefined
  const asks = /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(headers.get('connection') ?? '')
  return asks ? headers.get('upgrade')?.toLowerCase() : undefined
}

/** Whether a connection manager lets requests change to a protocol; routes may say otherwise. */
export function allowsUpgrade(
  manager: HttpConnectionManager,
  action: Route['action'] | undefined,
  to: string,
): boolean {
  const own = action?.case === 'route' ? action.value.upgradeConfigs : []
  const found = [...own, ...manager.upgradeConfigs].find(({ upgradeType }) => upgradeType.toLowerCase() === to)
  return found !== undefined && found.enabled !== false
}

/** Which client address is believed: the connection's, or the n-th of X-Forwarded-For from the right. */
function remoteAddressOf(
  forwarded: string | undefined,
  { sourceAddress }: Call,
  useRemote: boolean,
  trusted: number,
): string | undefined {
  if (useRemote && trusted === 0) return sourceAddress
  const list = (forwarded ?? '').split(',').map((part) => part.trim())
  const skipped = useRemote ? trusted - 1 : trusted
  return list[list.length - 1 - skipped] || sourceAddress
}

function normalPath(manager: HttpConnectionManager, path: string): string | undefined {
  const slashes = manager.pathWithEscapedSlashesAction
  const [bare, query] = split(path)
  let own = bare
  if (slashes === EscapedSlashes.UNESCAPE_AND_FORWARD) own = own.replace(/%2f/gi, '/').replace(/%5c/gi, '\\')
  if (slashes === EscapedSlashes.REJECT_REQUEST && /%(2f|5c)/i.test(own)) return undefined
  if (manager.normalizePath ?? false) {
    const canonical = canonicalPath(own)
    if (canonical === undefined) return undefined
    own = canonical
  }
  if (manager.mergeSlashes) own = own.replace(/\/{2,}/g, '/')
  return own + query
}

/** RFC 3986 normal form, as Chromium's URL library writes it: the WHATWG rules, with unreserved characters unescaped. */
function canonicalPath(path: string): string | undefined {
  if (!path.startsWith('/')) return undefined
  const unescaped = path.replace(/\\/g, '/').replace(/%([0-9a-f]{2})/gi, (whole, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16))
    return /[A-Za-z0-9\-._~]/.test(char) ? char : whole
  })
  const kept: string[] = []
  const segments = unescaped.slice(1).split('/')
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1
    if (segment === '.') {
      if (last) kept.push('')
    } else if (segment === '..') {
      kept.pop()
      if (last) kept.push('')
    } else kept.push(segment)
  }
  return `/${kept.join('/')}`
}

/** Path and query (with its question mark). */
export function split(path: string): [string, string] {
  const at = path.indexOf('?')
  return at < 0 ? [path, ''] : [path.slice(0, at), path.slice(at)]
}

export function pathOf(seen: Seen): string {
  return split(seen.headers.get(':path') ?? '')[0]
}
