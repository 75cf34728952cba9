import { unreachable } from '../../../../lib/index.ts'
import { findService } from '../../fleet.ts'
import type { HeaderManipulation, Ref, WeightedTarget } from '../../model.ts'
import type { FieldError, RouteContext, RouteFeature } from './feature.ts'
import { istioHeaders } from './header-manipulation.ts'
import { checkSubset, checkTarget, destinationOf } from './target.ts'

/** Requests go to other services, in shares. */
export const trafficShift: RouteFeature<'trafficShift'> = {
  field: 'trafficShift',
  check(targets, context) {
    const errors = targets.flatMap((target, index) =>
      checkOne(target, context).map((error) => ({ ...error, path: `.destinations[${index}]${error.path}` })),
    )
    if (targets.length === 0)
      errors.push({
        code: 'required',
        path: '.destinations',
        message: 'a traffic shift needs at least one destination',
      })
    if (targets.length > 1 && targets.every(({ weight = 0 }) => weight === 0))
      errors.push({
        code: 'invalid-value',
        path: '.destinations',
        message: 'the weights of all destinations are 0; no request could be sent anywhere',
      })
    return errors
  },
  emit(targets, context, port) {
    const only = targets.length === 1
    return {
      route: targets.map(({ target, weight, headers }) => ({
        destination: destinationFor(target, context, port),
        // A single destination gets everything, whatever its weight.
        ...((!only || weight) && { weight: weight ?? 0 }),
        ...headersPart(headers),
      })),
    }
  },
}

function headersPart(headers: HeaderManipulation | undefined): Record<string, unknown> {
  return headers === undefined ? {} : { headers: istioHeaders(headers) }
}

function checkOne({ target }: WeightedTarget, context: RouteContext): FieldError[] {
  switch (target.kind) {
    case 'service':
      return checkTarget(target, 'traffic shift', context)
    case 'virtual':
      return checkVirtual(target, context)
    case 'static':
      if (context.externalService(target.ref) !== undefined) return []
      return [
        {
          code: 'reference-not-found',
          path: '.staticDestination',
          message: `invalid traffic shift destination: Destination ${target.ref.name}.${target.ref.namespace} not found`,
        },
      ]
    case 'cluster-header':
      return [
        {
          code: 'not-supported',
          path: '.clusterHeader',
          message: 'a destination that a header names works on gateway routes of Envoy only, not in the mesh',
        },
      ]
    default:
      return unreachable(target)
  }
}

function checkVirtual(
  { ref, subset }: { readonly ref: Ref; readonly subset: Readonly<Record<string, string>> },
  context: RouteContext,
): FieldError[] {
  const { virtualDestination, cluster, fleet } = context
  const found = virtualDestination(ref)
  const name = `VirtualDestination ${ref.name}.${ref.namespace}`
  const error = (code: FieldError['code'], message: string): FieldError[] => [
    { code, path: '.virtualDestination', message },
  ]
  if (found === undefined) return error('reference-not-found', `invalid traffic shift destination: ${name} not found`)
  if (!found.clusters.includes(cluster))
    return error('invalid-value', `invalid traffic shift destination: ${name} is not known on cluster ${cluster}`)
  const services = found.services.flatMap((each) => findService(fleet, each) ?? [])
  if (services.length === 0 || services.some((service) => checkSubset(service, subset, context).length === 0)) return []
  const labels = Object.entries(subset).map(([key, value]) => `${key}: ${value}`)
  const message = `no workload behind ${name} has the labels of subset {${labels.join(', ')}}`
  return [{ code: 'reference-not-found', path: '.virtualDestination.subset', message }]
}

function destinationFor(
  target: WeightedTarget['target'],
  context: RouteContext,
  port: number | undefined,
): Record<string, unknown> {
  switch (target.kind) {
    case 'service':
      return destinationOf(target, context, port)
    case 'virtual': {
      const found = context.virtualDestination(target.ref)
      const subset = Object.keys(target.subset).length > 0 ? { subset: context.subsetName(target.subset) } : {}
      return { host: found?.host ?? '', ...subset, ...(found && { port: { number: found.port } }) }
    }
    case 'static': {
      const found = context.externalService(target.ref)
      const number = found?.ports.find((p) => p === port) ?? found?.ports[0]
      return { host: found?.host ?? '', ...(number !== undefined && { port: { number } }) }
    }
    case 'cluster-header':
      return { host: '' }
    default:
      return unreachable(target)
  }
}
