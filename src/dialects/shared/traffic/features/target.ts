// A service as the target of a shift or a mirror: where it is, on which port, and whether its subset exists.
import { backingWorkloads, findService } from '../../fleet.ts'
import type { ClusterRef, Service } from '../../model.ts'
import { hasLabels } from '../../selectors.ts'
import type { FieldError, RouteContext } from './feature.ts'

interface ServiceTarget {
  readonly ref: ClusterRef
  readonly port?: number | undefined
  readonly subset?: Readonly<Record<string, string>>
}

const show = ({ name, namespace, cluster }: ClusterRef): string => `${name}.${namespace}.${cluster}`

/** What is wrong with a target for the callers of the context's cluster. `what`: "traffic shift" or "mirror". */
export function checkTarget(target: ServiceTarget, what: string, context: RouteContext): FieldError[] {
  const service = findService(context.fleet, target.ref)
  if (service === undefined) {
    const message = `invalid ${what} destination: service ${show(target.ref)} not found`
    return [{ code: 'reference-not-found', path: '', message }]
  }
  return [
    ...checkReach(service, what, context),
    ...checkPort(service, target, what, context),
    ...checkSubset(service, target.subset ?? {}, context),
  ]
}

function checkReach(service: Service, what: string, { hostOn, isAwaited, cluster }: RouteContext): FieldError[] {
  if (hostOn(service, cluster) !== undefined) return []
  const why = isAwaited(service, cluster)
    ? 'yet: the two clusters do not have the shared root certificate yet'
    : ': no VirtualMesh makes it known there'
  const message = `${what} destination service ${show(service.ref)} is not federated to the mesh of cluster ${cluster}${why}`
  return [{ code: 'invalid-value', path: '', message }]
}

function checkPort(service: Service, { ref, port }: ServiceTarget, what: string, context: RouteContext): FieldError[] {
  const numbers = service.ports.map(({ number }) => number)
  const name = `${what} destination service ${show(ref)}`
  if (port !== undefined) {
    if (numbers.length === 0 || numbers.includes(port)) return []
    const message = `specified port ${port} does not exist for ${name}, which has ${numbers.join(', ')}`
    return [{ code: 'invalid-value', path: '.port', message }]
  }
  // Requests that stay with the service (a shift to its subsets) keep their port.
  if (numbers.length <= 1 || service.key === context.service?.key) return []
  const message = `must provide port for ${name} with multiple ports (${numbers.join(', ')})`
  return [{ code: 'required', path: '.port', message }]
}

/** A subset must be one that some workload of the service can have; if nothing is known of its pods, any may be. */
export function checkSubset(
  service: Service,
  subset: Readonly<Record<string, string>>,
  context: RouteContext,
): FieldError[] {
  if (Object.keys(subset).length === 0) return []
  const seen = [...backingWorkloads(context.fleet, service), ...service.endpoints].map(({ labels }) => labels)
  const declared = service.subsets
  if (seen.some((labels) => hasLabels(labels, subset))) return []
  if (declared !== undefined && Object.entries(subset).every(([key, value]) => declared[key]?.includes(value)))
    return []
  if (seen.length === 0 && declared === undefined) return []
  const labels = Object.entries(subset).map(([key, value]) => `${key}: ${value}`)
  return [
    {
      code: 'reference-not-found',
      path: '.subset',
      message: `no workload of service ${show(service.ref)} has the labels of subset {${labels.join(', ')}}`,
    },
  ]
}

/** Istio's Destination of a target that was checked. `port`: the port on which the request came. */
export function destinationOf(
  target: ServiceTarget,
  context: RouteContext,
  port: number | undefined,
): Record<string, unknown> {
  const service = findService(context.fleet, target.ref)
  const host = service && context.hostOn(service, context.cluster)
  const numbers = service?.ports.map(({ number }) => number) ?? []
  const number = target.port ?? (port !== undefined && numbers.includes(port) ? port : (numbers[0] ?? port))
  const subset = target.subset ?? {}
  return {
    host: host ?? '',
    ...(Object.keys(subset).length > 0 && { subset: context.subsetName(subset) }),
    ...(number !== undefined && { port: { number } }),
  }
}
