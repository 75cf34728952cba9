import { type Endpoint, isDrained, type World } from '../../discovery/index.ts'

/** Endpoints of drained clusters get nothing, as long as anything healthy is elsewhere. */
export function withoutDrained(world: World, endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const others = endpoints.filter(({ workload }) => !isDrained(world, workload.cluster))
  if (others.length === endpoints.length) return endpoints
  return others.some(({ health }) => health === 'healthy') ? others : endpoints
}
