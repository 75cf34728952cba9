// The hash of a request, which chooses its endpoint in a cluster with a consistent hash. Source: Envoy's hash_policy.cc.
import type { RouteAction_HashPolicy } from '#gen/envoy/config/route/v3/route_components_pb.js'
import type { HashPolicy as TcpHashPolicy } from '#gen/envoy/type/v3/hash_policy_pb.js'
import type { HeaderChange } from '../header-changes.ts'
import { type Seen, split } from '../request.ts'
import { xxHash64 } from './xxhash.ts'

/**
 * The hash of a request as its route sends it on: `changes` are what it does to headers. Undefined: the request has nothing to
 * hash, and any endpoint may get it.
 */
export function hashOfRequest(
  policies: readonly RouteAction_HashPolicy[],
  seen: Seen,
  changes: readonly HeaderChange[],
): bigint | undefined {
  let hash: bigint | undefined
  for (const policy of policies) {
    const texts = textsOf(policy, seen, changes)
    if (texts.length === 0) continue
    const before = hash === undefined ? 0n : BigInt.asUintN(64, (hash << 1n) | (hash >> 63n))
    // Of several values, in their order, each hash is the seed of the next.
    hash = before ^ [...texts].sort().reduce((own, text) => xxHash64(text, own), 0n)
    if (policy.terminal) break
  }
  return hash
}

export function hashOfConnection(policies: readonly TcpHashPolicy[], address: string | undefined): bigint | undefined {
  const bySource = policies.some(({ policySpecifier }) => policySpecifier.case === 'sourceIp')
  return bySource && address !== undefined ? xxHash64(address) : undefined
}

function textsOf(
  { policySpecifier: spec }: RouteAction_HashPolicy,
  seen: Seen,
  changes: readonly HeaderChange[],
): readonly string[] {
  const some = (text: string | undefined): readonly string[] => (text === undefined ? [] : [text])
  switch (spec.case) {
    case 'header':
      return valuesOf(spec.value.headerName.toLowerCase(), seen, changes)
    case 'cookie': {
      const [header = ''] = valuesOf('cookie', seen, changes)
      // A cookie that Envoy makes for a client which has none is of the connection's ports: who knows.
      return some(cookieOf(header, spec.value.name) || undefined)
    }
    case 'connectionProperties':
      return some(spec.value.sourceIp ? seen.remoteAddress : undefined)
    case 'queryParameter':
      return some(parameterOf(split(seen.headers.get(':path') ?? '')[1], spec.value.name))
    default:
      return []
  }
}

/** The values of a header, by its lines: what the route adds is a line of its own. */
function valuesOf(name: string, { headers }: Seen, changes: readonly HeaderChange[]): readonly string[] {
  let values = headers.linesOf(name)
  for (const step of changes) {
    if ('remove' in step) values = step.remove === name ? [] : values
    else if ('set' in step) values = step.set === name ? [step.value] : values
    else if ('add' in step) values = step.add === name ? [...values, step.value] : values
    else if ('setIfAbsent' in step) values = step.setIfAbsent === name && values.length === 0 ? [step.value] : values
    else if (step.setIfPresent === name && values.length > 0) values = [step.value]
  }
  return values
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
