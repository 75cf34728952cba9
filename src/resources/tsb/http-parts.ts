// HTTP routes of gateways, as Gateway and IngressGateway have them.
import { anyObject, boolean, integer, list, map, object, protoDuration, string, uint32 } from '../dsl.ts'
import { labels, stringMatch } from './common.ts'
import { clientTls } from './tls.ts'

export const corsPolicy = object({
  allowOrigin: list(string()),
  allowMethods: list(string()),
  allowHeaders: list(string()),
  exposeHeaders: list(string()),
  maxAge: protoDuration(),
  allowCredentials: boolean(),
})

const headerChange = object({ set: map(string()), add: map(string()), remove: list(string()) })

export const redirect = object({
  uri: string(),
  authority: string(),
  port: uint32(),
  scheme: string(),
  redirectCode: uint32({ description: 'Omitted: 301.' }),
})

/** Clusters whose gateways serve the same host. */
export const clusterDestinations = list(
  object({
    name: string(),
    labels,
    network: string({ description: 'Older way to choose clusters.' }),
    weight: uint32(),
  }),
)

export const serviceDestination = object({
  host: string({ description: 'NAMESPACE/HOST.' }),
  port: uint32(),
  tls: clientTls,
})

export const clusterDestination = object(
  { clusters: clusterDestinations },
  { description: 'Other gateways of the same host; no clusters: all of them, with failover.' },
)

const match = list(object({ uri: stringMatch, headers: map(stringMatch) }))

const modify = object({
  headers: object({ request: headerChange, response: headerChange }),
  rewrite: object({ uri: string(), authority: string() }),
})

const directResponse = object({
  status: integer(),
  body: object({ string: string(), bytes: string() }, { atMostOne: [['string', 'bytes']] }),
})

const common = {
  match,
  modify,
  redirect,
  directResponse,
  timeout: protoDuration(),
  corsPolicy,
  disableExternalAuthorization: boolean(),
  extensions: anyObject({ description: 'Plugins; they have no effect yet.' }),
} as const

const actions = { atMostOne: [['route', 'redirect', 'directResponse']] } as const

/** Routes of the kind Gateway. */
export const gatewayRouting = object({
  corsPolicy,
  rules: list(
    object(
      {
        ...common,
        route: object(
          { serviceDestination, clusterDestination },
          { atMostOne: [['serviceDestination', 'clusterDestination']] },
        ),
      },
      actions,
    ),
  ),
})

/** Routes of the kind IngressGateway. */
export const ingressRouting = object({
  corsPolicy,
  rules: list(object({ ...common, route: object({ host: string(), port: uint32() }) }, actions)),
})
