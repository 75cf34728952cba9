import type { Any } from '@bufbuild/protobuf/wkt'
import { HTTPFaultSchema } from '#gen/envoy/extensions/filters/http/fault/v3/fault_pb.js'
import { FractionalPercent_DenominatorType, type FractionalPercentSchema } from '#gen/envoy/type/v3/percent_pb.js'
import type { HttpFaultInjection, Percent } from '../../../mesh/index.ts'
import { duration, type Init, pack } from '../proto.ts'

export const faultFilter = 'envoy.filters.http.fault'

/** A share in millionths. */
export function fractionOf(percent: Percent): Init<typeof FractionalPercentSchema> {
  return {
    numerator: Math.floor((percent.value ?? 0) * 10_000),
    denominator: FractionalPercent_DenominatorType.MILLION,
  }
}

export function wholePercent(value: number): Init<typeof FractionalPercentSchema> {
  return { numerator: value, denominator: FractionalPercent_DenominatorType.HUNDRED }
}

const grpcCodes = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

/** Delays and aborts of a route, of no request where no percentage is given; undefined if the rule names nothing that Envoy can do. */
export function faultConfig({ delay, abort }: HttpFaultInjection): Any | undefined {
  const fixedDelay = duration(delay?.fixedDelay)
  const errorType = abortOf(abort)
  if (!fixedDelay && !errorType) return undefined
  return pack(HTTPFaultSchema, {
    ...(fixedDelay && {
      delay: {
        faultDelaySecifier: { case: 'fixedDelay', value: fixedDelay },
        percentage: delay?.percentage ? fractionOf(delay.percentage) : wholePercent(delay?.percent ?? 0),
      },
    }),
    ...(errorType && {
      abort: { errorType, percentage: abort?.percentage ? fractionOf(abort.percentage) : wholePercent(0) },
    }),
  })
}

function abortOf(
  abort: HttpFaultInjection['abort'],
): { case: 'httpStatus'; value: number } | { case: 'grpcStatus'; value: number } | undefined {
  if (abort?.httpStatus) return { case: 'httpStatus', value: abort.httpStatus }
  const code = grpcCodes.indexOf(abort?.grpcStatus ?? '')
  return code < 0 ? undefined : { case: 'grpcStatus', value: code }
}
