// External authorizers: what they are asked, and what their answer does. Source: Envoy's ext_authz filters and their protos.
import type { Any } from '@bufbuild/protobuf/wkt'
import type { GrpcService } from '#gen/envoy/config/core/v3/grpc_service_pb.js'
import { type ExtAuthz, ExtAuthzSchema } from '#gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js'
import {
  type ExtAuthz as NetworkExtAuthz,
  ExtAuthzSchema as NetworkExtAuthzSchema,
} from '#gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js'
import type { ListStringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js'
import type { AuthorizerAnswer, AuthorizerQuestion, Circumstances } from './call.ts'
import type { HeaderChange } from './header-changes.ts'
import { matchesString } from './match/string.ts'
import { matchesMetadata } from './metadata.ts'
import type { Seen } from './request.ts'
import { unpack } from './unpack.ts'
import type { Verdict } from './verdict.ts'

export interface Authorized {
  /** Absent: nobody is asked about this request. */
  readonly verdict?: Verdict
  readonly responseChanges: readonly HeaderChange[]
  readonly clearRouteCache: boolean
}

/** Undefined if the filter is none that asks an authorizer. Changes the request as the authorizer says. */
export function askAuthorizer(
  filter: { readonly name: string; readonly config: Any },
  seen: Seen,
  means: { readonly circumstances: Circumstances; readonly hasCluster: (name: string) => boolean },
  routed: boolean,
): Authorized | undefined {
  const config = unpack(filter.config, ExtAuthzSchema)
  if (!config) return undefined
  const nothing = { responseChanges: [], clearRouteCache: false }
  if (!routed) return nothing
  if (config.filterEnabledMetadata && !matchesMetadata(config.filterEnabledMetadata, seen.metadata)) return nothing
  const question = questionOf(config, seen)
  const common = { filter: filter.name, action: 'ASK', policy: undefined } as const
  // Who cannot be reached, since the proxy's scope leaves it out, fails.
  const answer = means.hasCluster(question.cluster)
    ? means.circumstances.askAuthorizer?.(question)
    : { status: 503, headers: {} }
  if (!answer) {
    const note = `the authorizer behind ${question.cluster} is asked, whose answer decides`
    return { ...nothing, verdict: { ...common, allowed: true, note } }
  }
  // What an authorizer answers with a server error is no answer.
  if (answer.status >= 500) {
    const status = config.failureModeAllow ? undefined : config.statusOnError?.code || 403
    const note = means.hasCluster(question.cluster)
      ? `the authorizer behind ${question.cluster} fails with ${answer.status}`
      : absent(question.cluster)
    return { ...nothing, verdict: { ...common, allowed: config.failureModeAllow, status, note } }
  }
  const { allowed, responseChanges } = applyAnswer(config, answer, seen)
  const note = `the authorizer behind ${question.cluster} answers ${answer.status}`
  const verdict: Verdict = { ...common, allowed, status: allowed ? undefined : answer.status, note }
  return { verdict, responseChanges, clearRouteCache: allowed && config.clearRouteCache }
}

/** The verdict on a connection; undefined if the filter asks nobody about it. */
export function askAboutConnection(
  filter: { readonly name: string; readonly config: Any },
  seen: Seen,
  means: { readonly circumstances: Circumstances; readonly hasCluster: (name: string) => boolean },
): Verdict | undefined {
  const config: NetworkExtAuthz | undefined = unpack(filter.config, NetworkExtAuthzSchema)
  if (!config) return undefined
  if (config.filterEnabledMetadata && !matchesMetadata(config.filterEnabledMetadata, seen.metadata)) return undefined
  const cluster = clusterOf(config.grpcService)
  const question = { cluster, host: '', method: '', path: '', headers: {} }
  const known = means.hasCluster(cluster)
  const answer = known ? means.circumstances.askAuthorizer?.(question) : { status: 503, headers: {} }
  const common = { filter: filter.name, action: 'ASK', policy: undefined } as const
  const who = `the authorizer behind ${cluster}`
  if (!answer) return { ...common, allowed: true, note: `${who} is asked, whose answer decides` }
  if (answer.status >= 500)
    return { ...common, allowed: config.failureModeAllow, note: known ? `${who} fails` : absent(cluster) }
  const allowed = answer.status === 200
  return { ...common, allowed, note: `${who} lets the connection ${allowed ? 'pass' : 'be closed'}` }
}

const absent = (cluster: string): string =>
  `the authorizer cannot be asked: the proxy knows no cluster ${cluster} (a Sidecar may leave it out)`

function clusterOf(service: GrpcService | undefined): string {
  const target = service?.targetSpecifier
  return target?.case === 'envoyGrpc' ? target.value.clusterName : ''
}

function questionOf({ services, allowedHeaders }: ExtAuthz, { headers }: Seen): AuthorizerQuestion {
  const http = services.case === 'httpService' ? services.value : undefined
  const grpc = services.case === 'grpcService' ? services.value : undefined
  const upstream = http?.serverUri?.httpUpstreamType
  const cluster = upstream?.case === 'cluster' ? upstream.value : clusterOf(grpc)
  // A gRPC authorizer is told of all headers, one that speaks HTTP of those that it wants.
  const told = [...headers].filter(
    ([name]) =>
      !name.startsWith(':') && (grpc !== undefined || name === 'authorization' || matchesAny(allowedHeaders, name)),
  )
  return {
    cluster,
    host: headers.get(':authority') ?? '',
    method: headers.get(':method') ?? '',
    path: `${http?.pathPrefix ?? ''}${headers.get(':path') ?? ''}`,
    headers: {
      ...Object.fromEntries(told),
      ...Object.fromEntries((http?.authorizationRequest?.headersToAdd ?? []).map(({ key, value }) => [key, value])),
    },
  }
}

function applyAnswer(
  config: ExtAuthz,
  answer: AuthorizerAnswer,
  { headers }: Seen,
): { allowed: boolean; responseChanges: HeaderChange[] } {
  const rules = config.services.case === 'httpService' ? config.services.value.authorizationResponse : undefined
  const told = Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  const set = ([name, value]: readonly [string, string]): HeaderChange => ({ set: name, value })
  const add = ([name, value]: readonly [string, string]): HeaderChange => ({ add: name, value })
  // A gRPC authorizer says itself what is for whom.
  if (config.services.case === 'grpcService' && answer.status === 200) {
    for (const [name, value] of told) headers.set(name, value)
    return { allowed: true, responseChanges: Object.entries(answer.clientHeaders ?? {}).map(add) }
  }
  const wanted = (list: ListStringMatcher | undefined) => told.filter(([name]) => matchesAny(list, name))
  if (answer.status !== 200) {
    // Where nothing is said, the client gets all of them.
    const shown = rules?.allowedClientHeaders ? wanted(rules.allowedClientHeaders) : told
    return { allowed: false, responseChanges: shown.map(set) }
  }
  for (const [name, value] of wanted(rules?.allowedUpstreamHeaders)) headers.set(name, value)
  for (const [name, value] of wanted(rules?.allowedUpstreamHeadersToAppend)) headers.append(name, value)
  return { allowed: true, responseChanges: wanted(rules?.allowedClientHeadersOnSuccess).map(add) }
}

function matchesAny(list: ListStringMatcher | undefined, name: string): boolean {
  return list?.patterns.some((pattern) => matchesString(pattern, name)) ?? false
}
