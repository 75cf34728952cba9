import type { RouteAction_HashPolicySchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import type { ConsistentHash } from '../../../mesh/index.ts'
import { duration, type Init } from '../proto.ts'

/** What of a request chooses the endpoint of a cluster with a consistent hash. */
export function hashPolicy(hash: ConsistentHash | undefined): Init<typeof RouteAction_HashPolicySchema> | undefined {
  if (!hash) return undefined
  if (hash.httpHeaderName) return { policySpecifier: { case: 'header', value: { headerName: hash.httpHeaderName } } }
  if (hash.httpCookie) {
    const { name, path = '', ttl, attributes = [] } = hash.httpCookie
    const lifetime = duration(ttl)
    const value = {
      name,
      path,
      ...(lifetime && { ttl: lifetime }),
      attributes: attributes.map((each) => ({ name: each.name, value: each.value ?? '' })),
    }
    return { policySpecifier: { case: 'cookie', value } }
  }
  if (hash.useSourceIp) return { policySpecifier: { case: 'connectionProperties', value: { sourceIp: true } } }
  if (hash.httpQueryParameterName)
    return { policySpecifier: { case: 'queryParameter', value: { name: hash.httpQueryParameterName } } }
  return undefined
}
