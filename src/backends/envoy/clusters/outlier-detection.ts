import type { OutlierDetectionSchema } from '#gen/envoy/config/cluster/v3/outlier_detection_pb.js'
import type { OutlierDetection } from '../../../mesh/index.ts'
import { defined, duration, type Init } from '../proto.ts'

type OutlierInit = Init<typeof OutlierDetectionSchema>

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
