export { type GrpcMethods, GrpcServer, type TlsSource } from './grpc-server.ts'
export type {
  EncodedResource,
  ProxyNode,
  ProxyResources,
  RefusedResource,
  ResourceChange,
  ResourceList,
  ResourceSource,
  ResourceVersion,
} from './resource.ts'
export { AdsServer, type AdsServerOptions, type PeerVerifier } from './server.ts'
export { adsMethods, adsPaths } from './service.ts'
export type { StreamStatus, SyncState, TypeStatus } from './status.ts'
export { type Clock, systemClock } from './stream.ts'
export {
  type Peer,
  type ServerStream,
  type StatusCode,
  StreamError,
  type StreamReceiver,
  statusCodes,
} from './transport.ts'
export { pushOrder, shortTypeName, typeUrls } from './types.ts'
export { anyOf } from './wire.ts'
