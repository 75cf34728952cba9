// Jobs and CronJobs.
import { type FieldError, invalid, notSupported, required } from '../errors.ts'
import { ensureObject, equal, type JsonObject, numberAt, objectAt, setDefault, textAt } from '../json.ts'
import type { Strategy } from '../resource.ts'
import { checkTemplate, templateDefaults } from './workloads.ts'

function jobDefaults(spec: JsonObject): void {
  setDefault(spec, 'completionMode', 'NonIndexed')
  if (spec['completions'] === undefined && spec['parallelism'] === undefined) {
    spec['completions'] = 1
    spec['parallelism'] = 1
  }
  setDefault(spec, 'parallelism', 1)
  setDefault(spec, 'backoffLimit', 6)
  setDefault(spec, 'suspend', false)
  setDefault(spec, 'podReplacementPolicy', objectAt(spec, 'podFailurePolicy') ? 'Failed' : 'TerminatingOrFailed')
  templateDefaults(spec, 'template')
}

function checkJobSpec(spec: JsonObject | undefined, field: string): FieldError[] {
  const errors = checkTemplate(objectAt(spec, 'template'), `${field}.template`)
  for (const key of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
  ]) {
    const value = numberAt(spec, key)
    if (value !== undefined && value < 0)
      errors.push(invalid(`${field}.${key}`, value, 'must be greater than or equal to 0'))
  }
  const policy = textAt(spec, 'template', 'spec', 'restartPolicy')
  if (policy === 'Always') {
    errors.push(required(`${field}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"'))
  } else if (policy !== 'OnFailure' && policy !== 'Never') {
    errors.push(notSupported(`${field}.template.spec.restartPolicy`, policy, ['OnFailure', 'Never']))
  }
  return errors
}

/** Labels and selector by which a job finds its pods, unless the user picks them. */
function generateSelector(job: JsonObject): void {
  const spec = ensureObject(job, 'spec')
  if (spec['manualSelector'] === true) return
  const uid = textAt(job, 'metadata', 'uid')
  const labels = ensureObject(spec, 'template', 'metadata', 'labels')
  const name = textAt(job, 'metadata', 'name')
  Object.assign(labels, {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  })
  ensureObject(spec, 'selector', 'matchLabels')['batch.kubernetes.io/controller-uid'] = uid
}

export const jobStrategy: Strategy = {
  generation: true,
  defaultPropagation: 'Orphan',
  defaults: (job) => jobDefaults(ensureObject(job, 'spec')),
  prepareCreate: generateSelector,
  validate(job, old) {
    const spec = objectAt(job, 'spec')
    const errors = checkJobSpec(spec, 'spec')
    if (!old) return errors
    for (const key of ['selector', 'template', 'completionMode'] as const) {
      if (!equal(spec?.[key], objectAt(old, 'spec')?.[key]))
        errors.push(invalid(`spec.${key}`, spec?.[key] ?? null, 'field is immutable'))
    }
    return errors
  },
}

export const cronJobStrategy: Strategy = {
  generation: true,
  defaults(object) {
    const spec = ensureObject(object, 'spec')
    setDefault(spec, 'concurrencyPolicy', 'Allow')
    setDefault(spec, 'suspend', false)
    setDefault(spec, 'successfulJobsHistoryLimit', 3)
    setDefault(spec, 'failedJobsHistoryLimit', 1)
    templateDefaults(ensureObject(spec, 'jobTemplate', 'spec'), 'template')
  },
  validate(object) {
    const spec = objectAt(object, 'spec')
    const schedule = textAt(spec, 'schedule')
    const errors = schedule ? [] : [required('spec.schedule')]
    if (schedule && !/^@\w+( \S+)?$/.test(schedule) && schedule.trim().split(/\s+/).length !== 5) {
      errors.push(
        invalid(
          'spec.schedule',
          schedule,
          `expected exactly 5 fields, found ${schedule.trim().split(/\s+/).length}: [${schedule.trim()}]`,
        ),
      )
    }
    return [...errors, ...checkJobSpec(objectAt(spec, 'jobTemplate', 'spec'), 'spec.jobTemplate.spec')]
  },
}
