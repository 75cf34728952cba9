import { defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { int32, list, map, object, required, type Static, string, uint32 } from '../schema.ts'
import { istioVersions, networking } from './group.ts'
import { destination, httpRoute } from './http-route.ts'
import { istioStatus } from './status.ts'
import { checkVirtualService } from './virtual-service-check.ts'

const routeDestination = object({ destination: required(destination), weight: int32() })

const tlsMatch = object({
  sniHosts: required(list(string(), { description: 'Server names; within the hosts of the VirtualService.' })),
  destinationSubnets: list(string()),
  port: uint32(),
  sourceLabels: map(string()),
  gateways: list(string()),
  sourceNamespace: string(),
})

const tlsRoute = object({ match: required(list(tlsMatch)), route: list(routeDestination) })

const l4Match = object({
  destinationSubnets: list(string()),
  port: uint32(),
  sourceSubnet: string(),
  sourceLabels: map(string()),
  gateways: list(string()),
  sourceNamespace: string(),
})

const tcpRoute = object({ match: list(l4Match), route: list(routeDestination) })

export const virtualServiceSpec = object({
  hosts: list(string(), { description: 'Names that clients call; none = a delegate of another VirtualService.' }),
  gateways: list(string(), {
    description: 'Gateways (namespace/name) that apply this; mesh = all sidecars, the default.',
  }),
  http: list(httpRoute, { description: 'Rules for HTTP, the first that matches applies.' }),
  tls: list(tlsRoute, { description: 'Rules for TLS that is passed through, by server name.' }),
  tcp: list(tcpRoute, { description: 'Rules for all other TCP.' }),
  exportTo: list(string(), { description: 'Namespaces that see this; . = its own, * = all, the default.' }),
})

export type VirtualServiceSpec = Static<typeof virtualServiceSpec>
export type VirtualService = KubeObject<VirtualServiceSpec, Static<typeof istioStatus>>
export type RouteDestination = Static<typeof routeDestination>
export type TlsMatch = Static<typeof tlsMatch>
export type TlsRoute = Static<typeof tlsRoute>
export type L4Match = Static<typeof l4Match>
export type TcpRoute = Static<typeof tcpRoute>

export const virtualServiceKind = defineKind({
  group: networking.group,
  categories: networking.categories,
  versions: istioVersions,
  kind: 'VirtualService',
  plural: 'virtualservices',
  shortNames: ['vs'],
  description: 'How requests to a host are routed.',
  spec: virtualServiceSpec,
  status: istioStatus,
  printerColumns: [
    { name: 'Gateways', type: 'string', jsonPath: '.spec.gateways', description: 'Gateways that apply the rules.' },
    { name: 'Hosts', type: 'string', jsonPath: '.spec.hosts', description: 'Hosts whose traffic is routed.' },
  ],
  checkFields: checkVirtualService,
})
