// networking.enterprise.mesh.gloo.solo.io: VirtualGateway, VirtualHost and RouteTable.
import {
  anyObject,
  boolean,
  enumeration,
  integer,
  list,
  map,
  object,
  type Place,
  type Static,
  string,
  uint32,
} from '../dsl.ts'
import { checkPolicy, checkWeighted } from './checks.ts'
import {
  appliedIngressGateways,
  clusterObjectRef,
  commonStatus,
  defineKind,
  ingressGatewaySelectors,
  labels,
  objectRef,
  objectSelector,
  observedGeneration,
  spec,
  stateColumn,
  v1beta1,
} from './common.ts'
import { checkExternalServers } from './needs.ts'
import { httpMatcherFields, policy, weightedDestination } from './policy.ts'

const common = { group: 'networking.enterprise.mesh.gloo.solo.io', versions: v1beta1, categories: ['gloo-mesh'] }

const route = object({
  name: string(),
  matchers: list(object({ ...httpMatcherFields, method: string() }), { description: 'Omitted: prefix "/".' }),
  labels,
  options: policy,
  routeAction: object({ destinations: list(weightedDestination), pathRewrite: string() }),
  redirectAction: object(
    {
      hostRedirect: string(),
      pathRedirect: string(),
      prefixRewrite: string(),
      responseCode: enumeration([
        'MOVED_PERMANENTLY',
        'FOUND',
        'SEE_OTHER',
        'TEMPORARY_REDIRECT',
        'PERMANENT_REDIRECT',
      ]),
      httpsRedirect: boolean(),
      stripQuery: boolean(),
    },
    { atMostOne: [['pathRedirect', 'prefixRewrite']] },
  ),
  directResponseAction: object({ status: uint32(), body: string() }),
  delegateAction: object({
    refs: list(objectRef()),
    selector: objectSelector,
    sortMethod: enumeration(['TABLE_WEIGHT', 'ROUTE_SPECIFICITY']),
  }),
})

const virtualHostFields = {
  domains: list(string()),
  routes: list(route),
  options: object({ trafficPolicy: policy }),
} as const

const appliedTrafficPolicies = list(
  object({ ref: objectRef(), observedGeneration, spec: anyObject(), routes: list(string()) }),
)

const sslConfig = object(
  {
    secretName: string({ description: 'TLS secret in the namespace of the gateway, on its cluster.' }),
    sslFiles: object({ tlsCert: string(), tlsKey: string(), rootCa: string() }),
    verifySubjectAltName: list(string()),
    parameters: object({
      minimumProtocolVersion: enumeration(['TLS_AUTO', 'TLSv1_0', 'TLSv1_1', 'TLSv1_2', 'TLSv1_3']),
      maximumProtocolVersion: enumeration(['TLS_AUTO', 'TLSv1_0', 'TLSv1_1', 'TLSv1_2', 'TLSv1_3']),
      cipherSuites: list(string()),
    }),
    tlsMode: enumeration(['PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL']),
  },
  { atMostOne: [['secretName', 'sslFiles']] },
)

const connectionHandler = object(
  {
    connectionMatch: object({ serverNames: list(string()), transportProtocol: string() }),
    http: object({
      routeConfig: list(
        object(
          { virtualHostSelector: objectSelector, virtualHost: object(virtualHostFields) },
          { atMostOne: [['virtualHostSelector', 'virtualHost']] },
        ),
      ),
      routeOptions: object({ csrf: anyObject(), rateLimit: anyObject(), extauth: anyObject() }),
    }),
    tcp: object({
      tcpHosts: list(
        object({
          name: string(),
          destination: object({
            static: objectRef(),
            virtual: objectRef(),
            kube: clusterObjectRef(),
            forwardSniClusterName: object({}),
            weight: uint32(),
          }),
        }),
      ),
      options: object({ tcpProxySettings: anyObject() }),
    }),
    connectionOptions: object(
      { sslConfig, httpsRedirect: boolean(), strictFilterManagement: boolean(), enableProxyProtocol: boolean() },
      { atMostOne: [['sslConfig', 'httpsRedirect']] },
    ),
  },
  { atMostOne: [['http', 'tcp']] },
)

export const virtualGateway = defineKind({
  ...common,
  kind: 'VirtualGateway',
  plural: 'virtualgateways',
  shortNames: ['vg'],
  description: 'A way into the meshes: which gateways take which connections, on every cluster alike.',
  spec: spec({
    ingressGatewaySelectors,
    connectionHandlers: list(connectionHandler),
    options: object({ perConnectionBufferLimitBytes: uint32(), bindAddress: string() }),
    deployToIngressGateways: object({ bindAddress: string(), bindPort: uint32(), gatewayWorkloads: list(anyObject()) }),
    deployToSidecars: anyObject(),
  }),
  status: object({
    ...commonStatus,
    appliedIngressGateways,
    selectedVirtualHosts: list(objectRef()),
    selectedRouteTables: list(objectRef()),
    createdIstioGateways: map(object({ gateways: list(objectRef()) })),
  }),
  printerColumns: [stateColumn],
  checkFields: (root, { spec: value }) => value && checkGateway(root.field('spec'), value),
})

export const virtualHost = defineKind({
  ...common,
  kind: 'VirtualHost',
  plural: 'virtualhosts',
  shortNames: ['vh'],
  description: 'The routes of some host names at a gateway.',
  spec: spec(virtualHostFields),
  status: object({
    ...commonStatus,
    attachedVirtualGateways: list(objectRef()),
    selectedRouteTables: list(objectRef()),
    appliedTrafficPolicies,
  }),
  printerColumns: [stateColumn],
  checkFields: (root, { spec: value }) => value && checkRoutes(root.field('spec'), value),
})

export const routeTable = defineKind({
  ...common,
  kind: 'RouteTable',
  plural: 'routetables',
  shortNames: ['rt'],
  description: 'Routes that virtual hosts and other tables delegate to.',
  spec: spec({
    routes: list(route),
    weight: integer({ description: 'Tables of greater weight come first; omitted: 0.' }),
  }),
  status: object({
    ...commonStatus,
    selectedBy: list(object({ name: string(), namespace: string(), type: string() })),
    attachedVirtualGateways: list(objectRef()),
    selectedRouteTables: list(objectRef()),
    appliedTrafficPolicies,
  }),
  printerColumns: [stateColumn],
  checkFields: (root, { spec: value }) => value && checkRoutes(root.field('spec'), value),
})

export type RouteSpec = Static<typeof route>
export type VirtualGatewaySpec = Static<typeof virtualGateway.spec>
export type VirtualHostSpec = Static<typeof virtualHost.spec>
export type RouteTableSpec = Static<typeof routeTable.spec>

function checkGateway(place: Place, { connectionHandlers, options, ...rest }: VirtualGatewaySpec): void {
  place.field('connectionHandlers').each(connectionHandlers, checkHandler)
  if (options?.perConnectionBufferLimitBytes !== undefined)
    place.field('options').field('perConnectionBufferLimitBytes').warn(keepsDefault, 'not-supported')
  for (const field of ['deployToIngressGateways', 'deployToSidecars'] as const)
    if (rest[field] !== undefined)
      place.field(field).error('not supported: use ingressGatewaySelectors', 'not-supported')
}

const keepsDefault = 'not supported: Envoy’s default is kept; an Istio EnvoyFilter can set it'

type Handler = NonNullable<VirtualGatewaySpec['connectionHandlers']>[number]

function checkHandler(at: Place, { http, tcp, connectionMatch, connectionOptions }: Handler): void {
  const options = at.field('http').field('routeOptions')
  if (http?.routeOptions !== undefined) checkExternalServers(options, http.routeOptions)
  if (http?.routeOptions?.csrf !== undefined) options.field('csrf').error(csrfAtGateways, 'not-supported')
  if (connectionMatch?.transportProtocol !== undefined)
    at.field('connectionMatch').field('transportProtocol').warn('has no effect: it follows from the handler')
  const connection = at.field('connectionOptions')
  if (connectionOptions?.enableProxyProtocol === true)
    connection.field('enableProxyProtocol').error('not supported: connections would be refused', 'not-supported')
  if (connectionOptions?.strictFilterManagement !== undefined)
    connection.field('strictFilterManagement').warn('has no effect: filters come from Fairlead alone')
  if (tcp?.options?.tcpProxySettings !== undefined)
    at.field('tcp').field('options').field('tcpProxySettings').warn(keepsDefault, 'not-supported')
  at.field('tcp')
    .field('tcpHosts')
    .each(tcp?.tcpHosts, (host, { destination }) => {
      if (destination?.forwardSniClusterName !== undefined)
        host.field('destination').field('forwardSniClusterName').error(sniForwarding, 'not-supported')
    })
}

const sniForwarding = 'not supported: use an AUTO_PASSTHROUGH server, as federation makes it'
const csrfAtGateways =
  'not supported at gateways: put csrf into a TrafficPolicy for the services behind them, whose proxies then check it'

const actions = ['routeAction', 'redirectAction', 'directResponseAction', 'delegateAction'] as const

function checkRoutes(place: Place, { routes, options }: VirtualHostSpec): void {
  if (options?.trafficPolicy !== undefined) {
    const at = place.field('options').field('trafficPolicy')
    checkPolicy(at, options.trafficPolicy)
    if (options.trafficPolicy.csrf !== undefined) at.field('csrf').error(csrfAtGateways, 'not-supported')
  }
  place.field('routes').each(routes, (at, each) => {
    const given = actions.filter((action) => each[action] !== undefined)
    if (given.length === 0) at.error(`one of ${actions.join(', ')} must be set`, 'required')
    if (given.length > 1) at.error(`only one of ${actions.join(', ')} may be set, not ${given.join(' and ')}`)
    at.field('routeAction').field('destinations').each(each.routeAction?.destinations, checkWeighted)
    if (each.options === undefined) return
    checkPolicy(at.field('options'), each.options)
    if (each.options.csrf !== undefined) at.field('options').field('csrf').error(csrfAtGateways, 'not-supported')
  })
}
