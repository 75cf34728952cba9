// How policies choose what they apply to: workloads by labels, or objects by reference.
import { list, map, object, required, type Static, string } from '../schema.ts'

const noEmptyKey = {
  rule: "self.all(key, key != '' && !key.contains('*'))",
  message: 'keys must not be empty or hold a *',
}
const noWildcard = { rule: "!self.contains('*')", message: 'wildcards are not supported in selectors' }
const apiGroup = '^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'
const kindName = '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$'

/** Labels that all have to be there; `{}` selects everything in the namespace. */
function labels(maxProperties: number) {
  const description = 'Labels that the pods must have.'
  return map(string({ maxLength: 63, rules: [noWildcard] }), { maxProperties, rules: [noEmptyKey], description })
}

/** `selector` of security.istio.io, telemetry.istio.io and ProxyConfig. */
export const workloadSelector = object({ matchLabels: labels(4096) })

/** `workloadSelector` of networking.istio.io (DestinationRule alone uses the other form). */
export const labelSelector = object({ labels: labels(256) })

/** An object that a policy is attached to; in its own namespace always. */
export const targetReference = object({
  group: string({ maxLength: 253, pattern: apiGroup }),
  kind: required(string({ minLength: 1, maxLength: 63, pattern: kindName })),
  name: required(string({ minLength: 1, maxLength: 253 })),
  namespace: string({
    description: 'Not supported: a target is in the namespace of its policy.',
    rules: [{ rule: 'self.size() == 0', message: 'a target is in the namespace of its policy' }],
  }),
})

/** The three ways to say what a policy applies to; none = the namespace (the mesh, in the root namespace). */
export const attachment = {
  selector: workloadSelector,
  targetRef: targetReference,
  targetRefs: list(targetReference, { maxItems: 16 }),
}

/** A policy has one attachment at most. */
export const oneAttachment = ['selector', 'targetRef', 'targetRefs'] as const

export type WorkloadSelector = Static<typeof workloadSelector>
export type LabelSelector = Static<typeof labelSelector>
export type TargetReference = Static<typeof targetReference>
/** The attachment fields of a spec. */
export interface Attachment {
  readonly selector?: WorkloadSelector
  readonly targetRef?: TargetReference
  readonly targetRefs?: readonly TargetReference[]
}
