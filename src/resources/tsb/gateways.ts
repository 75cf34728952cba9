// gateway.tsb.tetrate.io: what gateways serve. Gateway says all of it; the other kinds are its predecessors.
import { anyObject, boolean, defineKind, enumeration, list, object, type Static, string, uint32 } from '../dsl.ts'
import {
  spec,
  status,
  statusColumn,
  stringMatch,
  tenantColumn,
  v2,
  workloadSelector,
  workspaceColumn,
} from './common.ts'
import { failoverSettings } from './failover.ts'
import { checkEgressGateway, checkGateway, checkIngressGateway, checkTier1Gateway } from './gateway-checks.ts'
import {
  clusterDestination,
  clusterDestinations,
  gatewayRouting,
  ingressRouting,
  redirect,
  serviceDestination,
} from './http-parts.ts'
import { rateLimiting } from './rate-limiting.ts'
import {
  authorization,
  httpAuthentication,
  httpAuthorization,
  identityMatch,
  waf,
  wasmPlugins,
} from './security-parts.ts'
import { serverTls } from './tls.ts'

const common = {
  group: 'gateway.tsb.tetrate.io',
  versions: v2,
  categories: ['tsb'],
  status,
  printerColumns: [statusColumn, tenantColumn, workspaceColumn],
}

const server = { name: string(), hostname: string(), port: uint32() } as const

const trafficMode = enumeration(['AUTO', 'INGRESS', 'EGRESS', 'TRANSIT'])
const transit = boolean({ description: 'Older spelling of trafficMode TRANSIT.' })

const destination = object(
  { serviceDestination, clusterDestination },
  { atMostOne: [['serviceDestination', 'clusterDestination']] },
)

export const gateway = defineKind({
  ...common,
  kind: 'Gateway',
  plural: 'gateways',
  shortNames: ['gwt'],
  description: 'What a gateway serves: hosts, and where their requests go.',
  spec: spec({
    workloadSelector,
    http: list(
      object({
        ...server,
        trafficMode,
        transit,
        tls: serverTls,
        routing: gatewayRouting,
        authentication: httpAuthentication,
        authorization: httpAuthorization,
        rateLimiting,
        failoverSettings,
        openapi: anyObject(),
        extensions: anyObject(),
      }),
    ),
    tls: list(object({ ...server, route: destination, failoverSettings })),
    tcp: list(object({ ...server, trafficMode, transit, tls: serverTls, route: destination, failoverSettings })),
    egressAuthorization: list(
      object({
        from: object({ mode: string(), serviceAccounts: list(string()), resources: list(string()) }),
        to: list(object({ host: stringMatch, paths: list(string()), methods: list(string()) })),
        identityMatch,
      }),
    ),
    wasmPlugins,
    waf,
  }),
  checkFields: (root, { spec: value }) => value && checkGateway(root.field('spec'), value),
})

const ingressRoute = object({ host: string({ description: 'NAMESPACE/HOST.' }), port: uint32() })

export const ingressGateway = defineKind({
  ...common,
  kind: 'IngressGateway',
  plural: 'ingressgateways',
  shortNames: ['ig'],
  description: 'What an ingress gateway serves. Gateway is its successor.',
  spec: spec({
    workloadSelector,
    http: list(
      object({
        ...server,
        tls: serverTls,
        routing: ingressRouting,
        authentication: httpAuthentication,
        authorization: httpAuthorization,
        rateLimiting,
      }),
    ),
    tcp: list(object({ ...server, tls: serverTls, route: ingressRoute })),
    tlsPassthrough: list(object({ ...server, route: ingressRoute })),
    extension: wasmPlugins,
    waf,
  }),
  checkFields: (root, { spec: value }) => value && checkIngressGateway(root.field('spec'), value),
})

const clusters = clusterDestinations

export const tier1Gateway = defineKind({
  ...common,
  kind: 'Tier1Gateway',
  plural: 'tier1gateways',
  shortNames: ['t1'],
  description: 'What a gateway in front of other clusters’ gateways serves. Gateway is its successor.',
  spec: spec({
    workloadSelector,
    externalServers: list(
      object(
        {
          ...server,
          tls: serverTls,
          clusters,
          redirect,
          authentication: httpAuthentication,
          authorization: httpAuthorization,
          rateLimiting,
        },
        { atMostOne: [['clusters', 'redirect']] },
      ),
    ),
    internalServers: list(
      object({
        name: string(),
        hostname: string(),
        clusters,
        authentication: httpAuthentication,
        authorization: httpAuthorization,
      }),
    ),
    passthroughServers: list(object({ ...server, clusters })),
    tcpExternalServers: list(object({ ...server, tls: serverTls, clusters })),
    tcpInternalServers: list(object({ name: string(), hostname: string(), clusters })),
    extension: wasmPlugins,
    waf,
  }),
  checkFields: (root, { spec: value }) => value && checkTier1Gateway(root.field('spec'), value),
})

export const egressGateway = defineKind({
  ...common,
  kind: 'EgressGateway',
  plural: 'egressgateways',
  shortNames: ['eg'],
  description: 'Who may call which hosts outside. An empty list forbids everything.',
  spec: spec({
    workloadSelector,
    authorization: list(object({ from: authorization, to: list(string()) })),
    extension: wasmPlugins,
  }),
  checkFields: (root, { spec: value }) => value && checkEgressGateway(root.field('spec'), value),
})

export type GatewaySpec = Static<typeof gateway.spec>
export type IngressGatewaySpec = Static<typeof ingressGateway.spec>
export type Tier1GatewaySpec = Static<typeof tier1Gateway.spec>
export type EgressGatewaySpec = Static<typeof egressGateway.spec>
