// Deployments, ReplicaSets, StatefulSets, DaemonSets and ReplicationControllers.
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../errors.ts'
import {
  clone,
  ensureObject,
  equal,
  type JsonObject,
  type JsonValue,
  listAt,
  numberAt,
  objectAt,
  setDefault,
  stringMap,
  textAt,
} from '../json.ts'
import type { ScalePaths, Strategy } from '../resource.ts'
import { checkAnnotations, checkLabels } from '../rest/names.ts'
import { matchesLabels, selectorOf } from '../rest/selectors.ts'
import { checkPodSpec, podSpecWarnings } from './pod-checks.ts'
import { podSpecDefaults } from './pod-defaults.ts'

export const workloadScale: ScalePaths = {
  specReplicas: ['spec', 'replicas'],
  statusReplicas: ['status', 'replicas'],
  selector: ['spec', 'selector'],
}

export function templateDefaults(object: JsonObject, ...path: readonly string[]): void {
  const spec = objectAt(object, ...path, 'spec')
  if (spec) podSpecDefaults(spec)
}

/** A whole number or percentage as rolling updates take it. */
function checkAmount(value: JsonValue | undefined, field: string): FieldError[] {
  if (value === undefined || value === null) return []
  if (typeof value === 'string') {
    return /^\d+%$/.test(value)
      ? []
      : [
          invalid(
            field,
            value,
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
          ),
        ]
  }
  return typeof value === 'number' && value < 0 ? [invalid(field, value, 'must be greater than or equal to 0')] : []
}

const isZero = (value: JsonValue | undefined): boolean => value === 0 || value === '0%' || value === undefined

export function checkTemplate(template: JsonObject | undefined, field: string): FieldError[] {
  return [
    ...checkLabels(objectAt(template, 'metadata', 'labels'), `${field}.labels`),
    ...checkAnnotations(objectAt(template, 'metadata', 'annotations'), `${field}.annotations`),
    ...checkPodSpec(objectAt(template, 'spec'), `${field}.spec`),
  ]
}

/** Checks that the selector is there and picks the template's pods. */
export function checkSelector(spec: JsonObject | undefined, kind = 'deployment'): FieldError[] {
  const selector = objectAt(spec, 'selector')
  const labels = objectAt(spec, 'template', 'metadata', 'labels')
  const noMatch = invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')
  if (!selector) return [required('spec.selector'), noMatch]
  const parsed = selectorOf(selector)
  if (parsed.length === 0) return [invalid('spec.selector', selector, `empty selector is invalid for ${kind}`)]
  return matchesLabels(parsed, stringMap(labels)) ? [] : [noMatch]
}

const notNegative = (spec: JsonObject | undefined, key: string): FieldError[] => {
  const value = numberAt(spec, key)
  return value !== undefined && value < 0 ? [invalid(`spec.${key}`, value, 'must be greater than or equal to 0')] : []
}

const always = (spec: JsonObject | undefined): FieldError[] => {
  const policy = textAt(spec, 'template', 'spec', 'restartPolicy')
  return policy === 'Always' ? [] : [notSupported('spec.template.spec.restartPolicy', policy, ['Always'])]
}

const immutable = (next: JsonValue | undefined, old: JsonValue | undefined, field: string): FieldError[] =>
  equal(next, old) ? [] : [invalid(field, next ?? null, 'field is immutable')]

function checkDeployment(object: JsonObject, old: JsonObject | undefined): FieldError[] {
  const spec = objectAt(object, 'spec')
  const strategy = objectAt(spec, 'strategy')
  const type = textAt(strategy, 'type')
  const errors = [
    ...notNegative(spec, 'replicas'),
    ...checkSelector(spec),
    ...checkTemplate(objectAt(spec, 'template'), 'spec.template'),
    ...always(spec),
  ]
  const rolling = objectAt(strategy, 'rollingUpdate')
  if (type === 'Recreate' && rolling) {
    errors.push(
      forbiddenField('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'"),
    )
  } else if (type === 'RollingUpdate') {
    errors.push(
      ...checkAmount(rolling?.['maxUnavailable'], 'spec.strategy.rollingUpdate.maxUnavailable'),
      ...checkAmount(rolling?.['maxSurge'], 'spec.strategy.rollingUpdate.maxSurge'),
    )
    if (isZero(rolling?.['maxUnavailable']) && isZero(rolling?.['maxSurge'])) {
      errors.push(
        invalid(
          'spec.strategy.rollingUpdate.maxUnavailable',
          rolling?.['maxUnavailable'] ?? 0,
          'may not be 0 when `maxSurge` is 0',
        ),
      )
    }
  } else if (type !== 'Recreate') errors.push(notSupported('spec.strategy.type', type, ['Recreate', 'RollingUpdate']))
  errors.push(
    ...notNegative(spec, 'minReadySeconds'),
    ...notNegative(spec, 'revisionHistoryLimit'),
    ...notNegative(spec, 'progressDeadlineSeconds'),
  )
  const [deadline, ready] = [numberAt(spec, 'progressDeadlineSeconds'), numberAt(spec, 'minReadySeconds') ?? 0]
  if (deadline !== undefined && deadline <= ready) {
    errors.push(invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'))
  }
  if (old) errors.push(...immutable(objectAt(spec, 'selector'), objectAt(old, 'spec', 'selector'), 'spec.selector'))
  return errors
}

const warnings = (object: JsonObject): string[] =>
  podSpecWarnings(objectAt(object, 'spec', 'template', 'spec'), 'spec.template.spec')

export const deploymentStrategy: Strategy = {
  generation: 'annotations',
  defaults(object) {
    const spec = ensureObject(object, 'spec')
    setDefault(spec, 'replicas', 1)
    const strategy = ensureObject(spec, 'strategy')
    setDefault(strategy, 'type', 'RollingUpdate')
    if (strategy['type'] === 'RollingUpdate') {
      const rolling = ensureObject(strategy, 'rollingUpdate')
      setDefault(rolling, 'maxUnavailable', '25%')
      setDefault(rolling, 'maxSurge', '25%')
    }
    setDefault(spec, 'revisionHistoryLimit', 10)
    setDefault(spec, 'progressDeadlineSeconds', 600)
    templateDefaults(spec, 'template')
  },
  validate: checkDeployment,
  warnings,
}

export const replicaSetStrategy: Strategy = {
  generation: true,
  defaults(object) {
    const spec = ensureObject(object, 'spec')
    setDefault(spec, 'replicas', 1)
    templateDefaults(spec, 'template')
  },
  validate(object, old) {
    const spec = objectAt(object, 'spec')
    return [
      ...notNegative(spec, 'replicas'),
      ...notNegative(spec, 'minReadySeconds'),
      ...checkSelector(spec),
      ...checkTemplate(objectAt(spec, 'template'), 'spec.template'),
      ...always(spec),
      ...(old ? immutable(objectAt(spec, 'selector'), objectAt(old, 'spec', 'selector'), 'spec.selector') : []),
    ]
  },
  warnings,
}

/** Fields of a StatefulSet's spec that may change. */
const changeable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
]

export const statefulSetStrategy: Strategy = {
  generation: true,
  defaults(object) {
    const spec = ensureObject(object, 'spec')
    setDefault(spec, 'podManagementPolicy', 'OrderedReady')
    const strategy = ensureObject(spec, 'updateStrategy')
    setDefault(strategy, 'type', 'RollingUpdate')
    if (strategy['type'] === 'RollingUpdate') setDefault(ensureObject(strategy, 'rollingUpdate'), 'partition', 0)
    const retention = ensureObject(spec, 'persistentVolumeClaimRetentionPolicy')
    setDefault(retention, 'whenDeleted', 'Retain')
    setDefault(retention, 'whenScaled', 'Retain')
    setDefault(spec, 'replicas', 1)
    setDefault(spec, 'revisionHistoryLimit', 10)
    templateDefaults(spec, 'template')
    for (const claim of listAt(spec, 'volumeClaimTemplates')) {
      const claimSpec = objectAt(claim, 'spec')
      if (claimSpec) setDefault(claimSpec, 'volumeMode', 'Filesystem')
    }
  },
  validate(object, old) {
    const spec = objectAt(object, 'spec')
    const errors = [
      ...notNegative(spec, 'replicas'),
      ...notNegative(spec, 'minReadySeconds'),
      ...checkSelector(spec, 'statefulset'),
      ...checkTemplate(objectAt(spec, 'template'), 'spec.template'),
      ...always(spec),
    ]
    if (!old) return errors
    const strip = (o: JsonObject | undefined): JsonObject => {
      const rest = clone(o ?? {})
      for (const key of changeable) delete rest[key]
      return rest
    }
    if (!equal(strip(spec), strip(objectAt(old, 'spec')))) {
      const list = changeable.map((f) => `'${f}'`)
      errors.push(
        forbiddenField(
          'spec',
          `updates to statefulset spec for fields other than ${list.slice(0, -1).join(', ')} and ${list.at(-1)} are forbidden`,
        ),
      )
    }
    return errors
  },
  warnings,
}

export const daemonSetStrategy: Strategy = {
  generation: true,
  defaults(object) {
    const spec = ensureObject(object, 'spec')
    const strategy = ensureObject(spec, 'updateStrategy')
    setDefault(strategy, 'type', 'RollingUpdate')
    if (strategy['type'] === 'RollingUpdate') {
      const rolling = ensureObject(strategy, 'rollingUpdate')
      setDefault(rolling, 'maxUnavailable', 1)
      setDefault(rolling, 'maxSurge', 0)
    }
    setDefault(spec, 'revisionHistoryLimit', 10)
    templateDefaults(spec, 'template')
  },
  validate(object, old) {
    const spec = objectAt(object, 'spec')
    return [
      ...checkSelector(spec, 'daemonset'),
      ...checkTemplate(objectAt(spec, 'template'), 'spec.template'),
      ...always(spec),
      ...(old ? immutable(objectAt(spec, 'selector'), objectAt(old, 'spec', 'selector'), 'spec.selector') : []),
    ]
  },
  warnings,
}

export const replicationControllerStrategy: Strategy = {
  generation: true,
  returnsDeleted: true,
  defaultPropagation: 'Orphan',
  defaults(object) {
    const spec = ensureObject(object, 'spec')
    setDefault(spec, 'replicas', 1)
    const labels = objectAt(spec, 'template', 'metadata', 'labels')
    if (labels && !spec['selector']) spec['selector'] = { ...labels }
    templateDefaults(spec, 'template')
  },
  validate(object) {
    const spec = objectAt(object, 'spec')
    return [...notNegative(spec, 'replicas'), ...checkTemplate(objectAt(spec, 'template'), 'spec.template')]
  },
}
