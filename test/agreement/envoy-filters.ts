// Random EnvoyFilters: what users patch into the resources of proxies.
import { compact, type Dice } from './dice.ts'
import { headerNames, namespace, ports } from './vocabulary.ts'

type Fields = Record<string, unknown>

const extension = (type: string): string => `type.googleapis.com/envoy.extensions.filters.${type}`

function headerMutation(dice: Dice): Fields {
  const append = (key: string, value: string): Fields => ({
    append: compact({
      header: { key, value },
      append_action: dice.maybe(0.5, () => dice.pick(['OVERWRITE_IF_EXISTS_OR_ADD', 'ADD_IF_ABSENT'])),
    }),
  })
  return {
    name: 'envoy.filters.http.header_mutation',
    typed_config: {
      '@type': extension('http.header_mutation.v3.HeaderMutation'),
      mutations: compact({
        request_mutations: dice.maybe(0.8, () =>
          dice.list(1, 2, () =>
            dice.chance(0.3) ? { remove: dice.pick(headerNames) } : append(dice.pick(headerNames), 'mutated'),
          ),
        ),
        response_mutations: dice.maybe(0.5, () => [append('t-patched', 'yes')]),
      }),
    },
  }
}

function accessFilter(dice: Dice): Fields {
  const permissions = [{ header: { name: dice.pick(headerNames), string_match: { exact: 'ann' } } }]
  return {
    name: 'own.access',
    typed_config: {
      '@type': extension('http.rbac.v3.RBAC'),
      rules: { action: 'DENY', policies: { own: { permissions, principals: [{ any: true }] } } },
    },
  }
}

const manager = 'envoy.filters.network.http_connection_manager'
const toManager = { listener: { filterChain: { filter: { name: manager } } } }
const toRouter = {
  listener: { filterChain: { filter: { name: manager, subFilter: { name: 'envoy.filters.http.router' } } } },
}

type Patch = (dice: Dice) => Fields

const inserted =
  (make: (dice: Dice) => Fields): Patch =>
  (dice) => {
    const first = dice.chance(0.3)
    return {
      applyTo: 'HTTP_FILTER',
      match: first ? toManager : toRouter,
      patch: { operation: first ? 'INSERT_FIRST' : 'INSERT_BEFORE', value: make(dice) },
    }
  }

const managerSettings = [
  { normalize_path: false },
  { merge_slashes: true },
  { path_with_escaped_slashes_action: 'REJECT_REQUEST' },
  { path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD' },
  { xff_num_trusted_hops: 1 },
] as const

const managed: Patch = (dice) => ({
  applyTo: 'NETWORK_FILTER',
  match: toManager,
  patch: {
    operation: 'MERGE',
    value: {
      typed_config: {
        '@type': extension('network.http_connection_manager.v3.HttpConnectionManager'),
        ...dice.pick(managerSettings),
      },
    },
  },
})

const addHeader = (key: string, value: string): Fields => ({
  header: { key, value },
  append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
})

const routed: Patch = (dice) => {
  const headers = {
    request_headers_to_add: [addHeader('t-new', 'patched')],
    response_headers_to_add: [addHeader('t-patched', 'route')],
  }
  const applyTo = dice.pick(['HTTP_ROUTE', 'VIRTUAL_HOST', 'ROUTE_CONFIGURATION'])
  return { applyTo, patch: { operation: 'MERGE', value: headers } }
}

const addedRoute: Patch = () => ({
  applyTo: 'HTTP_ROUTE',
  match: { routeConfiguration: { vhost: { name: `reviews.shop.svc.cluster.local:${ports.http}` } } },
  patch: {
    operation: 'INSERT_FIRST',
    value: {
      name: 'patched',
      match: { path: '/admin' },
      direct_response: { status: 418, body: { inline_string: 'patched' } },
    },
  },
})

const balanced: Patch = (dice) => ({
  applyTo: 'CLUSTER',
  match: { cluster: { service: `${dice.pick(['reviews', 'cart'])}.shop.svc.cluster.local` } },
  patch: {
    operation: 'MERGE',
    value: dice.pick([{ lb_policy: 'RANDOM' }, { common_lb_config: { healthy_panic_threshold: { value: 60 } } }]),
  },
})

const withoutFilter: Patch = (dice) => ({
  applyTo: 'HTTP_FILTER',
  match: {
    listener: {
      filterChain: {
        filter: {
          name: manager,
          subFilter: { name: dice.pick(['envoy.filters.http.fault', 'envoy.filters.http.cors']) },
        },
      },
    },
  },
  patch: { operation: 'REMOVE' },
})

const withoutCluster: Patch = () => ({
  applyTo: 'CLUSTER',
  match: { cluster: { service: 'ratings.shop.svc.cluster.local' } },
  patch: { operation: 'REMOVE' },
})

const patches: readonly Patch[] = [
  inserted(headerMutation),
  inserted(headerMutation),
  inserted(accessFilter),
  managed,
  routed,
  routed,
  addedRoute,
  balanced,
  withoutFilter,
  withoutCluster,
]

export function envoyFilter(dice: Dice, at: number): Fields {
  const contexts = ['SIDECAR_OUTBOUND', 'SIDECAR_INBOUND', 'GATEWAY', 'ANY'] as const
  const configPatches = dice.list(1, 3, () => {
    const { match, ...rest } = dice.pick(patches)(dice)
    return { ...rest, match: { context: dice.pick(contexts), ...(match as Fields | undefined) } }
  })
  return {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name: `patches-${at}`, namespace },
    spec: compact({
      workloadSelector: dice.maybe(0.3, () => ({ labels: { app: dice.pick(['client', 'reviews', 'gateway']) } })),
      priority: dice.maybe(0.2, () => dice.pick([-5, 10])),
      configPatches,
    }),
  }
}
