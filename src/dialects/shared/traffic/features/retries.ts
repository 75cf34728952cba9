import { compact } from '../../plain.ts'
import type { RouteFeature } from './feature.ts'

/** Failed requests are sent again. */
export const retries: RouteFeature<'retries'> = {
  field: 'retries',
  check: () => [],
  emit: (value) => ({ retries: compact({ ...value }) }),
}
