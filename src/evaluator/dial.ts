// How a program behind a sidecar reaches a host: what its connection looks like to the proxy.
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js'
import { parseIp } from './address.ts'
import type { Call, ProxyConfig } from './call.ts'
import { listenerAt } from './listener.ts'
import { unpack } from './unpack.ts'

export interface Target {
  readonly host: string
  readonly port: number
  readonly protocol: Call['protocol']
  /** The program speaks TLS itself. */
  readonly tls: boolean
  readonly path: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
}

/** Stands for whatever address a name resolves to that the proxy does not know (RFC 5737). */
const unknownAddress = '192.0.2.1'

/**
 * The call of a program: to the address that the host resolves to, as far as the proxy's own resources tell it; or, where
 * traffic is not captured, to the explicit proxy.
 */
export function dial(proxy: ProxyConfig, target: Target): Call {
  const { host, port, protocol, path, method, headers } = target
  const usual = target.tls ? 443 : 80
  const common = {
    protocol,
    host: headers['host'] ?? (port === usual ? host : `${host}:${port}`),
    path,
    method,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'host')),
    ...(proxy.addresses?.[0] !== undefined && { sourceAddress: proxy.addresses[0] }),
  }
  const explicit = explicitProxy(proxy)
  if (explicit && protocol !== 'tcp') return { ...common, direction: 'direct', ...explicit }
  const tls = target.tls ? { tls: { sni: host, alpn: protocol === 'http2' ? ['h2'] : ['http/1.1'] } } : {}
  return { ...common, ...tls, direction: 'outbound', address: addressOf(proxy, host, port), port }
}

/** A call that arrives at a proxy from outside: at a socket of its own, or captured on its way to the program. */
export function arriving(
  proxy: ProxyConfig,
  at: { address: string; port: number },
  call: Omit<Call, 'direction' | 'address' | 'port'>,
): Call {
  const direct = listenerAt(proxy, at.address, at.port) !== undefined || !proxy.addresses?.includes(at.address)
  return { ...call, ...at, direction: direct ? 'direct' : 'inbound' }
}

/** Where the sidecar listens as an HTTP proxy; undefined if traffic is captured. */
function explicitProxy({ listeners }: ProxyConfig): { address: string; port: number } | undefined {
  const outbound = listeners.find(({ name }) => name === 'virtualOutbound')
  return outbound && !outbound.useOriginalDst ? bindOf(outbound) : undefined
}

function bindOf({ address }: Listener): { address: string; port: number } | undefined {
  if (address?.address.case !== 'socketAddress') return undefined
  const { address: ip, portSpecifier } = address.address.value
  return portSpecifier.case === 'portValue' ? { address: ip, port: portSpecifier.value } : undefined
}

function addressOf(proxy: ProxyConfig, host: string, port: number): string {
  if (parseIp(host)) return host
  return addressInRoutes(proxy, host, port) ?? addressOfListener(proxy, host, port) ?? unknownAddress
}

/** Virtual hosts list the addresses of a service beside its names. */
function addressInRoutes(proxy: ProxyConfig, host: string, port: number): string | undefined {
  for (const config of proxy.routes.values()) {
    if (config.name !== String(port) && !config.name.endsWith(`:${port}`)) continue
    for (const { domains } of config.virtualHosts) {
      if (!domains.includes(host)) continue
      const found = domains.find((domain) => parseIp(domain.replace(/^\[|\]$/g, '')))
      if (found) return found.replace(/^\[|\]$/g, '')
    }
  }
  return undefined
}

/** The listener whose connections go to the host's cluster stands at its address. */
function addressOfListener(proxy: ProxyConfig, host: string, port: number): string | undefined {
  const isOwn = (cluster: string): boolean => {
    const [direction, number, , name = ''] = cluster.split('|')
    return direction === 'outbound' && number === String(port) && (name === host || name.startsWith(`${host}.`))
  }
  const listener = proxy.listeners.find((each) =>
    [...each.filterChains, ...(each.defaultFilterChain ? [each.defaultFilterChain] : [])].some(({ filters }) =>
      filters.some(({ configType }) => {
        const tcp = configType.case === 'typedConfig' ? unpack(configType.value, TcpProxySchema) : undefined
        return tcp?.clusterSpecifier.case === 'cluster' && isOwn(tcp.clusterSpecifier.value)
      }),
    ),
  )
  const bind = listener && bindOf(listener)
  return bind && bind.address !== '0.0.0.0' && bind.address !== '::' ? bind.address : undefined
}
