import type { AddressSchema } from '#gen/envoy/config/core/v3/address_pb.js'
import type { Init } from './proto.ts'

const unixScheme = 'unix://'

export type AddressInit = Init<typeof AddressSchema>

/** An address of a socket; a path where it is one (`unix://…`, or the port is 0). */
export function address(host: string, port: number): AddressInit {
  if (host.startsWith(unixScheme)) return { address: { case: 'pipe', value: { path: host.slice(unixScheme.length) } } }
  if (port === 0 && (host.startsWith('/') || host.startsWith('@')))
    return { address: { case: 'pipe', value: { path: host } } }
  return socketAddress(host, port)
}

export function socketAddress(host: string, port: number): AddressInit {
  return {
    address: { case: 'socketAddress', value: { address: host, portSpecifier: { case: 'portValue', value: port } } },
  }
}

/** An internal listener of the same Envoy. */
export function internalAddress(listener: string): AddressInit {
  return {
    address: {
      case: 'envoyInternalAddress',
      value: { addressNameSpecifier: { case: 'serverListenerName', value: listener } },
    },
  }
}
