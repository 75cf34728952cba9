import { anyObject, intOrString, list, object, string } from '../schema.ts'

/** Conditions as every Kubernetes kind has them. */
export const conditions = list(
  object({
    type: string(),
    status: string(),
    reason: string(),
    message: string(),
    lastTransitionTime: string(),
    lastProbeTime: string(),
    observedGeneration: intOrString(),
  }),
)

/** Status of Istio's kinds: conditions, and the messages of validation. */
export const istioStatus = object({
  conditions,
  observedGeneration: intOrString(),
  validationMessages: list(anyObject()),
})

/** Beside the usual, the addresses that were allocated for hosts without one. */
export const serviceEntryStatus = object({
  conditions,
  observedGeneration: intOrString(),
  validationMessages: list(anyObject()),
  addresses: list(object({ value: string(), host: string() })),
})
