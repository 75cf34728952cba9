import { createFileRegistry, createRegistry, fromBinary, type Registry } from '@bufbuild/protobuf'
import { base64Decode } from '@bufbuild/protobuf/wire'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { ClusterConfigSchema } from '#gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js'
import { CorsPolicySchema, CorsSchema } from '#gen/envoy/extensions/filters/http/cors/v3/cors_pb.js'
import { FilterConfigSchema as ForwardProxySchema } from '#gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.js'
import { ExtAuthzSchema as HttpExtAuthzSchema } from '#gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js'
import { HTTPFaultSchema } from '#gen/envoy/extensions/filters/http/fault/v3/fault_pb.js'
import { FilterConfigSchema as GrpcStatsSchema } from '#gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js'
import { GrpcWebSchema } from '#gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js'
import { JwtAuthenticationSchema } from '#gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js'
import { RBACSchema as HttpRbacSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js'
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js'
import { ConfigSchema as SetFilterStateSchema } from '#gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js'
import { HttpInspectorSchema } from '#gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js'
import { OriginalDstSchema } from '#gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js'
import { ProxyProtocolSchema } from '#gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js'
import { TlsInspectorSchema } from '#gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js'
import { ExtAuthzSchema as NetworkExtAuthzSchema } from '#gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js'
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { RBACSchema as NetworkRbacSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js'
import { FilterConfigSchema as SniForwardProxySchema } from '#gen/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb.js'
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js'
import { UriTemplateMatchConfigSchema } from '#gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js'
import { PreviousHostsPredicateSchema } from '#gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js'
import { PreviousPrioritiesConfigSchema } from '#gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js'
import { InternalUpstreamTransportSchema } from '#gen/envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream_pb.js'
import { ProxyProtocolUpstreamTransportSchema } from '#gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js'
import { RawBufferSchema } from '#gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js'
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js'
import { envoyTypes } from '#gen/envoy-types.js'

/** The types that our resources hold in Any fields. */
const own: Registry = createRegistry(
  ClusterConfigSchema,
  CorsPolicySchema,
  CorsSchema,
  DownstreamTlsContextSchema,
  ForwardProxySchema,
  GrpcStatsSchema,
  GrpcWebSchema,
  HTTPFaultSchema,
  HttpConnectionManagerSchema,
  HttpExtAuthzSchema,
  HttpInspectorSchema,
  HttpProtocolOptionsSchema,
  HttpRbacSchema,
  InternalUpstreamTransportSchema,
  JwtAuthenticationSchema,
  NetworkExtAuthzSchema,
  NetworkRbacSchema,
  OriginalDstSchema,
  PreviousHostsPredicateSchema,
  PreviousPrioritiesConfigSchema,
  ProxyProtocolSchema,
  ProxyProtocolUpstreamTransportSchema,
  RawBufferSchema,
  RouterSchema,
  SetFilterStateSchema,
  SniForwardProxySchema,
  TcpProxySchema,
  TlsInspectorSchema,
  UpstreamTlsContextSchema,
  UriTemplateMatchConfigSchema,
)

let everything: Registry | undefined

/** All of Envoy's configuration and extensions. Only objects of users can name others than those above. */
function others(): Registry {
  everything ??= createFileRegistry(fromBinary(FileDescriptorSetSchema, base64Decode(envoyTypes)))
  return everything
}

/** The types of what is in Any fields: what is needed to read them, and to show them as JSON. */
export const extensionTypes: Registry = {
  kind: 'registry',
  [Symbol.iterator]: () => own[Symbol.iterator](),
  get: (name) => own.get(name) ?? others().get(name),
  getMessage: (name) => own.getMessage(name) ?? others().getMessage(name),
  getEnum: (name) => own.getEnum(name) ?? others().getEnum(name),
  getExtension: (name) => own.getExtension(name),
  getExtensionFor: (extendee, no) => own.getExtensionFor(extendee, no),
  getService: (name) => own.getService(name),
}
