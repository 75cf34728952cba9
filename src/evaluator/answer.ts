// What a proxy answers by itself: to gRPC clients in their own words.
import type { Call } from './call.ts'

/** Whether a request is one of gRPC, as Envoy tells it. Source: Grpc::Common::isGrpcRequestHeaders. */
export function isGrpc({ headers, protocol }: Pick<Call, 'headers' | 'protocol'>): boolean {
  return protocol !== 'tcp' && isGrpcType(headers['content-type'])
}

export function isGrpcType(contentType = ''): boolean {
  return /^application\/grpc($|\+)/.test(contentType)
}

/** Status codes of gRPC for those of HTTP. Source: Grpc::Utility::httpToGrpcStatus. */
const grpcStatuses: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
}
const unknown = 2

/** An answer of a proxy: gRPC clients get 200 with a status of their own. */
export function answerTo(call: Call, status: number) {
  return isGrpc(call)
    ? { kind: 'answered' as const, status: 200, grpcStatus: grpcStatuses[status] ?? unknown }
    : { kind: 'answered' as const, status }
}
