import { compact } from '../../plain.ts'
import type { RouteFeature } from './feature.ts'

/** Which other sites' pages may call the service from a browser. */
export const corsPolicy: RouteFeature<'corsPolicy'> = {
  field: 'corsPolicy',
  check: () => [],
  emit: (value) => ({ corsPolicy: compact({ ...value }) }),
}
