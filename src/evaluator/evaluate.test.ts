import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { type Any, anyPack } from '@bufbuild/protobuf/wkt'
import { describe, expect, it } from 'vitest'
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import { HealthStatus } from '#gen/envoy/config/core/v3/health_check_pb.js'
import { type ClusterLoadAssignment, ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js'
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { RBAC_Action } from '#gen/envoy/config/rbac/v3/rbac_pb.js'
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import { RBACSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js'
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { DownstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import { type Call, type Decision, evaluate, type ProxyConfig } from './index.ts'

const address = (ip: string, port: number) =>
  ({
    address: { case: 'socketAddress', value: { address: ip, portSpecifier: { case: 'portValue', value: port } } },
  }) as const

const typed = (any: Any) => ({ case: 'typedConfig', value: any }) as const

/** An assignment from rungs of endpoints, `true` for a healthy one. */
function assignment(name: string, rungs: readonly (readonly boolean[])[]): ClusterLoadAssignment {
  const init: MessageInitShape<typeof ClusterLoadAssignmentSchema> = {
    clusterName: name,
    endpoints: rungs.map((healths, priority) => ({
      priority,
      lbEndpoints: healths.map((healthy, index) => ({
        healthStatus: healthy ? HealthStatus.HEALTHY : HealthStatus.UNHEALTHY,
        hostIdentifier: { case: 'endpoint', value: { address: address(`10.0.${priority}.${index}`, 80) } },
      })),
    })),
  }
  return create(ClusterLoadAssignmentSchema, init)
}

function edsCluster(name: string, panicPercent?: number): Cluster {
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    ...(panicPercent === undefined ? {} : { commonLbConfig: { healthyPanicThreshold: { value: panicPercent } } }),
  })
}

const routes = create(RouteConfigurationSchema, {
  name: '80',
  ignorePortInHostMatching: true,
  virtualHosts: [
    {
      name: 'cart:80',
      domains: ['cart', 'cart.shop.svc.cluster.local'],
      routes: [
        {
          name: 'beta',
          match: {
            pathSpecifier: { case: 'prefix', value: '/' },
            headers: [
              {
                name: 'x-user',
                headerMatchSpecifier: {
                  case: 'stringMatch',
                  value: { matchPattern: { case: 'safeRegex', value: { regex: 'b.b' } } },
                },
              },
            ],
          },
          action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: 'v2' } } },
        },
        {
          name: 'split',
          match: { pathSpecifier: { case: 'prefix', value: '/items' } },
          action: {
            case: 'route',
            value: {
              timeout: { seconds: 2n },
              clusterSpecifier: {
                case: 'weightedClusters',
                value: {
                  clusters: [
                    { name: 'v1', weight: 75 },
                    { name: 'v2', weight: 25 },
                  ],
                },
              },
            },
          },
        },
      ],
    },
    {
      name: 'shops',
      domains: ['*.shop.svc.cluster.local'],
      routes: [
        {
          match: { pathSpecifier: { case: 'prefix', value: '/' } },
          action: { case: 'directResponse', value: { status: 204 } },
        },
      ],
    },
    {
      name: 'allow_any',
      domains: ['*'],
      routes: [
        {
          match: { pathSpecifier: { case: 'prefix', value: '/' } },
          action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: 'missing' } } },
        },
      ],
    },
  ],
})

const manager = create(HttpConnectionManagerSchema, {
  routeSpecifier: { case: 'rds', value: { routeConfigName: '80' } },
})

const guarded = create(HttpConnectionManagerSchema, {
  routeSpecifier: { case: 'rds', value: { routeConfigName: '80' } },
  httpFilters: [
    {
      name: 'envoy.filters.http.rbac',
      configType: typed(
        anyPack(
          RBACSchema,
          create(RBACSchema, {
            rules: {
              action: RBAC_Action.ALLOW,
              policies: {
                readers: {
                  permissions: [
                    {
                      rule: {
                        case: 'header',
                        value: {
                          name: ':method',
                          headerMatchSpecifier: {
                            case: 'stringMatch',
                            value: { matchPattern: { case: 'exact', value: 'GET' } },
                          },
                        },
                      },
                    },
                  ],
                  principals: [
                    {
                      identifier: {
                        case: 'authenticated',
                        value: {
                          principalName: { matchPattern: { case: 'suffix', value: '/sa/reader' } },
                        },
                      },
                    },
                  ],
                },
              },
            },
          }),
        ),
      ),
    },
  ],
})

const chain = (hcm: typeof manager) => ({
  filters: [{ name: 'hcm', configType: typed(anyPack(HttpConnectionManagerSchema, hcm)) }],
})

const proxy: ProxyConfig = {
  name: 'client',
  listeners: [
    create(ListenerSchema, { name: '0.0.0.0_80', address: address('0.0.0.0', 80), filterChains: [chain(manager)] }),
    create(ListenerSchema, {
      name: 'virtualInbound',
      address: address('0.0.0.0', 15006),
      listenerFilters: [{ name: 'envoy.filters.listener.tls_inspector' }],
      filterChains: [
        {
          ...chain(guarded),
          name: 'tls',
          filterChainMatch: { transportProtocol: 'tls', applicationProtocols: ['istio'] },
          transportSocket: {
            name: 'tls',
            configType: typed(
              anyPack(
                DownstreamTlsContextSchema,
                create(DownstreamTlsContextSchema, { requireClientCertificate: true }),
              ),
            ),
          },
        },
      ],
    }),
  ],
  routes: new Map([['80', routes]]),
  clusters: new Map(['v1', 'v2'].map((name) => [name, edsCluster(name, 1)])),
  endpoints: new Map([
    ['v1', assignment('v1', [[true, true, false], [true]])],
    ['v2', assignment('v2', [[true]])],
  ]),
}

const call: Call = {
  direction: 'outbound',
  address: '10.9.9.9',
  port: 80,
  protocol: 'http',
  host: 'cart:80',
  path: '/items?id=1',
  method: 'GET',
  headers: {},
}

const ask = (change: Partial<Call>): Decision => evaluate(proxy, { ...call, ...change })

describe('routes', () => {
  it('are tried in order, and say which came near', () => {
    const decision = ask({})
    expect(decision).toMatchObject({
      listener: '0.0.0.0_80',
      routeConfiguration: '80',
      virtualHost: 'cart:80',
      route: 'split',
    })
    expect(decision.nearMisses).toEqual([{ route: 'beta', failed: 'header x-user matches /b.b/' }])
    expect(decision.destinations.map((d) => [d.cluster, d.share])).toEqual([
      ['v1', 0.75],
      ['v2', 0.25],
    ])
    expect(decision.timeoutMs).toBe(2000)
  })

  it('match whole header values only', () => {
    expect(ask({ headers: { 'x-user': 'bob' } }).route).toBe('beta')
    expect(ask({ headers: { 'x-user': 'bobby' } }).route).toBe('split')
  })

  it('end where none matches, where no cluster is known, and take the most specific virtual host', () => {
    expect(ask({ path: '/other' }).ending).toBe('no-route')
    expect(ask({ host: 'elsewhere' })).toMatchObject({ virtualHost: 'allow_any', ending: 'no-cluster' })
    expect(ask({ host: 'other.shop.svc.cluster.local' })).toMatchObject({
      virtualHost: 'shops',
      directResponse: { status: 204 },
    })
    expect(ask({ port: 81 }).ending).toBe('no-listener')
  })
})

describe('rungs', () => {
  it('spill over when the first has lost too many', () => {
    const [v1] = ask({}).destinations
    expect(v1?.rungs.map((rung) => Math.round(rung.share * 100))).toEqual([93, 7])
    const first = v1?.rungs[0]?.endpoints ?? []
    expect(first.map((endpoint) => Math.round(endpoint.share * 1000))).toEqual([465, 465, 0])
  })

  it('have no endpoint to give where none is healthy and there is no panic', () => {
    const dead: ProxyConfig = {
      ...proxy,
      clusters: new Map(['v1', 'v2'].map((name) => [name, edsCluster(name, 0)])),
      endpoints: new Map(['v1', 'v2'].map((name) => [name, assignment(name, [[false], [false]])])),
    }
    expect(evaluate(dead, call).ending).toBe('no-healthy-endpoint')
    const panicking = { ...dead, clusters: proxy.clusters }
    expect(evaluate(panicking, call).destinations[0]?.rungs.map((rung) => rung.share)).toEqual([0.5, 0.5])
  })
})

describe('identity', () => {
  const inbound = (principal?: string, method = 'GET'): Decision =>
    ask({
      direction: 'inbound',
      method,
      tls: { sni: 'outbound_.80_._.cart', alpn: ['istio'], ...(principal === undefined ? {} : { principal }) },
    })

  it('decides with the policy that matched', () => {
    const allowed = inbound('spiffe://cluster.local/ns/shop/sa/reader')
    expect(allowed.verdicts).toEqual([
      {
        filter: 'envoy.filters.http.rbac',
        action: 'ALLOW',
        allowed: true,
        policy: 'readers',
        rules: [{ policy: 'readers' }],
      },
    ])
    const denied = inbound('spiffe://cluster.local/ns/shop/sa/other')
    expect(denied.ending).toBe('denied')
    expect(denied.verdicts[0]?.rules).toEqual([{ policy: 'readers', failed: 'caller ends with "/sa/reader"' }])
    expect(inbound('spiffe://cluster.local/ns/shop/sa/reader', 'POST').ending).toBe('denied')
  })

  it('is asked for before anything else', () => {
    expect(inbound().ending).toBe('client-certificate-required')
    expect(ask({ direction: 'inbound' }).ending).toBe('no-filter-chain')
  })
})
