// Tells the control plane how a program is that no kubelet watches: over a stream of its own, with a request of Istio's type
// HealthInformation at each change, and again whenever the stream had to be opened anew.
import { readFileSync } from 'node:fs'
import { create, toBinary } from '@bufbuild/protobuf'
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js'
import { DiscoveryRequestSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js'
import { Backoff, sleep } from '../../clusters/index.ts'
import { heldCertificate, nodeId, nodeMetadata } from './bootstrap.ts'
import { controlPlaneName, type ProxyOptions } from './options.ts'

const streamPath = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources'
const healthType = 'type.googleapis.com/istio.v1.HealthInformation'
/** Any code but 0: the control plane looks whether there is an error, and at its text. */
const unavailable = 14

export class HealthReporter {
  readonly #options: ProxyOptions
  readonly #stopped = new AbortController()
  #news: { readonly problem: string | undefined } | undefined
  #stream: ClientDuplexStream<Buffer, Buffer> | undefined

  constructor(options: ProxyOptions) {
    this.#options = options
  }

  /** The program is well, or has this problem. Said to the control plane as soon as it can be reached. */
  report(problem: string | undefined): void {
    const isFirst = this.#news === undefined
    if (!isFirst && this.#news?.problem === problem) return
    this.#news = { problem }
    if (isFirst) void this.#keepOpen()
    else this.#stream?.write(this.#request())
  }

  stop(): void {
    this.#stopped.abort()
    this.#stream?.cancel()
  }

  async #keepOpen(): Promise<void> {
    const backoff = new Backoff({ firstMs: 500, maximumMs: 10_000 })
    const { signal } = this.#stopped
    while (!signal.aborted) {
      const openedAt = Date.now()
      const why = await this.#untilClosed()
      if (signal.aborted) return
      this.#options.log(`health: ${why}; trying again`)
      if (Date.now() - openedAt > 30_000) backoff.reset()
      await sleep(backoff.next(), signal)
    }
  }

  /** Opens the stream, says what there is to say, and returns why it ended. */
  #untilClosed(): Promise<string> {
    const { address, rootFile } = this.#options.xds
    const own = heldCertificate(this.#options.directory)
    if (!own) return Promise.resolve('there is no certificate yet')
    const channel = credentials.createSsl(readFileSync(rootFile), Buffer.from(own.key), Buffer.from(own.chain))
    const names = { 'grpc.ssl_target_name_override': controlPlaneName, 'grpc.default_authority': controlPlaneName }
    const client = new Client(address, channel, names)
    const same = (bytes: Buffer): Buffer => bytes
    const stream = client.makeBidiStreamRequest<Buffer, Buffer>(streamPath, same, same)
    this.#stream = stream
    stream.write(this.#request())
    return new Promise((resolve) => {
      const end = (why: string): void => {
        client.close()
        resolve(why)
      }
      stream.on('data', () => undefined)
      stream.on('error', (error) => end(error.message))
      stream.on('end', () => end('the control plane closed the stream'))
    })
  }

  #request(): Buffer {
    const options = this.#options
    const { region, zone, subzone = '' } = options.locality
    const problem = this.#news?.problem
    const request = create(DiscoveryRequestSchema, {
      typeUrl: healthType,
      node: {
        id: nodeId(options),
        // Plain data, as it would stand in the bootstrap file.
        metadata: JSON.parse(JSON.stringify(nodeMetadata(options))),
        locality: { region, zone, subZone: subzone },
      },
      ...(problem !== undefined && { errorDetail: { code: unavailable, message: problem } }),
    })
    return Buffer.from(toBinary(DiscoveryRequestSchema, request))
  }
}
