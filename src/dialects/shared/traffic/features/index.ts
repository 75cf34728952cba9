// The features of a TrafficPolicy, in the order in which they are told of.
import { corsPolicy } from './cors-policy.ts'
import { csrf } from './csrf.ts'
import { faultInjection } from './fault-injection.ts'
import type { RouteFeature, RuleFeature } from './feature.ts'
import { headerManipulation } from './header-manipulation.ts'
import { mirror } from './mirror.ts'
import { outlierDetection } from './outlier-detection.ts'
import { requestTimeout } from './request-timeout.ts'
import { retries } from './retries.ts'
import { tlsMode } from './tls-mode.ts'
import { trafficShift } from './traffic-shift.ts'

export type { FieldError, HostOn, HttpRoute, RouteContext } from './feature.ts'

export const routeFeatures = [
  trafficShift,
  faultInjection,
  requestTimeout,
  retries,
  corsPolicy,
  mirror,
  headerManipulation,
] as unknown as readonly RouteFeature[]

export const ruleFeatures = [outlierDetection, tlsMode, csrf] as unknown as readonly RuleFeature[]
