// External authorizers: services, named in the MeshConfig, that are asked about requests which CUSTOM policies match.
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { ApiVersion } from '#gen/envoy/config/core/v3/config_source_pb.js'
import type { GrpcServiceSchema } from '#gen/envoy/config/core/v3/grpc_service_pb.js'
import {
  type BufferSettingsSchema,
  type ExtAuthzSchema as HttpExtAuthzSchema,
  type HttpServiceSchema,
} from '#gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js'
import type { ExtAuthzSchema as NetworkExtAuthzSchema } from '#gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js'
import type { ListStringMatcherSchema } from '#gen/envoy/type/matcher/v3/string_pb.js'
import { StatusCode } from '#gen/envoy/type/v3/http_status_pb.js'
import type { World } from '../../../discovery/index.ts'
import type { ExtAuthzGrpc, ExtAuthzHttp, ExtensionProvider } from '../../../resources/istio/index.ts'
import { duration, milliseconds } from '../proto.ts'
import { type ProviderTarget, providerTarget } from '../providers.ts'

/** Without the message itself, which could not be spread. */
type Fields<S extends DescMessage> = Extract<MessageInitShape<S>, { readonly $typeName?: never }>
type HttpInit = Fields<typeof HttpExtAuthzSchema>
type NetworkInit = Fields<typeof NetworkExtAuthzSchema>

/** Ready but for the condition under which it is asked. */
export interface ExternalAuthorizer {
  readonly http: HttpInit
  /** Undefined for authorizers that understand HTTP only. */
  readonly tcp: NetworkInit | undefined
}

/** A provider that cannot be used, in a sentence. */
export interface UnusableProvider {
  readonly fault: string
}

const longTimeout = milliseconds(600_000)

/** The authorizer of that name in the MeshConfig. */
export function externalAuthorizer(
  world: World,
  providers: readonly ExtensionProvider[],
  name: string,
): ExternalAuthorizer | UnusableProvider {
  const named = providers.filter((provider) => provider.name === name)
  const provider = named.find((each) => each.envoyExtAuthzHttp ?? each.envoyExtAuthzGrpc)
  if (provider === undefined)
    return { fault: `the MeshConfig has no external authorizer ${JSON.stringify(name)} among its extensionProviders` }
  if (named.length > 1) return { fault: `the MeshConfig has several extensionProviders ${JSON.stringify(name)}` }
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
    return { fault: `${JSON.stringify(name)} must be lower-case letters, digits and hyphens` }
  const target = authorizerTarget(world, provider.envoyExtAuthzHttp ?? provider.envoyExtAuthzGrpc ?? {})
  if ('fault' in target) return target
  if (provider.envoyExtAuthzHttp) return httpAuthorizer(provider.envoyExtAuthzHttp, target)
  return grpcAuthorizer(provider.envoyExtAuthzGrpc ?? {}, target)
}

/** The service of an authorizer, and whether what it says of errors can be used. */
function authorizerTarget(world: World, said: ExtAuthzHttp & ExtAuthzGrpc): ProviderTarget | UnusableProvider {
  const { statusOnError = '' } = said
  if (statusOnError !== '' && statusCode(statusOnError) === undefined)
    return { fault: `its statusOnError ${JSON.stringify(statusOnError)} is no status that Envoy knows` }
  return providerTarget(world, said)
}

function statusCode(text: string): StatusCode | undefined {
  const code = Number(text)
  return /^\d+$/.test(text) && code in StatusCode && code > 0 ? code : undefined
}

function common({
  failOpen = false,
  statusOnError = '',
  includeRequestBodyInCheck,
  clearRouteCache = false,
}: ExtAuthzGrpc) {
  const code = statusCode(statusOnError)
  const body: MessageInitShape<typeof BufferSettingsSchema> | undefined = includeRequestBodyInCheck
  return {
    failureModeAllow: failOpen,
    transportApiVersion: ApiVersion.V3,
    clearRouteCache,
    ...(code === undefined ? {} : { statusOnError: { code } }),
    ...(body === undefined ? {} : { withRequestBody: body }),
  }
}

function httpAuthorizer(
  provider: ExtAuthzHttp,
  { host, cluster }: ProviderTarget,
): ExternalAuthorizer | UnusableProvider {
  const { pathPrefix = '' } = provider
  if (pathPrefix !== '' && !pathPrefix.startsWith('/'))
    return { fault: `its pathPrefix ${pathPrefix} must begin with /` }
  const lists = [
    provider.includeRequestHeadersInCheck,
    provider.includeHeadersInCheck,
    provider.headersToUpstreamOnAllow,
    provider.headersToDownstreamOnAllow,
    provider.headersToDownstreamOnDeny,
  ]
  if (lists.some((list) => list?.includes('*'))) return { fault: 'a single * among its headers is not supported' }
  const allowed = headerList(provider.includeRequestHeadersInCheck) ?? headerList(provider.includeHeadersInCheck)
  const added = Object.entries(provider.includeAdditionalHeadersInCheck ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  const service: MessageInitShape<typeof HttpServiceSchema> = {
    pathPrefix,
    serverUri: {
      uri: `http://${host}`,
      timeout: duration(provider.timeout) ?? longTimeout,
      httpUpstreamType: { case: 'cluster', value: cluster },
    },
    ...(added.length > 0 && {
      authorizationRequest: { headersToAdd: added.map(([key, value]) => ({ key, value })) },
    }),
    authorizationResponse: {
      ...listField('allowedUpstreamHeaders', provider.headersToUpstreamOnAllow),
      ...listField('allowedClientHeaders', provider.headersToDownstreamOnDeny),
      ...listField('allowedClientHeadersOnSuccess', provider.headersToDownstreamOnAllow),
    },
  }
  const http: HttpInit = {
    ...common(provider),
    ...(allowed === undefined ? {} : { allowedHeaders: allowed }),
    services: { case: 'httpService', value: service },
  }
  return { http, tcp: undefined }
}

function grpcAuthorizer(provider: ExtAuthzGrpc, { host, cluster }: ProviderTarget): ExternalAuthorizer {
  const grpcService: MessageInitShape<typeof GrpcServiceSchema> = {
    targetSpecifier: { case: 'envoyGrpc', value: { clusterName: cluster, authority: host } },
    timeout: duration(provider.timeout) ?? longTimeout,
  }
  return {
    http: { ...common(provider), services: { case: 'grpcService', value: grpcService } },
    tcp: {
      statPrefix: 'tcp.',
      failureModeAllow: provider.failOpen ?? false,
      transportApiVersion: ApiVersion.V3,
      grpcService,
    },
  }
}

type HeaderList = MessageInitShape<typeof ListStringMatcherSchema>

/** Header names, exact or with a * at one end. */
function headerList(names: readonly string[] | undefined): HeaderList | undefined {
  if (names === undefined || names.length === 0) return undefined
  return {
    patterns: names.map((name) => {
      if (name.startsWith('*')) return { ignoreCase: true, matchPattern: { case: 'suffix', value: name.slice(1) } }
      if (name.endsWith('*')) return { ignoreCase: true, matchPattern: { case: 'prefix', value: name.slice(0, -1) } }
      return { ignoreCase: true, matchPattern: { case: 'exact', value: name } }
    }),
  }
}

function listField<N extends string>(field: N, names: readonly string[] | undefined): { [K in N]?: HeaderList } {
  const list = headerList(names)
  // The type of a computed key is lost in the literal.
  return (list === undefined ? {} : { [field]: list }) as { [K in N]?: HeaderList }
}
