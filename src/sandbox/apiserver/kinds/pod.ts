// Pods: defaults, what may change, how they end.
import { type FieldError, forbiddenField, shown } from '../errors.ts'
import {
  clone,
  ensureObject,
  equal,
  type JsonObject,
  numberAt,
  objectAt,
  objectsAt,
  setDefault,
  stringMap,
  textAt,
} from '../json.ts'
import type { Strategy } from '../resource.ts'
import { checkPodSpec, podSpecWarnings } from './pod-checks.ts'
import { podDefaults } from './pod-defaults.ts'

const computed = ['cpu', 'memory']

/** The quality of service class, from requests and limits of cpu and memory. */
export function qosClass(spec: JsonObject | undefined): 'BestEffort' | 'Burstable' | 'Guaranteed' {
  const containers = [...objectsAt(spec, 'containers'), ...objectsAt(spec, 'initContainers')]
  let any = false
  let guaranteed = true
  for (const container of containers) {
    const limits = stringMap(objectAt(container, 'resources', 'limits'))
    const requests = stringMap(objectAt(container, 'resources', 'requests'))
    for (const name of computed) {
      if ((limits[name] ?? '0') !== '0' || (requests[name] ?? '0') !== '0') any = true
      if ((limits[name] ?? '0') === '0' || limits[name] !== (requests[name] ?? limits[name])) guaranteed = false
    }
  }
  return !any ? 'BestEffort' : guaranteed ? 'Guaranteed' : 'Burstable'
}

/** The old spec with those fields of the new one that may change. */
function withAllowedChanges(old: JsonObject, next: JsonObject): JsonObject {
  const spec = clone(objectAt(old, 'spec') ?? {})
  const wanted = objectAt(next, 'spec') ?? {}
  for (const key of ['containers', 'initContainers']) {
    const theirs = objectsAt(wanted, key)
    objectsAt(spec, key).forEach((container, i) => {
      const image = theirs[i]?.['image']
      if (image !== undefined) container['image'] = image
    })
  }
  for (const key of [
    'activeDeadlineSeconds',
    'tolerations',
    'terminationGracePeriodSeconds',
    'ephemeralContainers',
    'schedulingGates',
  ]) {
    const value = wanted[key]
    if (value === undefined) delete spec[key]
    else if (key !== 'terminationGracePeriodSeconds' || (value === 1 && (numberAt(spec, key) ?? 0) < 0))
      spec[key] = value
  }
  // The binding subresource and force-assignment of a node are writes of nodeName where there was none.
  if (spec['nodeName'] === undefined && wanted['nodeName'] !== undefined) spec['nodeName'] = wanted['nodeName']
  return spec
}

const unchangeable =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

function checkUpdate(next: JsonObject, old: JsonObject): FieldError[] {
  const allowed = withAllowedChanges(old, next)
  const wanted = objectAt(next, 'spec') ?? {}
  if (equal(allowed, wanted)) return []
  for (const key of ['containers', 'initContainers']) {
    if (objectsAt(allowed, key).length !== objectsAt(wanted, key).length)
      return [forbiddenField(`spec.${key}`, 'pod updates may not add or remove containers')]
  }
  const changed = Object.keys({ ...allowed, ...wanted }).filter((key) => !equal(allowed[key], wanted[key]))
  const difference = changed.map((key) => `- ${key}: ${shown(allowed[key])}\n+ ${key}: ${shown(wanted[key])}`)
  return [forbiddenField('spec', `${unchangeable}\n${difference.join('\n')}\n`)]
}

/** How long a pod may take to end: not at all before it is on a node, or once its containers have ended. */
function graceOf(pod: JsonObject, asked: number | undefined): number {
  const own = numberAt(pod, 'spec', 'terminationGracePeriodSeconds') ?? 30
  const phase = textAt(pod, 'status', 'phase')
  if (!textAt(pod, 'spec', 'nodeName') || phase === 'Succeeded' || phase === 'Failed') return 0
  const wanted = asked ?? own
  return wanted < 0 ? 1 : wanted
}

export const podStrategy: Strategy = {
  generation: true,
  returnsDeleted: true,
  defaults: podDefaults,
  prepareCreate(pod) {
    const spec = ensureObject(pod, 'spec')
    const scheduled = textAt(spec, 'nodeName') !== ''
    pod['status'] = { phase: 'Pending', qosClass: qosClass(spec) }
    if (objectsAt(spec, 'schedulingGates').length > 0 && !scheduled) {
      ensureObject(pod, 'status')['conditions'] = [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'SchedulingGated',
          message: 'Scheduling is blocked due to non-empty scheduling gates',
          lastProbeTime: null,
          lastTransitionTime: null,
        },
      ]
    }
  },
  prepareUpdate(pod, old) {
    const status = objectAt(pod, 'status')
    if (status) setDefault(status, 'qosClass', textAt(old, 'status', 'qosClass') || qosClass(objectAt(pod, 'spec')))
  },
  validate: (pod, old) => [
    ...(old ? checkUpdate(pod, old) : []),
    ...(old ? [] : checkPodSpec(objectAt(pod, 'spec'), 'spec')),
  ],
  warnings: (pod, old) => (old ? [] : podSpecWarnings(objectAt(pod, 'spec'), 'spec')),
  grace: graceOf,
}

/** The fields of pods that field selectors may name. */
export const podFields: Readonly<Record<string, (pod: JsonObject) => string>> = {
  'spec.nodeName': (pod) => textAt(pod, 'spec', 'nodeName'),
  'spec.restartPolicy': (pod) => textAt(pod, 'spec', 'restartPolicy'),
  'spec.schedulerName': (pod) => textAt(pod, 'spec', 'schedulerName'),
  'spec.serviceAccountName': (pod) => textAt(pod, 'spec', 'serviceAccountName'),
  'spec.hostNetwork': (pod) => String(objectAt(pod, 'spec')?.['hostNetwork'] === true),
  'status.phase': (pod) => textAt(pod, 'status', 'phase'),
  'status.podIP': (pod) => textAt(pod, 'status', 'podIP'),
  'status.podIPs': (pod) =>
    objectsAt(pod, 'status', 'podIPs')
      .map((ip) => textAt(ip, 'ip'))
      .join(','),
  'status.nominatedNodeName': (pod) => textAt(pod, 'status', 'nominatedNodeName'),
}
