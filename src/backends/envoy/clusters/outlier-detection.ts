import type { OutlierDetectionSchema } from '#gen/envoy/config/cluster/v3/outlier_detection_pb.js'
import type { MatchPredicateSchema } from '#gen/envoy/config/common/matcher/v3/matcher_pb.js'
import type { OutlierDetection } from '../../../mesh/index.ts'
import { defined, duration, type Init } from '../proto.ts'

type OutlierInit = Init<typeof OutlierDetectionSchema>
type MatcherInit = Init<typeof MatchPredicateSchema>

/**
 * Ejection of endpoints that fail, as the rule says: what it leaves open stays open, so that Envoy's own values hold. By rate of
 * success nothing is ejected.
 */
export function outlierDetection(rule: OutlierDetection): OutlierInit {
  const { maxEjectionPercent } = rule
  return {
    ...errors(rule),
    ...localErrors(rule),
    ...defined({ interval: duration(rule.interval), baseEjectionTime: duration(rule.baseEjectionTime) }),
    ...(maxEjectionPercent && maxEjectionPercent > 0 && { maxEjectionPercent }),
    enforcingSuccessRate: 0,
  }
}

/** 0 turns a condition off. */
function errors({ consecutive5xxErrors, consecutiveGatewayErrors }: OutlierDetection): OutlierInit {
  return {
    ...(typeof consecutive5xxErrors === 'number' && {
      consecutive5xx: consecutive5xxErrors,
      enforcingConsecutive5xx: consecutive5xxErrors > 0 ? 100 : 0,
    }),
    ...(typeof consecutiveGatewayErrors === 'number' && {
      consecutiveGatewayFailure: consecutiveGatewayErrors,
      enforcingConsecutiveGatewayFailure: consecutiveGatewayErrors > 0 ? 100 : 0,
    }),
  }
}

function localErrors({
  splitExternalLocalOriginErrors,
  consecutiveLocalOriginFailures,
}: OutlierDetection): OutlierInit {
  if (!splitExternalLocalOriginErrors) return {}
  return {
    splitExternalLocalOriginErrors: true,
    ...(consecutiveLocalOriginFailures && {
      consecutiveLocalOriginFailure: consecutiveLocalOriginFailures,
      enforcingConsecutiveLocalOriginFailure: 100,
    }),
    enforcingLocalOriginSuccessRate: 0,
  }
}

/** Answers that count as errors, where the rule names codes: those alone. Undefined: 500 to 599. */
export function errorMatcher({
  outlierDetectionHttpErrorCodes: codes = [],
}: OutlierDetection): MatcherInit | undefined {
  const rules = codes.map(statusIs)
  return rules.length > 1 ? { rule: { case: 'orMatch', value: { rules } } } : rules[0]
}

function statusIs(code: number): MatcherInit {
  const value = { matchPattern: { case: 'exact', value: String(code) } } as const
  const headers = [{ name: ':status', headerMatchSpecifier: { case: 'stringMatch', value } as const }]
  return { rule: { case: 'httpResponseHeadersMatch', value: { headers } } }
}
