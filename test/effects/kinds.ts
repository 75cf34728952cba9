// Each kind as an object without effect of its own, and what has to stand beside a field for it to have one.
import type { KubeObject } from '../../src/resources/index.ts'
import type { Context } from './effects.ts'

interface Described {
  readonly kind: string
  readonly object: KubeObject
  readonly contexts: readonly Context[]
}

const object = (apiVersion: string, kind: string, spec: object, metadata: object = {}): KubeObject =>
  ({ apiVersion, kind, metadata: { name: 'one', namespace: 'shop', ...metadata }, spec }) as KubeObject

const buffer = {
  name: 'x',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer', max_request_bytes: 5 },
}

const networking = 'networking.istio.io/v1'
const security = 'security.istio.io/v1'

export function kindsOf(): Described[] {
  return [
    {
      kind: 'VirtualService',
      object: object(networking, 'VirtualService', {
        hosts: ['cart.shop.svc.cluster.local', 'shop.example'],
        gateways: ['mesh', 'shop/edge'],
      }),
      contexts: [
        ['hosts', { 'http[].route[].destination.host': 'cart' }],
        ['gateways', { 'http[].route[].destination.host': 'cart' }],
        ['exportTo', { 'http[].route[].destination.host': 'cart' }],
        ['http[]', { 'http[].route[].destination.host': 'cart' }],
        ['http[].redirect', { http: [{ redirect: { uri: '/x' } }] }],
        ['http[].directResponse', { http: [{ directResponse: { status: 200 } }] }],
        ['http[].delegate', { http: [{ match: [{ uri: { prefix: '/a' } }] }] }],
        ['http[].fault.abort.percentage', { 'http[].fault.abort.httpStatus': 500 }],
        ['http[].fault.delay.perc', { 'http[].fault.delay.fixedDelay': '5s' }],
        ['http[].mirror', { 'http[].mirror.host': 'web' }],
        [
          'http[].mirrors',
          { http: [{ route: [{ destination: { host: 'cart' } }], mirrors: [{ destination: { host: 'web' } }] }] },
        ],
        ['http[].corsPolicy.allowOrigin', {}],
        ['http[].corsPolicy.m', { 'http[].corsPolicy.allowOrigins': [{ exact: 'a' }] }],
        ['http[].rewrite.uriRegexRewrite', { 'http[].rewrite.uriRegexRewrite': { match: '/a', rewrite: '/b' } }],
        [
          'http[].route[].weight',
          {
            http: [
              {
                route: [
                  { destination: { host: 'cart' }, weight: 1 },
                  { destination: { host: 'web' }, weight: 1 },
                ],
              },
            ],
          },
        ],
        ['http[].match', { 'http[].match[].uri.prefix': '/p' }],
        ['http[].match[].uri.exact', { 'http[].match': [{}] }],
        ['http[].match[].uri.regex', { 'http[].match': [{}] }],
        ['tls[]', { 'tls[].match[].sniHosts': ['shop.example'], 'tls[].route[].destination.host': 'cart' }],
        [
          'tls[].match[].sourceNamespace',
          {
            hosts: ['parts.example'],
            tls: [{ match: [{ sniHosts: ['parts.example'], port: 8443 }], route: [{ destination: { host: 'cart' } }] }],
          },
        ],
        [
          'tls[].route[].weight',
          {
            tls: [
              {
                match: [{ sniHosts: ['shop.example'] }],
                route: [
                  { destination: { host: 'cart' }, weight: 1 },
                  { destination: { host: 'web' }, weight: 1 },
                ],
              },
            ],
          },
        ],
        ['tcp[]', { 'tcp[].match[].port': 443, 'tcp[].route[].destination.host': 'web' }],
        [
          'tcp[].route[].weight',
          {
            tcp: [
              {
                match: [{ port: 443 }],
                route: [
                  { destination: { host: 'cart' }, weight: 1 },
                  { destination: { host: 'web' }, weight: 1 },
                ],
              },
            ],
          },
        ],
      ],
    },
    {
      kind: 'DestinationRule',
      object: object(networking, 'DestinationRule', { host: 'cart.shop.svc.cluster.local' }),
      contexts: [
        'trafficPolicy',
        'trafficPolicy.portLevelSettings[]',
        'subsets[].trafficPolicy',
        'subsets[].trafficPolicy.portLevelSettings[]',
      ]
        .flatMap((at): Context[] => [
          [at, at.startsWith('subsets') ? { 'subsets[].name': 'v1', 'subsets[].labels': { version: 'v1' } } : {}],
          [at, at.endsWith('[]') ? { [`${at}.port.number`]: 80 } : {}],
          [`${at}.port.number`, { [`${at}.outlierDetection`]: { consecutive5xxErrors: 5 } }],
          [`${at}.loadBalancer.consistentHash`, { [`${at}.loadBalancer.consistentHash.httpHeaderName`]: 'x' }],
          [`${at}.loadBalancer.consistentHash.http`, { [`${at}.loadBalancer.consistentHash`]: {} }],
          [`${at}.loadBalancer.consistentHash.use`, { [`${at}.loadBalancer.consistentHash`]: {} }],
          [
            `${at}.loadBalancer.consistentHash.httpCookie`,
            { [`${at}.loadBalancer.consistentHash.httpCookie.name`]: 'c' },
          ],
          [`${at}.loadBalancer.warmup`, { [`${at}.loadBalancer.warmup.duration`]: '5s' }],
          [`${at}.loadBalancer.localityLbSetting`, { [`${at}.outlierDetection`]: { consecutive5xxErrors: 5 } }],
          [
            `${at}.loadBalancer.localityLbSetting.enabled`,
            { [`${at}.loadBalancer.localityLbSetting.failoverPriority`]: ['version=v2'] },
          ],
          [`${at}.loadBalancer.zoneAware`, { [`${at}.outlierDetection`]: { consecutive5xxErrors: 5 } }],
          [`${at}.connectionPool.tcp.tcpKeepalive`, { [`${at}.connectionPool.tcp.tcpKeepalive.probes`]: 3 }],
          [`${at}.tls`, { [`${at}.tls.mode`]: 'SIMPLE' }],
          [`${at}.tls.clientC`, { [`${at}.tls`]: { mode: 'MUTUAL', clientCertificate: '/c', privateKey: '/k' } }],
          [`${at}.tls.privateKey`, { [`${at}.tls`]: { mode: 'MUTUAL', clientCertificate: '/c', privateKey: '/k' } }],
          [`${at}.tunnel`, { [`${at}.tunnel`]: { targetHost: 'a.example', targetPort: 80 } }],
        ])
        .concat([['subsets[]', { 'subsets[].name': 'v1', 'subsets[].labels': { version: 'v1' } }]]),
    },
    {
      kind: 'Gateway',
      object: object(networking, 'Gateway', {
        selector: { app: 'edge' },
        servers: [
          {
            hosts: ['a.example'],
            port: { number: 8443, name: 'https', protocol: 'HTTPS' },
            tls: { mode: 'MUTUAL', credentialName: 'c' },
          },
        ],
      }),
      contexts: [
        [
          'servers[].tls.httpsRedirect',
          { servers: [{ hosts: ['a.example'], port: { number: 8080, name: 'http', protocol: 'HTTP' } }] },
        ],
        [
          'servers[].tls.serverCertificate',
          { 'servers[].tls': { mode: 'SIMPLE', serverCertificate: '/c', privateKey: '/k' } },
        ],
        [
          'servers[].tls.privateKey',
          { 'servers[].tls': { mode: 'SIMPLE', serverCertificate: '/c', privateKey: '/k' } },
        ],
        [
          'servers[].tls.caCertificates',
          { 'servers[].tls': { mode: 'MUTUAL', serverCertificate: '/c', privateKey: '/k', caCertificates: '/a' } },
        ],
        [
          'servers[].tls.caCrl',
          { 'servers[].tls': { mode: 'MUTUAL', serverCertificate: '/c', privateKey: '/k', caCertificates: '/a' } },
        ],
        [
          'servers[].tls.tlsCertificates',
          { 'servers[].tls': { mode: 'SIMPLE', tlsCertificates: [{ serverCertificate: '/c', privateKey: '/k' }] } },
        ],
        ['servers[].tls.credentialNames', { 'servers[].tls': { mode: 'SIMPLE' } }],
      ],
    },
    {
      kind: 'ServiceEntry',
      object: object(networking, 'ServiceEntry', {
        hosts: ['b.example'],
        resolution: 'STATIC',
        addresses: ['240.2.2.2'],
        ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      }),
      contexts: [
        ['ports[].targetPort', { 'endpoints[].address': '10.7.7.7' }],
        ['subjectAltNames', { location: 'MESH_INTERNAL', 'endpoints[].address': '10.7.7.7' }],
        ['endpoints[]', { 'endpoints[].address': '10.7.7.7' }],
        ['endpoints[].network', { location: 'MESH_INTERNAL' }],
        ['endpoints[].ports', { 'endpoints[].ports': { http: 5 } }],
        ['workloadSelector', { location: 'MESH_INTERNAL' }],
      ],
    },
    {
      kind: 'WorkloadEntry',
      object: object(networking, 'WorkloadEntry', { address: '10.7.7.7', labels: { app: 'vm' } }),
      contexts: [['ports', { ports: { http: 5 } }]],
    },
    {
      kind: 'Sidecar',
      object: object(networking, 'Sidecar', {
        workloadSelector: { labels: { app: 'cart' } },
        egress: [{ hosts: ['*/*'] }],
      }),
      contexts: [
        [
          'workloadSelector',
          { ingress: [{ port: { number: 7000, name: 'http', protocol: 'HTTP' }, defaultEndpoint: '127.0.0.1:7001' }] },
        ],
        [
          'ingress[]',
          { ingress: [{ port: { number: 7000, name: 'http', protocol: 'HTTP' }, defaultEndpoint: '127.0.0.1:7001' }] },
        ],
        [
          'ingress[].tls',
          {
            ingress: [
              {
                port: { number: 7000, name: 'https', protocol: 'HTTPS' },
                defaultEndpoint: '127.0.0.1:7001',
                tls: { mode: 'SIMPLE', serverCertificate: '/c', privateKey: '/k' },
              },
            ],
          },
        ],
        [
          'ingress[].tls.ca',
          {
            ingress: [
              {
                port: { number: 7000, name: 'https', protocol: 'HTTPS' },
                defaultEndpoint: '127.0.0.1:7001',
                tls: { mode: 'MUTUAL', serverCertificate: '/c', privateKey: '/k', caCertificates: '/a' },
              },
            ],
          },
        ],
        [
          'ingress[].tls.verify',
          {
            ingress: [
              {
                port: { number: 7000, name: 'https', protocol: 'HTTPS' },
                defaultEndpoint: '127.0.0.1:7001',
                tls: { mode: 'MUTUAL', serverCertificate: '/c', privateKey: '/k', caCertificates: '/a' },
              },
            ],
          },
        ],
        [
          'ingress[].tls.insecure',
          {
            ingress: [
              {
                port: { number: 7000, name: 'https', protocol: 'HTTPS' },
                defaultEndpoint: '127.0.0.1:7001',
                tls: { mode: 'MUTUAL', serverCertificate: '/c', privateKey: '/k', caCertificates: '/a' },
              },
            ],
          },
        ],
        [
          'ingress[].connectionPool.http.maxConcurrentStreams',
          { ingress: [{ port: { number: 7000, name: 'grpc', protocol: 'GRPC' }, defaultEndpoint: '127.0.0.1:7001' }] },
        ],
        ['egress[].port', { egress: [{ hosts: ['*/*'], port: { number: 80, name: 'http', protocol: 'HTTP' } }] }],
        ['egress[].bind', { egress: [{ hosts: ['*/*'], port: { number: 80, name: 'http', protocol: 'HTTP' } }] }],
        ['egress[].capt', { egress: [{ hosts: ['*/*'], port: { number: 80, name: 'http', protocol: 'HTTP' } }] }],
        [
          'outboundTrafficPolicy.egressProxy',
          {
            outboundTrafficPolicy: {
              mode: 'ALLOW_ANY',
              egressProxy: { host: 'web.shop.svc.cluster.local', port: { number: 80 } },
            },
          },
        ],
      ],
    },
    {
      kind: 'PeerAuthentication',
      object: object(security, 'PeerAuthentication', { selector: { matchLabels: { app: 'cart' } } }),
      contexts: [
        ['portLevelMtls', { portLevelMtls: { '8080': { mode: 'UNSET' } } }],
        ['selector', { 'mtls.mode': 'STRICT' }],
      ],
    },
    {
      kind: 'RequestAuthentication',
      object: object(security, 'RequestAuthentication', {
        jwtRules: [{ issuer: 'i', jwks: '{"keys":[{"kty":"oct","k":"AAAA"}]}' }],
      }),
      contexts: [
        ['jwtRules[].jwksUri', { jwtRules: [{ issuer: 'i' }] }],
        ['jwtRules[].jwks_uri', { jwtRules: [{ issuer: 'i' }] }],
        ['jwtRules[].timeout', { jwtRules: [{ issuer: 'i', jwksUri: 'https://a.example' }] }],
        ['jwtRules[].fromHeaders[]', { 'jwtRules[].fromHeaders[].name': 'x' }],
        ['jwtRules[].outputClaimToHeaders[]', { 'jwtRules[].outputClaimToHeaders[]': { header: 'x', claim: 'y' } }],
      ],
    },
    {
      kind: 'AuthorizationPolicy',
      object: object(security, 'AuthorizationPolicy', { rules: [{}] }),
      contexts: [
        ['rules[].when', { 'rules[].when': [{ key: 'request.headers[a]', values: ['b'] }] }],
        ['provider', { action: 'CUSTOM', provider: { name: 'authz' } }],
      ],
    },
    {
      kind: 'Telemetry',
      object: object('telemetry.istio.io/v1', 'Telemetry', {
        accessLogging: [{ providers: [{ name: 'v1' }] }],
        tracing: [{ providers: [{ name: 'x-one' }], randomSamplingPercentage: 50 }],
        metrics: [{ providers: [{ name: 'prometheus' }] }],
      }),
      contexts: [
        ['tracing[].customTags', { 'tracing[].customTags': { t: { literal: { value: 'v' } } } }],
        ['tracing[].customTags{}.header', { 'tracing[].customTags': { t: { header: { name: 'v' } } } }],
        ['tracing[].customTags{}.env', { 'tracing[].customTags': { t: { environment: { name: 'v' } } } }],
        ['tracing[].customTags{}.formatter', { 'tracing[].customTags': { t: {} } }],
        [
          'metrics[].overrides',
          { 'metrics[].overrides': [{ match: { metric: 'REQUEST_COUNT' }, tagOverrides: { t: { value: 'a' } } }] },
        ],
        ['metrics[].overrides[].match.customMetric', { 'metrics[].overrides': [{ disabled: true }] }],
      ],
    },
    {
      kind: 'EnvoyFilter',
      object: object('networking.istio.io/v1alpha3', 'EnvoyFilter', {
        configPatches: [{ applyTo: 'CLUSTER', patch: { operation: 'MERGE', value: { lb_policy: 'RANDOM' } } }],
      }),
      contexts: [
        [
          'configPatches[].match.listener',
          { 'configPatches[].applyTo': 'LISTENER', 'configPatches[].patch.value': { transparent: true } },
        ],
        [
          'configPatches[].match.listener.filterChain',
          { 'configPatches[].applyTo': 'FILTER_CHAIN', 'configPatches[].patch': { operation: 'REMOVE' } },
        ],
        [
          'configPatches[].match.listener.filterChain.filter',
          {
            'configPatches[].applyTo': 'NETWORK_FILTER',
            'configPatches[].match.listener.filterChain.filter.name': 'envoy.filters.network.http_connection_manager',
            'configPatches[].patch': { operation: 'REMOVE' },
          },
        ],
        [
          'configPatches[].match.listener.filterChain.filter.subFilter',
          {
            'configPatches[].applyTo': 'HTTP_FILTER',
            'configPatches[].match.listener.filterChain.filter.subFilter.name': 'envoy.filters.http.router',
            'configPatches[].patch': { operation: 'REMOVE' },
          },
        ],
        [
          'configPatches[].match.listener.listenerFilter',
          {
            'configPatches[].applyTo': 'LISTENER_FILTER',
            'configPatches[].match.listener.listenerFilter': 'envoy.filters.listener.tls_inspector',
            'configPatches[].patch': { operation: 'REMOVE' },
          },
        ],
        [
          'configPatches[].match.routeConfiguration',
          {
            'configPatches[].applyTo': 'HTTP_ROUTE',
            'configPatches[].match.context': 'GATEWAY',
            'configPatches[].patch': { operation: 'MERGE', value: { decorator: { operation: 'x' } } },
          },
        ],
        [
          'configPatches[].patch.filterClass',
          {
            'configPatches[].applyTo': 'HTTP_FILTER',
            'configPatches[].patch': {
              operation: 'ADD',
              value: {
                name: 'x',
                typed_config: {
                  '@type': 'type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer',
                  max_request_bytes: 5,
                },
              },
            },
          },
        ],
        [
          'priority',
          {
            priority: -5,
            configPatches: [{ applyTo: 'HTTP_FILTER', patch: { operation: 'INSERT_FIRST', value: buffer } }],
          },
        ],
      ],
    },
  ]
}
