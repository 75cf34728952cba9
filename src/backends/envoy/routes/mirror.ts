import type { RouteAction_RequestMirrorPolicySchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import type { Destination, HttpRoute, Percent } from '../../../mesh/index.ts'
import { fractionOf, wholePercent } from '../filters/fault.ts'
import type { Init } from '../proto.ts'

/** Copies of requests, sent to other clusters whose answers nobody waits for. */
export function mirrorPolicies(
  route: HttpRoute,
  clusterOf: (destination: Destination) => string,
): Init<typeof RouteAction_RequestMirrorPolicySchema>[] {
  const single = route.mirror ? [{ destination: route.mirror, share: singleShare(route) }] : []
  const several = (route.mirrors ?? []).map(({ destination, percentage }) => ({
    destination,
    share: shareOf(percentage),
  }))
  return [...single, ...several].flatMap(({ destination, share }) =>
    share && share.numerator
      ? [
          {
            cluster: clusterOf(destination),
            runtimeFraction: { defaultValue: share },
            traceSampled: false,
            disableShadowHostSuffixAppend: true,
          },
        ]
      : [],
  )
}

function shareOf(percentage: Percent | undefined): ReturnType<typeof fractionOf> {
  return percentage ? fractionOf(percentage) : wholePercent(100)
}

function singleShare({
  mirrorPercentage,
  mirror_percent,
  mirrorPercent = mirror_percent,
}: HttpRoute): ReturnType<typeof fractionOf> {
  return !mirrorPercentage && typeof mirrorPercent === 'number'
    ? wholePercent(mirrorPercent)
    : shareOf(mirrorPercentage)
}
