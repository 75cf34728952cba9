import type { GrpcMethods } from './grpc-server.ts'
import type { AdsServer } from './server.ts'

const service = '/envoy.service.discovery.v3.AggregatedDiscoveryService'

/** Paths of the aggregated discovery service. */
export const adsPaths = {
  sotw: `${service}/StreamAggregatedResources`,
  delta: `${service}/DeltaAggregatedResources`,
} as const

/** The aggregated discovery service as methods of a gRPC server. */
export function adsMethods(ads: AdsServer): GrpcMethods['streaming'] {
  return new Map([
    [adsPaths.sotw, (stream) => ads.open(stream, 'sotw')],
    [adsPaths.delta, (stream) => ads.open(stream, 'delta')],
  ])
}
