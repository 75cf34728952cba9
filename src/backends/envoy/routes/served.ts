import type { World } from '../../../discovery/index.ts'
import { type Destination, failoverSwitch, type HttpRouteDestination, isServed, ruleOf } from '../../../mesh/index.ts'
import { destinationPort, type RouteContext } from './context.ts'

// In Istio the share of a destination that nobody serves is lost, request by request. Where failing over is not switched off
// it goes to the others of the split, in the proportion of their weights; all are kept where nobody serves any of them.

/** Those of a split that can answer now; all of them if none can, or where that is not known. */
export function servedOf<T extends HttpRouteDestination>(counted: readonly T[], context: RouteContext): readonly T[] {
  // The Gateway API asks for the loss: a backend without endpoints answers 503.
  if (counted.length < 2 || context.semantics === 'gateway-api') return counted
  const served = counted.filter(({ destination }) => canAnswer(destination, context))
  return served.length === 0 ? counted : served
}

function canAnswer(destination: Destination, context: RouteContext): boolean {
  const { world, destinations } = context
  const binding = destinations.get(destination.host)
  const number = destinationPort(context, destination)
  const port = binding?.service.ports.find((each) => each.number === number)
  // What is not there is told to the author of the rule; to hide it would not help.
  if (!binding || !port) return true
  const { service } = binding
  if (service.resolution !== 'endpoints' || failoverSwitch(world, service) !== 'on') return true
  const subset = subsetOf(world, binding.rule, destination.subset)
  if (destination.subset && !subset) return true
  const { namespace, host } = service
  return world.get(isServed, { namespace, host, portName: port.name, subset })
}

function subsetOf(
  world: World,
  rule: Parameters<typeof ruleOf>[1],
  name: string | undefined,
): Readonly<Record<string, string>> | undefined {
  const subset = name ? ruleOf(world, rule)?.subsets.find((each) => each.name === name) : undefined
  return subset && (subset.labels ?? {})
}
