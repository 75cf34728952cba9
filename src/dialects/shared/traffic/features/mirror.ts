import type { RouteFeature } from './feature.ts'
import { checkTarget, destinationOf } from './target.ts'

/** A copy of each request goes to another service, whose answers are thrown away. */
export const mirror: RouteFeature<'mirror'> = {
  field: 'mirror',
  check: (value, context) => checkTarget(value, 'mirror', context),
  emit: (value, context, port) => ({
    mirror: destinationOf(value, context, port),
    mirrorPercentage: { value: value.percentage },
  }),
}
