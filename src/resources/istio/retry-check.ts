import type { Place } from '../check.ts'
import type { HttpRetry } from './http-route.ts'

/** Conditions of Envoy's x-envoy-retry-on and x-envoy-retry-grpc-on. */
const conditions = new Set([
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'envoy-ratelimited',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
])

/** Status codes that have a name (IANA's registry): others are taken for a slip. */
const statusCodes = new Set([
  100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308, 400,
  401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 425,
  426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
])

export function checkHttpRetry(place: Place, retries: HttpRetry | undefined): void {
  if (retries === undefined) return
  const { attempts = 0, perTryTimeout, retryOn = '', retryRemoteLocalities } = retries
  if (attempts < 0) place.field('attempts').error(`must not be negative, and is ${attempts}`)
  if (attempts === 0 && (perTryTimeout !== undefined || retryOn !== '' || retryRemoteLocalities !== undefined))
    place.error('attempts is 0, so nothing is repeated; the other settings contradict that')
  if (retryOn === '') return
  for (const condition of retryOn.split(','))
    if (!conditions.has(condition) && !(/^\+?\d+$/.test(condition) && statusCodes.has(Number(condition))))
      place.field('retryOn').error(`${JSON.stringify(condition)} is neither a retry condition nor a known status code`)
}
