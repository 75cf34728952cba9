// traffic.tsb.tetrate.io ServiceRoute: how the calls of one service are shared among its versions.
import {
  anyObject,
  boolean,
  defineKind,
  enumeration,
  list,
  map,
  number,
  object,
  protoDuration,
  type Static,
  string,
  uint32,
} from '../dsl.ts'
import { checkServiceRoute } from './checks.ts'
import { labels, spec, status, statusColumn, stringMatch, tenantColumn, v2, workspaceColumn } from './common.ts'

const stickySession = object(
  {
    header: string(),
    cookie: object({ name: string(), path: string(), ttl: protoDuration() }),
    useSourceIp: boolean(),
  },
  { atMostOne: [['header', 'cookie', 'useSourceIp']] },
)

const portLevelSettings = list(
  object({
    port: uint32(),
    trafficType: enumeration(['INVALID', 'HTTP', 'TCP', 'TLS_PASSTHROUGH']),
    stickySession,
  }),
)

const destinations = list(object({ destinationHost: string(), subset: string(), weight: uint32(), port: uint32() }))

const fault = object({
  delay: object({ percentage: number(), fixedDelay: protoDuration() }),
  abort: object({ percentage: number(), httpStatus: uint32(), grpcStatus: string() }),
})

export const serviceRoute = defineKind({
  group: 'traffic.tsb.tetrate.io',
  versions: v2,
  categories: ['tsb'],
  kind: 'ServiceRoute',
  plural: 'serviceroutes',
  shortNames: ['sr'],
  description: 'How the calls of one service are shared among its versions, in every cluster of the group.',
  spec: spec({
    service: string({ description: 'NAMESPACE/HOST; the host may be short.' }),
    subsets: list(
      object({
        name: string(),
        labels,
        weight: uint32({ description: 'Share; a single subset without one gets everything.' }),
        portLevelSettings,
      }),
    ),
    portLevelSettings,
    stickySession,
    httpRoutes: list(
      object({
        name: string(),
        match: list(object({ name: string(), uri: stringMatch, headers: map(stringMatch), port: uint32() })),
        destination: destinations,
        fault,
        mirrors: list(object({ host: string(), subset: string(), port: uint32(), percentage: number() })),
        flagger: anyObject(),
      }),
    ),
    tcpRoutes: list(
      object({
        name: string(),
        match: list(object({ name: string(), port: uint32() })),
        destination: destinations,
      }),
    ),
    argoRollout: object({ virtualServiceName: string(), destinationRuleName: string() }),
  }),
  status,
  printerColumns: [
    { name: 'Service', type: 'string', jsonPath: '.spec.service' },
    statusColumn,
    tenantColumn,
    workspaceColumn,
  ],
  checkFields: (root, { spec: value }) => value && checkServiceRoute(root.field('spec'), value),
})

export type ServiceRouteSpec = Static<typeof serviceRoute.spec>
