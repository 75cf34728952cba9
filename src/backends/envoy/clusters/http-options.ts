import { create } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import type { Http1ProtocolOptionsSchema } from '#gen/envoy/config/core/v3/protocol_pb.js'
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js'
import { type Init, pack } from '../proto.ts'

const optionsName = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

type OptionsInit = Init<typeof HttpProtocolOptionsSchema>

/**
 * How a cluster speaks HTTP, collected from what the port and the rules say. `explicit-http2` always HTTP/2; `downstream` as the
 * client came; undefined: HTTP/1.1.
 */
export interface HttpOptions {
  protocol: 'http2' | 'downstream' | undefined
  common: NonNullable<OptionsInit['commonHttpProtocolOptions']> & object
  http2: { maxConcurrentStreams?: number; connectionKeepalive?: object }
  upstream: { autoSni?: boolean; autoSanValidation?: boolean }
  /** How header names are written in HTTP/1.1; undefined: in lower case. */
  http1: Init<typeof Http1ProtocolOptionsSchema> | undefined
  /** Answers that count as errors of an endpoint; undefined: 500 to 599. */
  errors: NonNullable<OptionsInit['outlierDetection']>['errorMatcher']
}

export function newHttpOptions(protocol: HttpOptions['protocol']): HttpOptions {
  return { protocol, common: {}, http2: {}, upstream: {}, http1: undefined, errors: undefined }
}

const noLimit = 2147483647

/** The cluster's `typed_extension_protocol_options`; nothing where nothing is said. */
export function emitHttpOptions(options: HttpOptions): Record<string, Any> {
  const { protocol, common, http1, http2, upstream, errors } = options
  const said =
    protocol !== undefined ||
    http1 !== undefined ||
    errors !== undefined ||
    Object.keys(common).length + Object.keys(upstream).length > 0
  if (!said) return {}
  // Envoy's own limit of concurrent streams would leave a second connection idle for long.
  const http2ProtocolOptions = { maxConcurrentStreams: noLimit, ...http2 }
  const version: OptionsInit['upstreamProtocolOptions'] =
    protocol === 'http2'
      ? {
          case: 'explicitHttpConfig',
          value: { protocolConfig: { case: 'http2ProtocolOptions', value: http2ProtocolOptions } },
        }
      : protocol === 'downstream'
        ? { case: 'useDownstreamProtocolConfig', value: { httpProtocolOptions: http1 ?? {}, http2ProtocolOptions } }
        : { case: 'explicitHttpConfig', value: { protocolConfig: { case: 'httpProtocolOptions', value: http1 ?? {} } } }
  const message = create(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: version,
    ...(Object.keys(common).length > 0 && { commonHttpProtocolOptions: common }),
    ...(Object.keys(upstream).length > 0 && { upstreamHttpProtocolOptions: upstream }),
    ...(errors && { outlierDetection: { errorMatcher: errors } }),
  })
  return { [optionsName]: pack(HttpProtocolOptionsSchema, message) }
}
