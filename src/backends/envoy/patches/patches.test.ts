import { describe, expect, it } from 'vitest'
import type { Problem } from '../../../report/index.ts'
import { buildProxyConfig, proxyConfigJson } from '../index.ts'
import { proxyOf, worldOf } from '../test-world.ts'

const base = `
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {clusterIP: 10.5.0.1, selector: {app: cart}, ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-db, port: 3306}]}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {clusterIP: 10.5.0.2, selector: {app: front}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: shop}
spec:
  hosts: [cart]
  http:
  - {name: beta, match: [{headers: {beta: {exact: "1"}}}], route: [{destination: {host: cart}}]}
  - {name: gone, match: [{uri: {prefix: /old}}], redirect: {uri: /}}
  - {name: rest, route: [{destination: {host: cart}}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: door, namespace: shop}
spec: {selector: {app: door}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: door, namespace: shop}
spec: {hosts: ['*'], gateways: [door], http: [{route: [{destination: {host: cart}}]}]}
`

const filter = (patches: string, more = '', metadata = '{name: f, namespace: shop}'): string =>
  `---\napiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: ${metadata}\nspec:\n  ${more}\n  configPatches: ${patches}\n`

/** Any JSON of which a field is read by name. */
type Json = { readonly [field: string]: Json } & { readonly name: string }

/** What a proxy gets, and what is said of EnvoyFilters. */
function ask(filters: string, proxy: object = {}): { json: Record<string, Json[]>; told: string[] } {
  const description = { labels: { app: 'front' }, metadata: { ISTIO_VERSION: '1.30.2', ROLE: 'web' }, ...proxy }
  const config = buildProxyConfig(worldOf({ east: base + filters }), proxyOf(description))
  const told = config.problems.map((p: Problem) => `${p.severity} ${p.object.name} ${p.path}: ${p.message}`)
  return { json: proxyConfigJson(config) as unknown as Record<string, Json[]>, told }
}

const named = (list: Json[] | undefined, name: string): Json => {
  const found = list?.find((each) => each.name === name)
  if (!found) throw new Error(`no ${name}`)
  return found
}
const items = (value: Json | undefined): Json[] => (value ?? []) as unknown as Json[]
const names = (value: Json | undefined): string[] => items(value).map((each) => each.name)
const door = { type: 'gateway', labels: { app: 'door' } }

/** The connection managers of a listener. */
const managers = (listener: Json): Json[] =>
  [...items(listener['filterChains']), ...(listener['defaultFilterChain'] ? [listener['defaultFilterChain']] : [])]
    .flatMap((chain) => items(chain['filters']))
    .filter((each) => each.name.endsWith('http_connection_manager'))
    .map((each) => each['typedConfig'] as Json)

const lua = (code: string): string =>
  `{name: envoy.filters.http.lua, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: {inline_string: "${code}"}}}`
const hcm =
  'filter: {name: envoy.filters.network.http_connection_manager, subFilter: {name: envoy.filters.http.router}}'

describe('HTTP filters', () => {
  const before = filter(
    `[{applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND, listener: {filterChain: {${hcm}}}}, patch: {operation: INSERT_BEFORE, value: ${lua('x')}}}]`,
  )
  it('are inserted on one side only', () => {
    const { json, told } = ask(before)
    const inbound = managers(named(json['listeners'], 'virtualInbound'))
    expect(inbound.length).toBeGreaterThan(1)
    for (const manager of inbound) expect(names(manager['httpFilters']).slice(-2)[0]).toBe('envoy.filters.http.lua')
    for (const manager of managers(named(json['listeners'], '0.0.0.0_80')))
      expect(names(manager['httpFilters'])).not.toContain('envoy.filters.http.lua')
    expect(told).toEqual([])
  })

  it('are found by the port of the workload', () => {
    const { json } = ask(before.replace('listener: {', 'listener: {portNumber: 8080, '))
    const has = items(named(json['listeners'], 'virtualInbound')['filterChains']).map((chain) => [
      chain['filterChainMatch']?.['destinationPort'],
      JSON.stringify(chain).includes('http.lua'),
    ])
    expect(has.filter(([, lua]) => lua).map(([port]) => port)).toEqual([8080, 8080])
  })

  it('have their settings merged with those of one type, lists appended or replaced', () => {
    const cors = (operation: string): string =>
      filter(
        `[{applyTo: HTTP_FILTER, match: {listener: {filterChain: {${hcm.replace('http.router', 'http.grpc_stats')}}}}, patch: {operation: ${operation}, value: {typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig, enable_upstream_stats: true, individual_method_stats_allowlist: {services: [{name: a}]}}}}}]`,
      )
    const [manager] = managers(named(ask(cors('MERGE')).json['listeners'], '0.0.0.0_80'))
    const stats = items(manager?.['httpFilters']).find((each) => each.name.endsWith('grpc_stats'))
    expect(stats?.['typedConfig']).toMatchObject({ emitFilterState: true, enableUpstreamStats: true })
    const other = ask(cors('MERGE').replace('http.grpc_stats.v3.FilterConfig', 'http.router.v3.Router'))
    expect(other.told).toContain('warning f spec.configPatches[0]: matches nothing that the proxy has')
  })
})

describe('lists of filters', () => {
  const patched = (operation: string, match: string): string[] => {
    const text = filter(
      `[{applyTo: HTTP_FILTER, match: {context: GATEWAY, listener: {filterChain: {filter: {name: envoy.filters.network.http_connection_manager${match}}}}}, patch: {operation: ${operation}, value: ${lua('x')}}}]`,
    )
    const [manager] = managers(named(ask(text, door).json['listeners'], '0.0.0.0_80'))
    return names(manager?.['httpFilters']).map((name) => name.split('.').at(-1) ?? '')
  }
  const plain = ['grpc_stats', 'fault', 'cors', 'set_filter_state', 'router']
  const fault = ', subFilter: {name: envoy.filters.http.fault}'
  it.each([
    ['ADD', '', [...plain, 'lua']],
    ['INSERT_FIRST', '', ['lua', ...plain]],
    ['INSERT_AFTER', '', [...plain, 'lua']],
    ['INSERT_BEFORE', '', ['lua', ...plain]],
    ['INSERT_AFTER', fault, ['grpc_stats', 'fault', 'lua', 'cors', 'set_filter_state', 'router']],
    ['INSERT_BEFORE', fault, ['grpc_stats', 'lua', 'fault', 'cors', 'set_filter_state', 'router']],
    ['REPLACE', fault, ['grpc_stats', 'lua', 'cors', 'set_filter_state', 'router']],
    ['REMOVE', fault, ['grpc_stats', 'cors', 'set_filter_state', 'router']],
    ['REPLACE', '', plain],
    ['REMOVE', '', plain],
    ['INSERT_BEFORE', ', subFilter: {name: nobody}', plain],
  ])('%s%s', (operation, match, expected) => expect(patched(operation, match)).toEqual(expected))
})

describe('listeners', () => {
  it('are merged, removed and added', () => {
    const { json, told } = ask(
      filter(`
  - {applyTo: LISTENER, match: {context: SIDECAR_OUTBOUND, listener: {portNumber: 3306}}, patch: {operation: REMOVE}}
  - {applyTo: LISTENER, match: {context: SIDECAR_OUTBOUND, listener: {portNumber: 80}}, patch: {operation: MERGE, value: {per_connection_buffer_limit_bytes: 1000}}}
  - {applyTo: LISTENER, match: {context: SIDECAR_OUTBOUND}, patch: {operation: ADD, value: {name: mine, address: {socket_address: {address: 127.0.0.1, port_value: 99}}}}}
  - {applyTo: LISTENER_FILTER, match: {context: SIDECAR_INBOUND}, patch: {operation: INSERT_FIRST, value: {name: envoy.filters.listener.proxy_protocol, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol}}}}
  - {applyTo: FILTER_CHAIN, match: {context: SIDECAR_INBOUND, listener: {filterChain: {name: virtualInbound-blackhole}}}, patch: {operation: REMOVE}}
  - {applyTo: FILTER_CHAIN, match: {context: SIDECAR_INBOUND, listener: {filterChain: {transportProtocol: tls, destinationPort: 8080}}}, patch: {operation: MERGE, value: {transport_socket: {name: envoy.transport_sockets.tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: {tls_params: {tls_maximum_protocol_version: TLSv1_3}}}}}}}
  - {applyTo: NETWORK_FILTER, match: {context: SIDECAR_OUTBOUND, listener: {name: virtualOutbound, filterChain: {filter: {name: envoy.filters.network.tcp_proxy}}}}, patch: {operation: MERGE, value: {typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, idle_timeout: 500ms}}}}`),
    )
    expect(told).toEqual([])
    const listeners = json['listeners'] ?? []
    expect(listeners.map((each) => each.name)).toEqual(['0.0.0.0_80', 'virtualOutbound', 'mine', 'virtualInbound'])
    expect(named(listeners, '0.0.0.0_80')['perConnectionBufferLimitBytes']).toBe(1000)
    const inbound = named(listeners, 'virtualInbound')
    expect(names(inbound['listenerFilters'])[0]).toBe('envoy.filters.listener.proxy_protocol')
    expect(names(inbound['filterChains'])).not.toContain('virtualInbound-blackhole')
    const tls = items(inbound['filterChains']).find(
      ({ filterChainMatch }) =>
        JSON.stringify(filterChainMatch?.['destinationPort']) === '8080' &&
        JSON.stringify(filterChainMatch?.['transportProtocol']) === '"tls"',
    )
    const context = tls?.['transportSocket']?.['typedConfig']?.['commonTlsContext']
    expect(context?.['tlsParams']).toMatchObject({
      tlsMinimumProtocolVersion: 'TLSv1_2',
      tlsMaximumProtocolVersion: 'TLSv1_3',
    })
    expect(context?.['tlsCertificateSdsSecretConfigs']).toHaveLength(1)
    expect(JSON.stringify(named(listeners, 'virtualOutbound'))).toContain('"idleTimeout":"0.500s"')
  })

  it('of gateways are added once', () => {
    const add = filter(
      '[{applyTo: LISTENER, patch: {operation: ADD, value: {name: mine}}}, {applyTo: CLUSTER, patch: {operation: ADD, value: {name: own}}}]',
    )
    const { json } = ask(add, door)
    expect(json['listeners']?.map((each) => each.name)).toEqual(['0.0.0.0_80', 'mine'])
    expect(json['clusters']?.filter((each) => each.name === 'own')).toHaveLength(1)
  })
})

describe('routes', () => {
  const cart = (json: Record<string, Json[]>): Json =>
    named(items(named(json['routes'], '80')['virtualHosts']), 'cart.shop.svc.cluster.local:80')
  it('are changed first and then added to', () => {
    const host = 'vhost: {name: "cart.shop.svc.cluster.local:80"'
    const { json, told } = ask(
      filter(`
  - {applyTo: ROUTE_CONFIGURATION, match: {context: SIDECAR_OUTBOUND, routeConfiguration: {portNumber: 80}}, patch: {operation: MERGE, value: {request_headers_to_remove: [x-a]}}}
  - {applyTo: VIRTUAL_HOST, match: {context: SIDECAR_OUTBOUND, routeConfiguration: {${host}}}}, patch: {operation: MERGE, value: {request_headers_to_remove: [x-b]}}}
  - {applyTo: HTTP_ROUTE, match: {context: SIDECAR_OUTBOUND, routeConfiguration: {${host}, route: {action: ROUTE}}}}, patch: {operation: MERGE, value: {route: {timeout: 7s, max_stream_duration: {max_stream_duration: 0s}}}}}
  - {applyTo: HTTP_ROUTE, match: {context: SIDECAR_OUTBOUND, routeConfiguration: {${host}, route: {name: gone}}}}, patch: {operation: REMOVE}}
  - {applyTo: HTTP_ROUTE, match: {context: SIDECAR_OUTBOUND, routeConfiguration: {${host}, route: {name: rest}}}}, patch: {operation: INSERT_BEFORE, value: {name: mine, match: {prefix: /mine}, direct_response: {status: 200}}}}
  - {applyTo: VIRTUAL_HOST, match: {context: SIDECAR_OUTBOUND, routeConfiguration: {name: "80"}}, patch: {operation: ADD, value: {name: added, domains: [added.example]}}}`),
    )
    expect(told).toEqual([])
    const routes = named(json['routes'], '80')
    expect(routes['requestHeadersToRemove']).toEqual(['x-a'])
    expect(names(routes['virtualHosts'])).toEqual([
      'cart.shop.svc.cluster.local:80',
      'front.shop.svc.cluster.local:80',
      'allow_any',
      'added',
    ])
    expect(cart(json)['requestHeadersToRemove']).toEqual(['x-b'])
    expect(names(cart(json)['routes'])).toEqual(['beta', 'mine', 'rest'])
    expect(items(cart(json)['routes'])[0]?.['route']).toMatchObject({ timeout: '7s', cluster: expect.anything() })
  })

  it('of gateways are found by port and gateway, inbound ones by context', () => {
    const header = '{request_headers_to_remove: [x-a]}'
    const gateway = filter(
      `[{applyTo: VIRTUAL_HOST, match: {context: GATEWAY, routeConfiguration: {portNumber: 80, vhost: {name: "*:80"}}}, patch: {operation: MERGE, value: ${header}}}]`,
    )
    expect(JSON.stringify(ask(gateway, door).json['routes'])).toContain('x-a')
    const inbound = filter(
      `[{applyTo: VIRTUAL_HOST, match: {context: SIDECAR_INBOUND, routeConfiguration: {portNumber: 8080}}, patch: {operation: MERGE, value: ${header}}}]`,
    )
    const { json } = ask(inbound)
    expect(JSON.stringify(json['routes'])).not.toContain('x-a')
    expect(JSON.stringify(named(json['listeners'], 'virtualInbound')).match(/x-a/g)).toHaveLength(2)
  })
})

describe('clusters', () => {
  const socket =
    'transport_socket: {name: envoy.transport_sockets.tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: my.sni}}'
  it('are merged by service, port and side, and the socket where it belongs', () => {
    const { json, told } = ask(
      filter(`
  - {applyTo: CLUSTER, match: {context: SIDECAR_OUTBOUND, cluster: {service: cart.shop.svc.cluster.local, portNumber: 80}}, patch: {operation: MERGE, value: {connect_timeout: 3s, ${socket}}}}
  - {applyTo: CLUSTER, match: {context: SIDECAR_OUTBOUND, cluster: {name: "outbound|3306||cart.shop.svc.cluster.local"}}, patch: {operation: REMOVE}}
  - {applyTo: CLUSTER, match: {context: SIDECAR_INBOUND, cluster: {service: front.shop.svc.cluster.local}}, patch: {operation: MERGE, value: {connect_timeout: 4s}}}
  - {applyTo: CLUSTER, match: {context: SIDECAR_OUTBOUND, cluster: {name: PassthroughCluster}}, patch: {operation: MERGE, value: {connect_timeout: 5s}}}`),
    )
    expect(told).toEqual([])
    const clusters = json['clusters']
    expect(clusters?.map((each) => each.name)).not.toContain('outbound|3306||cart.shop.svc.cluster.local')
    const cart = named(clusters, 'outbound|80||cart.shop.svc.cluster.local')
    expect(cart['connectTimeout']).toBe('3s')
    expect(cart['transportSocket']).toBeUndefined()
    expect(items(cart['transportSocketMatches'])[0]?.['transportSocket']?.['typedConfig']?.['sni']).toBe('my.sni')
    expect(named(clusters, 'inbound|8080||')['connectTimeout']).toBe('4s')
    expect(named(clusters, 'PassthroughCluster')['connectTimeout']).toBe('5s')
  })
})

describe('selection', () => {
  const add = (name: string): string =>
    `[{applyTo: CLUSTER, match: {context: SIDECAR_OUTBOUND}, patch: {operation: ADD, value: {name: ${name}}}}]`
  const made = (filters: string): string[] =>
    (ask(filters).json['clusters'] ?? []).map((each) => each.name).filter((name) => /^[a-z]$/.test(name))
  it('is by namespace, labels, version and metadata', () => {
    expect(made(filter(add('a'), '', '{name: f, namespace: other}'))).toEqual([])
    expect(made(filter(add('a'), '', '{name: f, namespace: istio-system}'))).toEqual(['a'])
    expect(made(filter(add('a'), 'workloadSelector: {labels: {app: front}}'))).toEqual(['a'])
    expect(made(filter(add('a'), 'workloadSelector: {labels: {app: cart}}'))).toEqual([])
    expect(made(filter(add('a'), 'targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: x}]'))).toEqual(
      [],
    )
    const where = (proxy: string): string => filter(add('a').replace('OUTBOUND', `OUTBOUND, proxy: ${proxy}`))
    expect(made(where(String.raw`{proxyVersion: '^1\.30.*'}`))).toEqual(['a'])
    expect(made(where(String.raw`{proxyVersion: '^1\.29.*'}`))).toEqual([])
    expect(made(where('{metadata: {ROLE: web}}'))).toEqual(['a'])
    expect(made(where('{metadata: {ROLE: db}}'))).toEqual([])
  })

  it('is in order of priority, then the root namespace, then age', () => {
    const one = (name: string, more: string, metadata: string): string =>
      filter(add(name), more, `{name: ${name}, namespace: ${metadata}`)
    expect(
      made(
        one('a', 'priority: 5', 'shop}') +
          one('b', '', 'shop, creationTimestamp: "2024-01-01T00:00:00Z"}') +
          one('c', '', 'shop, creationTimestamp: "2023-01-01T00:00:00Z"}') +
          one('d', '', 'istio-system, creationTimestamp: "2025-01-01T00:00:00Z"}') +
          one('e', 'priority: -1', 'shop}'),
      ),
    ).toEqual(['e', 'd', 'c', 'b', 'a'])
  })
})

describe('problems', () => {
  const told = (patch: string): string[] => ask(filter(`[${patch}]`)).told
  it('tell what matches nothing, and what is not supported', () => {
    expect(told('{applyTo: CLUSTER, match: {cluster: {service: nobody}}, patch: {operation: REMOVE}}')).toEqual([
      'warning f spec.configPatches[0]: matches nothing that the proxy has',
    ])
    expect(told('{applyTo: BOOTSTRAP, patch: {operation: MERGE, value: {}}}')[0]).toContain('has no effect')
    expect(told('{applyTo: CLUSTER, match: {context: GATEWAY}, patch: {operation: REMOVE}}')).toEqual([])
  })

  it('tell what is no resource, with the place', () => {
    const cluster = (value: string): string => `{applyTo: CLUSTER, patch: {operation: ADD, value: ${value}}}`
    expect(told(cluster('{name: false}'))[0]).toContain('error f spec.configPatches[0].patch.value: ')
    expect(told(cluster('{name: a, filters: [{nam: x}]}'))).toEqual([
      'warning f spec.configPatches[0].patch.value.filters[0].nam: envoy.config.cluster.v3.Filter has no such field',
    ])
    const http = (type: string): string =>
      `{applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND}, patch: {operation: ADD, value: {name: x, typed_config: {"@type": type.googleapis.com/${type}, a: 1}}}}`
    expect(told(http('envoy.config.filter.http.lua.v2.Lua'))).toEqual([
      'error f spec.configPatches[0].patch.value.typed_config.@type: envoy.config.filter.http.lua.v2.Lua is not known (Envoy has its v3 API only)',
    ])
    expect(told(http('envoy.extensions.filters.http.brand_new.v3.New'))[0]).toContain('it is given to proxies unread')
    expect(
      told('{applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND}, patch: {operation: ADD, value: {name: x}}}'),
    ).toEqual(['warning f spec.configPatches[0].patch.value: x is named without typed_config, by which Envoy finds it'])
  })

  it('give what is not known to proxies unread', () => {
    const { json } = ask(
      filter(
        '[{applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND}, patch: {operation: ADD, value: {name: x, typed_config: {"@type": type.googleapis.com/envoy.extensions.x.v3.New, a: 1}}}}]',
      ),
    )
    expect(JSON.stringify(named(json['listeners'], 'virtualInbound'))).toContain(
      '"typeUrl":"type.googleapis.com/envoy.extensions.x.v3.New","value":{"a":1},"@type":"type.googleapis.com/xds.type.v3.TypedStruct"',
    )
  })

  it('are none for settings that filters ask for by name', () => {
    const { json, told } = ask(filter(`[{applyTo: EXTENSION_CONFIG, patch: {operation: ADD, value: ${lua('x')}}}]`))
    expect(told).toEqual([])
    expect(json['extensions']?.map((each) => each.name)).toEqual(['envoy.filters.http.lua'])
  })
})
