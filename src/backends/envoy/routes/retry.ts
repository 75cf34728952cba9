import { create } from '@bufbuild/protobuf'
import { type RetryPolicy, RetryPolicySchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import { PreviousHostsPredicateSchema } from '#gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js'
import { PreviousPrioritiesConfigSchema } from '#gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js'
import type { RetryPolicySetting } from '../../../discovery/index.ts'
import type { FailoverRetry, HttpRetry } from '../../../mesh/index.ts'
import { undeliveredHeader } from '../names.ts'
import { duration, extensionConfig, type Init } from '../proto.ts'

type RetryInit = Init<typeof RetryPolicySchema>

const defaultConditions = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes'

/** Picks another host of the same priority. */
const notPreviousHosts: NonNullable<RetryInit['retryHostPredicate']>[number] = extensionConfig(
  'envoy.retry_host_predicates.previous_hosts',
  PreviousHostsPredicateSchema,
)

/** Leaves a priority after `updateFrequency` tries in it. */
function leavePriorities(updateFrequency: number): RetryInit['retryPriority'] & object {
  return extensionConfig('envoy.retry_priorities.previous_priorities', PreviousPrioritiesConfigSchema, {
    updateFrequency,
  })
}

/** What is sent again: as a rule or the mesh says, else twice what surely was not answered. Undefined: nothing. */
export function retryPolicy(
  setting: HttpRetry | RetryPolicySetting | undefined,
  sticky: boolean,
): RetryPolicy | undefined {
  if (setting && (setting.attempts ?? 0) <= 0) return undefined
  const conditions = setting?.retryOn ? parseConditions(setting.retryOn) : { retryOn: defaultConditions, codes: [] }
  const avoidPrevious = setting?.retryIgnorePreviousHosts ?? !sticky
  const perTryTimeout = duration(setting?.perTryTimeout)
  const baseInterval = duration(setting?.backoff)
  return create(RetryPolicySchema, {
    numRetries: setting?.attempts ?? 2,
    retryOn: conditions.retryOn,
    retriableStatusCodes: conditions.codes,
    hostSelectionRetryMaxAttempts: 5n,
    retryHostPredicate: avoidPrevious ? [notPreviousHosts] : [],
    ...(perTryTimeout && { perTryTimeout }),
    ...(setting?.retryRemoteLocalities && { retryPriority: leavePriorities(2) }),
    ...(baseInterval && { retryBackOff: { baseInterval } }),
  })
}

/** Conditions, of which numbers are status codes. */
export function parseConditions(text: string): { retryOn: string; codes: number[] } {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const isCode = (part: string): boolean => /^[1-5]\d\d$/.test(part)
  const codes = parts.filter(isCode).map(Number)
  const names = parts.filter((part) => !isCode(part))
  if (codes.length > 0 && !names.includes('retriable-status-codes')) names.push('retriable-status-codes')
  return { retryOn: names.join(','), codes }
}

/** Methods that may be carried out twice (RFC 9110, 9.2.2). */
export const idempotentMethods = '^(GET|HEAD|OPTIONS|TRACE|PUT|DELETE)$'

/**
 * For services that several places serve. `idempotent`: whatever failed is tried elsewhere. `any`: only what surely never
 * reached the program, since no connection came about, or the far proxy says so by a header. What a rule or the mesh says
 * (attempts, a timeout per try, …) holds; what it leaves open is as a Failover says, and else what failing over needs.
 */
export function failoverRetryPolicy(
  methods: 'idempotent' | 'any',
  sticky: boolean,
  said?: HttpRetry | RetryPolicySetting,
  planned: FailoverRetry = {},
): RetryPolicy {
  const idempotent = methods === 'idempotent'
  const conditions = idempotent
    ? 'connect-failure,refused-stream,unavailable,cancelled,reset,retriable-status-codes'
    : 'connect-failure,refused-stream,reset-before-request,retriable-headers'
  const avoidPrevious = said?.retryIgnorePreviousHosts ?? !sticky
  const perTryTimeout = duration(said?.perTryTimeout ?? planned.perTryTimeout)
  const baseInterval = duration(said?.backoff)
  return create(RetryPolicySchema, {
    retryOn: conditions,
    numRetries: said?.attempts ?? planned.attempts ?? 4,
    retriableStatusCodes: idempotent ? [502, 503, 504] : [],
    retriableHeaders: idempotent
      ? []
      : [{ name: undeliveredHeader, headerMatchSpecifier: { case: 'presentMatch', value: true } }],
    hostSelectionRetryMaxAttempts: 5n,
    retryHostPredicate: avoidPrevious ? [notPreviousHosts] : [],
    ...(perTryTimeout && { perTryTimeout }),
    ...(said?.retryRemoteLocalities !== false && { retryPriority: leavePriorities(planned.triesPerRung ?? 1) }),
    ...(baseInterval && { retryBackOff: { baseInterval } }),
  })
}

/** Whether a rule, or the mesh, decides alone over what is sent again: it names the conditions, or wants nothing repeated. */
export function decidesRetries(said: HttpRetry | RetryPolicySetting | undefined): boolean {
  return said !== undefined && (Boolean(said.retryOn) || (said.attempts ?? 0) <= 0)
}

/** Who decides over what is sent again: the route, else a Failover that says anything of it, else the mesh. */
export function decidingRetries(
  route: HttpRetry | undefined,
  planned: FailoverRetry | undefined,
  mesh: RetryPolicySetting | undefined,
): HttpRetry | RetryPolicySetting | undefined {
  if (route) return route
  return planned && Object.keys(planned).length > 0 ? undefined : mesh
}

/** What is sent again where there are places to fail over to: idempotent requests, and all others; undefined: nothing. */
export function failoverRetryPolicies(
  sticky: boolean,
  said: HttpRetry | RetryPolicySetting | undefined,
  planned: FailoverRetry | undefined,
): { readonly idempotent: RetryPolicy; readonly any: RetryPolicy } | undefined {
  if ((said?.attempts ?? planned?.attempts ?? 4) <= 0) return undefined
  return {
    idempotent: failoverRetryPolicy('idempotent', sticky, said, planned),
    any: failoverRetryPolicy('any', sticky, said, planned),
  }
}
