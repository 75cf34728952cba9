import type { HeaderManipulation } from '../../model.ts'
import { compact } from '../../plain.ts'
import type { RouteFeature } from './feature.ts'

/** Headers are added and removed. "Append" means Istio's `add`: a header that is there already stays. */
export const headerManipulation: RouteFeature<'headerManipulation'> = {
  field: 'headerManipulation',
  check: () => [],
  emit: (value) => ({ headers: istioHeaders(value) }),
}

/** Istio's Headers. */
export function istioHeaders({ request, response }: HeaderManipulation): Record<string, unknown> {
  return compact({ request: compact({ ...request }), response: compact({ ...response }) })
}
