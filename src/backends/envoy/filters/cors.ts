import type { Any } from '@bufbuild/protobuf/wkt'
import { CorsPolicySchema } from '#gen/envoy/extensions/filters/http/cors/v3/cors_pb.js'
import type { CorsPolicy } from '../../../mesh/index.ts'
import { duration, pack } from '../proto.ts'
import { stringMatcher } from '../routes/string-match.ts'
import { wholePercent } from './fault.ts'

export const corsFilter = 'envoy.filters.http.cors'

/** Which other sites' pages may call a route. */
export function corsConfig(policy: CorsPolicy): Any {
  const { allowOrigins, allowOrigin = [], allowMethods = [], allowHeaders = [], exposeHeaders = [] } = policy
  const origins = allowOrigins ?? allowOrigin.map((exact) => ({ exact }))
  const maxAge = duration(policy.maxAge)
  return pack(CorsPolicySchema, {
    allowOriginStringMatch: origins.flatMap((origin) => stringMatcher(origin) ?? []),
    allowMethods: allowMethods.join(','),
    allowHeaders: allowHeaders.join(','),
    exposeHeaders: exposeHeaders.join(','),
    ...(maxAge && { maxAge: String(maxAge.seconds) }),
    ...(typeof policy.allowCredentials === 'boolean' && { allowCredentials: policy.allowCredentials }),
    filterEnabled: { defaultValue: wholePercent(100) },
    forwardNotMatchingPreflights: policy.unmatchedPreflights !== 'IGNORE',
  })
}
