// The hash of a request, which chooses its endpoint in a cluster with a consistent hash. Source: Envoy's hash_policy.cc.
import type { RouteAction_HashPolicy } from '#gen/envoy/config/route/v3/route_components_pb.js'
import type { HashPolicy as TcpHashPolicy } from '#gen/envoy/type/v3/hash_policy_pb.js'
import { type Seen, split } from '../request.ts'
import { xxHash64 } from './xxhash.ts'

/** Undefined: the request has nothing to hash, and any endpoint may get it. */
export function hashOfRequest(policies: readonly RouteAction_HashPolicy[], seen: Seen): bigint | undefined {
  let hash: bigint | undefined
  for (const policy of policies) {
    const text = textOf(policy, seen)
    if (text === undefined) continue
    const before = hash === undefined ? 0n : BigInt.asUintN(64, (hash << 1n) | (hash >> 63n))
    hash = before ^ xxHash64(text)
    if (policy.terminal) break
  }
  return hash
}

export function hashOfConnection(policies: readonly TcpHashPolicy[], address: string | undefined): bigint | undefined {
  const bySource = policies.some(({ policySpecifier }) => policySpecifier.case === 'sourceIp')
  return bySource && address !== undefined ? xxHash64(address) : undefined
}

function textOf({ policySpecifier: spec }: RouteAction_HashPolicy, seen: Seen): string | undefined {
  switch (spec.case) {
    case 'header':
      return seen.headers.get(spec.value.headerName.toLowerCase())
    case 'cookie':
      // A cookie that Envoy makes for a client which has none is of the connection's ports: who knows.
      return cookieOf(seen.headers.get('cookie') ?? '', spec.value.name) || undefined
    case 'connectionProperties':
      return spec.value.sourceIp ? seen.remoteAddress : undefined
    case 'queryParameter':
      return parameterOf(split(seen.headers.get(':path') ?? '')[1], spec.value.name)
    default:
      return undefined
  }
}

function cookieOf(header: string, name: string): string | undefined {
  for (const part of header.split(';')) {
    const [own = '', ...value] = part.trim().split('=')
    if (own === name) return value.join('=').replace(/^"(.*)"$/, '$1')
  }
  return undefined
}

function parameterOf(query: string, name: string): string | undefined {
  for (const part of query.slice(1).split('&')) {
    const [own = '', ...value] = part.split('=')
    if (own === name) return value.join('=')
  }
  return undefined
}

/** What is hashed, in words. */
export function describeHash(policies: readonly RouteAction_HashPolicy[]): string {
  const names = policies.flatMap(({ policySpecifier: spec }) => {
    switch (spec.case) {
      case 'header':
        return `header ${spec.value.headerName}`
      case 'cookie':
        return `cookie ${spec.value.name}`
      case 'connectionProperties':
        return 'the source address'
      case 'queryParameter':
        return `query parameter ${spec.value.name}`
      default:
        return []
    }
  })
  return names.join(' and ')
}
