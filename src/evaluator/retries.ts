// What a route sends again.
import { durationMs } from '@bufbuild/protobuf/wkt'
import type { RetryPolicy } from '#gen/envoy/config/route/v3/route_components_pb.js'
import type { Retries } from './decision.ts'

export function retriesOf(policy: RetryPolicy): Retries {
  return {
    count: policy.numRetries ?? 1,
    on: policy.retryOn,
    ...(policy.retriableStatusCodes.length > 0 && { statuses: policy.retriableStatusCodes }),
    ...(policy.perTryTimeout && { perTryTimeoutMs: durationMs(policy.perTryTimeout) }),
    ...(policy.retryPriority && { leavesRungs: true }),
  }
}

const statusesOf: Readonly<Record<string, (status: number) => boolean>> = {
  '5xx': (status) => status >= 500,
  'gateway-error': (status) => status >= 502 && status <= 504,
  'retriable-4xx': (status) => status === 409,
}

/** Whether an answer with that status is asked for again. Source: Envoy's RetryStateImpl::wouldRetryFromHeaders. */
export function isRetried({ on, statuses = [] }: Retries, status: number): boolean {
  return on
    .split(',')
    .map((condition) => condition.trim())
    .some(
      (condition) =>
        statusesOf[condition]?.(status) ?? (condition === 'retriable-status-codes' && statuses.includes(status)),
    )
}
