// HorizontalPodAutoscalers: kept as autoscaling/v2, seen as v1 too, whose one metric is the cpu utilisation.
import { clone, isObject, type JsonObject, numberAt, objectAt, objectsAt, textAt } from '../json.ts'

const otherMetrics = 'autoscaling.alpha.kubernetes.io/metrics'

const isCpu = (metric: JsonObject): boolean =>
  textAt(metric, 'type') === 'Resource' &&
  textAt(metric, 'resource', 'name') === 'cpu' &&
  numberAt(metric, 'resource', 'target', 'averageUtilization') !== undefined

/** v2 → v1. Metrics that v1 cannot say are kept in an annotation, as the API does. */
export function toV1(object: JsonObject): JsonObject {
  const next = clone(object)
  next['apiVersion'] = 'autoscaling/v1'
  const spec = objectAt(next, 'spec') ?? {}
  const metrics = objectsAt(spec, 'metrics')
  const cpu = metrics.find(isCpu)
  const others = metrics.filter((m) => m !== cpu)
  delete spec['metrics']
  delete spec['behavior']
  const percent = numberAt(cpu, 'resource', 'target', 'averageUtilization')
  if (percent !== undefined) spec['targetCPUUtilizationPercentage'] = percent
  if (others.length > 0) {
    const meta = objectAt(next, 'metadata') ?? {}
    const annotations = isObject(meta['annotations']) ? meta['annotations'] : {}
    meta['annotations'] = { ...annotations, [otherMetrics]: JSON.stringify(others) }
  }
  const status = objectAt(next, 'status')
  if (status) {
    const current = objectsAt(status, 'currentMetrics').find((m) => textAt(m, 'resource', 'name') === 'cpu')
    const used = numberAt(current, 'resource', 'current', 'averageUtilization')
    delete status['currentMetrics']
    delete status['conditions']
    if (used !== undefined) status['currentCPUUtilizationPercentage'] = used
    status['currentReplicas'] ??= 0
    status['desiredReplicas'] ??= 0
  }
  return next
}

/** v1 → v2. */
export function fromV1(object: JsonObject): JsonObject {
  const next = clone(object)
  next['apiVersion'] = 'autoscaling/v2'
  const spec = objectAt(next, 'spec') ?? {}
  const percent = numberAt(spec, 'targetCPUUtilizationPercentage')
  delete spec['targetCPUUtilizationPercentage']
  const annotations = objectAt(next, 'metadata', 'annotations')
  const kept = textAt(annotations, otherMetrics)
  const others = kept ? (JSON.parse(kept) as JsonObject[]) : []
  if (annotations) delete annotations[otherMetrics]
  const cpu = {
    type: 'Resource',
    resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent ?? 80 } },
  }
  spec['metrics'] = percent === undefined && others.length > 0 ? others : [...others, cpu]
  const status = objectAt(next, 'status')
  const used = numberAt(status, 'currentCPUUtilizationPercentage')
  if (status && used !== undefined) {
    delete status['currentCPUUtilizationPercentage']
    status['currentMetrics'] = [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: used } } }]
  }
  return next
}
