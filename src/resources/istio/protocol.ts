import type { Place } from '../check.ts'

/** Protocols that a port can be declared to speak; `UDP` is known, but never proxied. */
export type Protocol =
  | 'TCP'
  | 'UDP'
  | 'GRPC'
  | 'GRPC-Web'
  | 'HTTP'
  | 'HTTP_PROXY'
  | 'HTTP2'
  | 'HTTPS'
  | 'TLS'
  | 'Mongo'
  | 'Redis'
  | 'MySQL'

const protocols: readonly Protocol[] = [
  'TCP',
  'UDP',
  'GRPC',
  'GRPC-Web',
  'HTTP',
  'HTTP_PROXY',
  'HTTP2',
  'HTTPS',
  'TLS',
  'Mongo',
  'Redis',
  'MySQL',
]
const byName = new Map(protocols.map((p) => [p.toLowerCase(), p]))

/** The protocol of a name, whatever its case; undefined = not known (or none: to be detected). */
export function parseProtocol(name: string | undefined): Protocol | undefined {
  return byName.get((name ?? '').toLowerCase())
}

export function isHttp(protocol: Protocol | undefined): boolean {
  return protocol !== undefined && ['HTTP', 'HTTP2', 'HTTP_PROXY', 'GRPC', 'GRPC-Web'].includes(protocol)
}

export function isHttp2(protocol: Protocol | undefined): boolean {
  return protocol !== undefined && ['HTTP2', 'GRPC', 'GRPC-Web'].includes(protocol)
}

export function isTcp(protocol: Protocol | undefined): boolean {
  return protocol !== undefined && ['TCP', 'HTTPS', 'TLS', 'Mongo', 'Redis', 'MySQL'].includes(protocol)
}

export function isTls(protocol: Protocol | undefined): boolean {
  return protocol === 'HTTPS' || protocol === 'TLS'
}

/** A protocol of a port; empty = detected. */
export function checkProtocol(place: Place, name: string | undefined): void {
  if (name !== undefined && name !== '' && parseProtocol(name) === undefined)
    place.error(`Unsupported value: ${JSON.stringify(name)}: supported values: ${protocols.join(', ')}`)
}
