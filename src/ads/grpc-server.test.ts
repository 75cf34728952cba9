import { once } from 'node:events'
import { connect } from 'node:http2'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js'
import { afterEach, expect, it } from 'vitest'
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js'
import { GrpcServer } from './grpc-server.ts'
import { InMemorySource } from './in-memory.ts'
import { AdsServer } from './server.ts'
import { adsMethods, adsPaths } from './service.ts'
import { StreamError, statusCodes } from './transport.ts'
import { typeUrls } from './types.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** Serves a source on a free loopback port, and opens one delta stream to it. */
async function open(source: InMemorySource, verify: () => Promise<string | undefined>) {
  const ads = new AdsServer({ source, verifier: { verify } })
  const grpc = new GrpcServer({ streaming: adsMethods(ads), unary: new Map() }, undefined)
  const port = await grpc.listen('127.0.0.1', 0)
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  stops.push(
    () => client.close(),
    () => grpc.close(),
  )
  const asIs = (bytes: Buffer): Buffer => bytes
  const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(adsPaths.delta, asIs, asIs)
  const send = (typeUrl: string): void => {
    const request = create(DeltaDiscoveryRequestSchema, { node: { id: 'sidecar~10.0.0.1~a.b~b.svc' }, typeUrl })
    stream.write(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request)))
  }
  return { ads, stream, send }
}

it('serves discovery over gRPC', async () => {
  const source = new InMemorySource()
  source.set(typeUrls.cluster, { a: '1' })
  const { ads, stream, send } = await open(source, async () => undefined)
  const next = () =>
    new Promise<string[]>((resolve) => {
      stream.once('data', (bytes: Buffer) =>
        resolve(fromBinary(DeltaDiscoveryResponseSchema, bytes).resources.map((r) => `${r.name} ${r.version}`)),
      )
    })
  const first = next()
  send(typeUrls.cluster)
  expect(await first).toEqual(['a 1'])
  const second = next()
  source.set(typeUrls.cluster, { a: '2' })
  expect(await second).toEqual(['a 2'])
  expect(ads.status().map((s) => s.node.id)).toEqual(['sidecar~10.0.0.1~a.b~b.svc'])

  stream.on('error', () => undefined)
  const gone = new Promise<void>((resolve) => void stream.once('status', () => resolve()))
  stream.cancel()
  await gone
  await expect.poll(() => source.connected).toBe(0)
})

it('tells a refused peer why', async () => {
  const refuse = () => Promise.reject(new StreamError(statusCodes.permissionDenied, 'not your node'))
  const { stream, send } = await open(new InMemorySource(), refuse)
  const ended = new Promise<{ code: number; details: string }>((resolve) => {
    stream.on('error', (error) => resolve(error as Error & { code: number; details: string }))
  })
  send(typeUrls.cluster)
  expect(await ended).toMatchObject({ code: statusCodes.permissionDenied, details: 'not your node' })
})

it('has a peer that is not known shake hands anew', async () => {
  const source = new InMemorySource()
  source.set(typeUrls.cluster, { a: '1' })
  const refuse = () => Promise.reject(new StreamError(statusCodes.unauthenticated, 'who are you?'))
  const ads = new AdsServer({ source, verifier: { verify: refuse } })
  const grpc = new GrpcServer({ streaming: adsMethods(ads), unary: new Map() }, undefined)
  const session = connect(`http://127.0.0.1:${await grpc.listen('127.0.0.1', 0)}`)
  stops.push(
    () => session.destroy(),
    () => grpc.close(),
  )
  const headers = { ':method': 'POST', ':path': adsPaths.delta, 'content-type': 'application/grpc' }
  const stream = session.request(headers)
  const request = create(DeltaDiscoveryRequestSchema, { node: { id: 'sidecar~10.0.0.1~a.b~b.svc' } })
  const bytes = toBinary(DeltaDiscoveryRequestSchema, request)
  stream.write(Buffer.concat([Buffer.from([0, 0, 0, 0, bytes.length]), bytes]))
  const closed = once(session, 'close')
  const [answer] = (await once(stream, 'response')) as [Record<string, string>]
  expect(answer['grpc-status']).toBe('16')
  stream.resume()
  await closed
  expect(session.closed).toBe(true)
})
