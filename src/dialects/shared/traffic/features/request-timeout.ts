import type { RouteFeature } from './feature.ts'

/** A request that takes longer is given up. */
export const requestTimeout: RouteFeature<'requestTimeout'> = {
  field: 'requestTimeout',
  check: () => [],
  emit: (value) => ({ timeout: value }),
}
