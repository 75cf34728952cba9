// The discovery service on @grpc/grpc-js. Messages pass as bytes in both directions. All that is known of gRPC is here.
import {
  type handleBidiStreamingCall,
  Metadata,
  type Server,
  type ServerDuplexStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { AdsServer } from './server.ts'
import type { Peer, ServerStream } from './transport.ts'

const asIs = (bytes: Buffer): Buffer => bytes
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const joined = (pieces: readonly Uint8Array[]): Buffer => Buffer.concat(pieces)

const streaming = (name: string) => ({
  path: `/envoy.service.discovery.v3.AggregatedDiscoveryService/${name}`,
  requestStream: true,
  responseStream: true,
  requestSerialize: asBuffer,
  requestDeserialize: asIs,
  responseSerialize: joined,
  responseDeserialize: asIs,
})

/** The aggregated discovery service, with messages left as bytes; clients may use it too. */
export const aggregatedDiscovery = {
  StreamAggregatedResources: streaming('StreamAggregatedResources'),
  DeltaAggregatedResources: streaming('DeltaAggregatedResources'),
} satisfies ServiceDefinition

/** Adds the aggregated discovery service to a gRPC server. */
export function addAds(grpc: Server, ads: AdsServer, port: { encrypted: boolean }): void {
  const serve =
    (protocol: 'sotw' | 'delta'): handleBidiStreamingCall<Buffer, readonly Uint8Array[]> =>
    (call) => {
      const receiver = ads.open(streamOf(call, port.encrypted), protocol)
      call.on('data', (message: Buffer) => receiver.message(message))
      // A client that half-closes a discovery stream is done with it.
      call.on('end', () => {
        receiver.closed()
        call.end()
      })
      call.on('cancelled', () => receiver.closed())
      call.on('close', () => receiver.closed())
      call.on('error', () => receiver.closed())
    }
  const implementation: UntypedServiceImplementation = {
    StreamAggregatedResources: serve('sotw'),
    DeltaAggregatedResources: serve('delta'),
  }
  grpc.addService(aggregatedDiscovery, implementation)
}

function streamOf(call: ServerDuplexStream<Buffer, readonly Uint8Array[]>, encrypted: boolean): ServerStream {
  return {
    peer: peerOf(call, encrypted),
    send(message, drained) {
      // The callback comes when HTTP/2 flow control has let the whole message pass.
      call.write(message, (error?: Error | null) => {
        if (!error) drained()
      })
    },
    end(error) {
      if (error) call.emit('error', Object.assign(error, { details: error.message, metadata: new Metadata() }))
      else call.end()
    },
  }
}

interface Call {
  readonly metadata: Metadata
  getPeer(): string
  getAuthContext(): { sslPeerCertificate?: { raw?: Buffer } }
}

/** What gRPC knows of the caller. */
export function peerOf(call: Call, encrypted: boolean): Peer {
  const headers = new Map<string, string>()
  for (const [name, value] of Object.entries(call.metadata.getMap())) headers.set(name, String(value))
  const authorization = headers.get('authorization')
  headers.delete('authorization')
  return {
    address: call.getPeer(),
    certificate: call.getAuthContext().sslPeerCertificate?.raw,
    bearer: authorization?.startsWith('Bearer ') ? authorization.slice('Bearer '.length) : undefined,
    headers,
    encrypted,
  }
}
