import { create } from '@bufbuild/protobuf'
import { type ListenerFilter, ListenerFilterSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import { HttpInspectorSchema } from '#gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js'
import { OriginalDstSchema } from '#gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js'
import { OriginalSrcSchema } from '#gen/envoy/extensions/filters/listener/original_src/v3/original_src_pb.js'
import { TlsInspectorSchema } from '#gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js'
import { extensionConfig } from '../proto.ts'

/** Reads the server name and the protocols of a TLS hello. */
export const tlsInspector: ListenerFilter = create(
  ListenerFilterSchema,
  extensionConfig('envoy.filters.listener.tls_inspector', TlsInspectorSchema),
)

/** Tells plain HTTP from other bytes. */
export const httpInspector: ListenerFilter = create(
  ListenerFilterSchema,
  extensionConfig('envoy.filters.listener.http_inspector', HttpInspectorSchema),
)

/** Finds out where a redirected connection was meant to go. */
export const originalDst: ListenerFilter = create(
  ListenerFilterSchema,
  extensionConfig('envoy.filters.listener.original_dst', OriginalDstSchema),
)

/** Goes on to the program with the caller's address. The mark keeps what it sends back out of the capture. */
export const originalSrc: ListenerFilter = create(
  ListenerFilterSchema,
  extensionConfig('envoy.filters.listener.original_src', OriginalSrcSchema, { mark: 1337 }),
)

/** What the HTTP inspector calls plain HTTP. */
export const plainHttpProtocols = ['http/1.1', 'h2c']
