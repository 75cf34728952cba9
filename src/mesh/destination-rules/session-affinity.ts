import type { Service } from '../../discovery/index.ts'
import type { ConsistentHash, LoadBalancer } from '../istio.ts'

/**
 * How a Service with `sessionAffinity: ClientIP` wants endpoints chosen: a caller's address always leads to the same one,
 * as long as it is there. A DestinationRule that chooses a load balancer comes before.
 */
export function sessionAffinity(
  { sticky }: Pick<Service, 'sticky'>,
  rule: LoadBalancer | undefined,
): ConsistentHash | undefined {
  const chosen = rule?.consistentHash !== undefined || (rule?.simple ?? 'UNSPECIFIED') !== 'UNSPECIFIED'
  return sticky && !chosen ? { useSourceIp: true } : undefined
}
