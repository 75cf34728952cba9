import type { RuleFeature } from './feature.ts'

/** Endpoints that fail are left out for a while. */
export const outlierDetection: RuleFeature<'outlierDetection'> = {
  field: 'outlierDetection',
  emit: ({ consecutiveErrors, interval, baseEjectionTime, maxEjectionPercent }) => ({
    outlierDetection: { consecutive5xxErrors: consecutiveErrors, interval, baseEjectionTime, maxEjectionPercent },
  }),
}
