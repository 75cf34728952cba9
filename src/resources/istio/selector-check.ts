import type { Place } from '../check.ts'
import type { Attachment, LabelSelector, TargetReference, WorkloadSelector } from './selector.ts'

function checkLabels(place: Place, labels: Readonly<Record<string, string>> | undefined): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    if (key === '') place.field(key).error('empty keys are not supported in selectors')
    if (key.includes('*') || value.includes('*')) place.field(key).error('wildcards are not supported in selectors')
  }
}

/** A selector without labels is allowed, but hardly meant. */
export function checkWorkloadSelector(place: Place, selector: WorkloadSelector | undefined): void {
  if (selector === undefined) return
  checkLabels(place.field('matchLabels'), selector.matchLabels)
  if (Object.keys(selector.matchLabels ?? {}).length === 0)
    place.warn('the selector has no labels: it applies to every workload in the namespace')
}

/** The same for the form that networking.istio.io uses. */
export function checkLabelSelector(place: Place, selector: LabelSelector | undefined): void {
  if (selector === undefined) return
  checkLabels(place.field('labels'), selector.labels)
  if (Object.keys(selector.labels ?? {}).length === 0)
    place.warn('the selector has no labels: it applies to every workload in the namespace')
}

const targetKinds = [
  'core/Service',
  'networking.istio.io/ServiceEntry',
  'gateway.networking.k8s.io/Gateway',
  'gateway.networking.k8s.io/GatewayClass',
]

function checkTarget(place: Place, target: TargetReference): void {
  if (target.namespace !== undefined && target.namespace !== '')
    place.field('namespace').error('must not be set: a target is in the namespace of its policy')
  const group = target.group === undefined || target.group === '' ? 'core' : target.group
  if (!targetKinds.includes(`${group}/${target.kind}`))
    place.error(`${group}/${target.kind} cannot be a target; these can: ${targetKinds.join(', ')}`)
}

/** What a policy applies to. */
export function checkAttachment(place: Place, spec: Attachment): void {
  checkWorkloadSelector(place.field('selector'), spec.selector)
  if (spec.targetRef !== undefined) checkTarget(place.field('targetRef'), spec.targetRef)
  place.field('targetRefs').each(spec.targetRefs, checkTarget)
}
