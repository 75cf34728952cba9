import { defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { anyObject, int32, list, map, object, oneOf, port, type Static, string, uint32 } from '../schema.ts'
import { checkEnvoyFilter } from './envoy-filter-check.ts'
import { networking } from './group.ts'
import { labelSelector, targetReference } from './selector.ts'
import { istioStatus } from './status.ts'

const filterMatch = object({ name: string(), subFilter: object({ name: string() }) })

const routeMatch = object({ name: string(), action: oneOf(['ANY', 'ROUTE', 'REDIRECT', 'DIRECT_RESPONSE']) })

const listenerMatch = object({
  portNumber: uint32(),
  portName: string(),
  filterChain: object({
    name: string(),
    sni: string(),
    transportProtocol: string(),
    applicationProtocols: string(),
    filter: filterMatch,
    destinationPort: uint32(),
    transportSocket: string(),
  }),
  listenerFilter: string(),
  name: string(),
})

const objectMatch = object(
  {
    context: oneOf(['ANY', 'SIDECAR_INBOUND', 'SIDECAR_OUTBOUND', 'GATEWAY', 'WAYPOINT']),
    proxy: object({ proxyVersion: string({ description: 'RE2.' }), metadata: map(string()) }),
    listener: listenerMatch,
    routeConfiguration: object({
      portNumber: uint32(),
      portName: string(),
      gateway: string(),
      vhost: object({ name: string(), domainName: string(), route: routeMatch }),
      name: string(),
    }),
    cluster: object({ portNumber: uint32(), service: string(), subset: string(), name: string() }),
    waypoint: object({ portNumber: port(), route: routeMatch, filter: filterMatch }),
  },
  {
    atMostOne: [['listener', 'routeConfiguration', 'cluster', 'waypoint']],
    rules: [
      {
        rule: "has(self.waypoint) == (has(self.context) && self.context == 'WAYPOINT')",
        message: 'waypoint goes with context WAYPOINT, and only with that',
      },
    ],
  },
)

const configPatch = object({
  applyTo: oneOf([
    'INVALID',
    'LISTENER',
    'FILTER_CHAIN',
    'NETWORK_FILTER',
    'HTTP_FILTER',
    'ROUTE_CONFIGURATION',
    'VIRTUAL_HOST',
    'HTTP_ROUTE',
    'CLUSTER',
    'EXTENSION_CONFIG',
    'BOOTSTRAP',
    'LISTENER_FILTER',
  ]),
  match: objectMatch,
  patch: object({
    operation: oneOf([
      'INVALID',
      'MERGE',
      'ADD',
      'REMOVE',
      'INSERT_BEFORE',
      'INSERT_AFTER',
      'INSERT_FIRST',
      'REPLACE',
      'MERGE_AND_REPLACE_LIST',
    ]),
    value: anyObject({ description: "The patch, as Envoy's v3 API has it in JSON." }),
    filterClass: oneOf(['UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS']),
  }),
})

export const envoyFilterSpec = object(
  {
    workloadSelector: labelSelector,
    targetRefs: list(targetReference, { maxItems: 16 }),
    configPatches: list(configPatch),
    priority: int32({ description: 'Order of application, lowest first.' }),
  },
  { atMostOne: [['workloadSelector', 'targetRefs']] },
)

export type EnvoyFilterPatch = Static<typeof configPatch>
export type EnvoyFilterMatch = Static<typeof objectMatch>
export type EnvoyFilterSpec = Static<typeof envoyFilterSpec>
export type EnvoyFilter = KubeObject<EnvoyFilterSpec, Static<typeof istioStatus>>

export const envoyFilterKind = defineKind({
  group: networking.group,
  categories: networking.categories,
  versions: [{ name: 'v1alpha3', storage: true }],
  kind: 'EnvoyFilter',
  plural: 'envoyfilters',
  description: 'Changes to the Envoy resources that are made from everything else.',
  spec: envoyFilterSpec,
  status: istioStatus,
  checkFields: checkEnvoyFilter,
})
