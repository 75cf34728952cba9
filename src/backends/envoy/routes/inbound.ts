import { create } from '@bufbuild/protobuf'
import { type RetryPolicySchema, type Route, RouteSchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import { type RouteConfiguration, RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js'
import type { MeshConfig } from '../../../discovery/index.ts'
import { undeliveredHeader } from '../names.ts'
import { duration, type Init, noTimeout } from '../proto.ts'
import { parseConditions } from './retry.ts'

/** What inbound routes of a port are made from. */
export interface InboundRouteOptions {
  readonly mesh: MeshConfig
  readonly cluster: string
  /** Port of the service; names the virtual host. */
  readonly servicePort: number
  /** What traces call the operation: `host:port/*`. */
  readonly operation: string
  readonly grpc: boolean
}

/** The route configuration that stands inside an inbound listener: everything goes to the program. */
export function inboundRoutes(options: InboundRouteOptions): RouteConfiguration {
  const { cluster, servicePort } = options
  return create(RouteConfigurationSchema, {
    name: cluster,
    virtualHosts: [{ name: `inbound|http|${servicePort}`, domains: ['*'], routes: [defaultRoute(options)] }],
    validateClusters: false,
    // Only this proxy says what its program never got: a program that says so itself is not believed.
    responseHeadersToRemove: [undeliveredHeader],
  })
}

function defaultRoute({ mesh, cluster, operation, grpc }: InboundRouteOptions): Route {
  // The condition does not go well with streams of gRPC.
  const retryPolicy = grpc ? undefined : inboundRetries(mesh)
  return create(RouteSchema, {
    name: 'default',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    decorator: { operation },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: cluster },
        timeout: noTimeout,
        maxStreamDuration: { maxStreamDuration: noTimeout, grpcTimeoutHeaderMax: noTimeout },
        ...(retryPolicy === undefined ? {} : { retryPolicy }),
      },
    },
  })
}

/** Twice what was not read by the program; the mesh may say otherwise, or attempts: 0 for never. */
function inboundRetries({
  defaultInboundHttpRetryPolicy: setting,
}: MeshConfig): Init<typeof RetryPolicySchema> | undefined {
  if (setting === undefined) return { numRetries: 2, retryOn: 'reset-before-request' }
  if ((setting.attempts ?? 0) <= 0) return undefined
  const { retryOn, codes } = setting.retryOn
    ? parseConditions(setting.retryOn)
    : { retryOn: 'reset-before-request', codes: [] }
  const baseInterval = duration(setting.backoff)
  return {
    numRetries: setting.attempts ?? 2,
    retryOn,
    retriableStatusCodes: codes,
    ...(baseInterval === undefined ? {} : { retryBackOff: { baseInterval } }),
  }
}
