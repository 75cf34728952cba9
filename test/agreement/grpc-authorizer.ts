// The external authorizer in gRPC's words (envoy.service.auth.v3.Authorization): the same answers as over HTTP.
import type { ServerHttp2Stream } from 'node:http2'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  CheckRequestSchema,
  type CheckResponse,
  CheckResponseSchema,
} from '#gen/envoy/service/auth/v3/external_auth_pb.js'
import { authorizerAnswer } from './authorizer.ts'

export const checkMethod = '/envoy.service.auth.v3.Authorization/Check'
const permissionDenied = 7

export function answerCheck(stream: ServerHttp2Stream): void {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('end', () => {
    // One message: a byte for compression, four for the length.
    const request = fromBinary(CheckRequestSchema, Buffer.concat(chunks).subarray(5))
    const response = checkResponse(request.attributes?.request?.http?.headers ?? {})
    const status = response ? '0' : '13'
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    if (!response) return void stream.end()
    const message = toBinary(CheckResponseSchema, response)
    const head = Buffer.alloc(5)
    head.writeUInt32BE(message.length, 1)
    stream.end(Buffer.concat([head, message]))
  })
}

/** Undefined: it fails. */
function checkResponse(asked: Readonly<Record<string, string>>): CheckResponse | undefined {
  const { status, headers, clientHeaders = {} } = authorizerAnswer(asked, 'grpc')
  if (status >= 500) return undefined
  const options = (list: Readonly<Record<string, string>>, append: boolean) =>
    Object.entries(list).map(([key, value]) => ({ header: { key, value }, append }))
  if (status === 200) {
    const value = { headers: options(headers, false), responseHeadersToAdd: options(clientHeaders, true) }
    return create(CheckResponseSchema, { status: { code: 0 }, httpResponse: { case: 'okResponse', value } })
  }
  const value = { status: { code: status }, headers: options(headers, false) }
  return create(CheckResponseSchema, {
    status: { code: permissionDenied },
    httpResponse: { case: 'deniedResponse', value },
  })
}
