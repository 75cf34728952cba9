// The filters by which a proxy (sidecar or gateway) enforces its security policies, in their order: external
// authorization, tokens, local authorization.
import { create } from '@bufbuild/protobuf'
import { type Filter, FilterSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import {
  type HttpFilter,
  HttpFilterSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import type { World } from '../../../discovery/index.ts'
import type { SecuredWorkload } from '../../../mesh/security/index.ts'
import type { ObjectRef, Problem } from '../../../report/index.ts'
import { authorizationFilters } from './authorization.ts'
import { jwtFilter } from './jwt.ts'

export interface SecurityFilters {
  /** For connection managers. */
  readonly http: readonly HttpFilter[]
  /** For chains that end in a TCP proxy. */
  readonly tcp: readonly Filter[]
  readonly problems: readonly Problem[]
  readonly origin: readonly ObjectRef[]
}

export interface SecurityOptions {
  /** Ports as policies name them → ports at which connections arrive, where they differ. */
  readonly ports?: ReadonlyMap<number, number>
  /** Claims of tokens may decide the route (gateways). */
  readonly routesByClaims?: boolean
}

export function securityFilters(
  world: World,
  workload: SecuredWorkload,
  options: SecurityOptions = {},
): SecurityFilters {
  const http = authorizationFilters(world, workload, 'http', options.ports)
  const tcp = authorizationFilters(world, workload, 'tcp', options.ports)
  const jwt = jwtFilter(world, workload, { clearRouteCache: options.routesByClaims ?? false })
  const requests = [...http.custom, ...(jwt === undefined ? [] : [jwt.filter]), ...http.local]
  return {
    http: requests.map((filter) => create(HttpFilterSchema, filter)),
    tcp: [...tcp.custom, ...tcp.local].map((filter) => create(FilterSchema, filter)),
    // The same policies, so the same problems.
    problems: http.problems,
    origin: [...http.origin, ...(jwt?.origin ?? [])],
  }
}
