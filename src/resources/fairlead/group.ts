import { anyObject, integer, list, object, string } from '../dsl.ts'

/** What Fairlead's own kinds have in common. They are young: fields may still change, with a new version. */
export const fairlead = {
  group: 'fairlead.dev',
  versions: [{ name: 'v1alpha1', storage: true }],
  categories: ['fairlead'],
} as const

/** What each of their statuses says. */
export const statusFields = {
  conditions: list(
    object({
      type: string(),
      status: string(),
      reason: string(),
      message: string(),
      lastTransitionTime: string(),
      observedGeneration: integer(),
    }),
  ),
  validationMessages: list(anyObject()),
} as const
