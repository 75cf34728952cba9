import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { expect, it } from 'vitest'
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js'
import { AdsServer, type ResourceSource } from '../../ads/index.ts'
import { Engine } from '../../pipeline/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { Backend, Key } from './backend.ts'
import { ObjectTables } from './object-tables.ts'
import { TrackedWorlds } from './tracked-world.ts'
import { Views } from './views.ts'
import { XdsResource } from './xds-resource.ts'

const clusters = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'
const endpoints = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment'

/** Each proxy has the things of the group that its object names. */
const backend: Backend<{ name: string }, Key, Key> = {
  lists: (world, { name }) => [{ text: world.object('east', '/Secret', name)?.metadata.labels?.['group'] ?? '' }],
  list: (world, { text: group }) =>
    world.objects('east', '/ConfigMap').map(({ metadata: { name } }) => ({ name, key: { text: `${name} ${group}` } })),
  make: (world, { text }) => {
    const [name = '', group] = text.split(' ')
    const version = `${world.object('east', '/ConfigMap', name)?.metadata.labels?.['version']}-${group}`
    // Some of these are a response.
    const filler = Buffer.alloc(name.startsWith('small') ? 0 : 400_000)
    return new XdsResource(clusters, name, {
      pieces: [Buffer.from(`${name}=${version} `), filler],
      version,
      origin: [],
    })
  },
}

const object = (kind: string, name: string, labels: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, labels },
})

function setUp() {
  const engine = new Engine()
  const tables = new ObjectTables(engine)
  const views = new Views(engine, new TrackedWorlds(tables), backend)
  const source: ResourceSource = {
    connect: ({ id }, changed) => views.connect('east', { name: id }, changed),
    rejected: () => undefined,
    accepted: () => undefined,
  }
  const server = new AdsServer({ source, verifier: { verify: async () => undefined } })
  const thing = (name: string, version: string): void =>
    tables.set('east', '/ConfigMap', name, object('ConfigMap', name, { version }))
  const proxy = (name: string, group: string): void =>
    tables.set('east', '/Secret', name, object('Secret', name, { group }))
  return { engine, server, thing, proxy }
}

interface First {
  readonly typeUrl?: string
  readonly resourceNamesSubscribe?: string[]
  readonly initialResourceVersions?: Record<string, string>
  /** Messages that are taken at first. */
  readonly window?: number
}

/** A proxy that keeps what it is given, by name, and acknowledges all of it; it takes a message whenever `open` lets it. */
class Client {
  readonly has = new Map<string, string>()
  received = 0
  readonly #receiver: { message(bytes: Uint8Array): void; closed(): void }
  readonly #type: string
  #window = Number.POSITIVE_INFINITY
  #stalled: (() => void) | undefined

  constructor(server: AdsServer, id: string, { window = Number.POSITIVE_INFINITY, ...first }: First = {}) {
    this.#window = window
    this.#type = first.typeUrl ?? clusters
    this.#receiver = server.open(
      {
        peer: { address: id, certificate: undefined, bearer: undefined, headers: new Map(), encrypted: true },
        send: (message, drained) => this.#take(Buffer.concat(message), drained),
        end: () => undefined,
      },
      'delta',
    )
    this.#send({ ...first, node: { id } })
  }

  open(messages = Number.POSITIVE_INFINITY): void {
    this.#window = messages
    this.#stalled?.()
    this.#stalled = undefined
  }

  close(): void {
    this.#receiver.closed()
  }

  #take(message: Uint8Array, drained: () => void): void {
    const { resources, removedResources, nonce } = fromBinary(DeltaDiscoveryResponseSchema, message)
    for (const { name, resource } of resources)
      this.has.set(
        name,
        Buffer.from(resource?.value ?? [])
          .toString('latin1')
          .split(' ')[0] ?? '',
      )
    for (const name of removedResources) this.has.delete(name)
    this.received += resources.length
    this.#send({ responseNonce: nonce })
    this.#window--
    if (this.#window > 0) queueMicrotask(drained)
    else this.#stalled = drained
  }

  #send(request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void {
    const message = create(DeltaDiscoveryRequestSchema, { ...request, typeUrl: this.#type })
    this.#receiver.message(toBinary(DeltaDiscoveryRequestSchema, message))
  }
}

/** Lets everything that is scheduled run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 40; i++) await new Promise((resolve) => setImmediate(resolve))
}

it('gives the newest state to a proxy that sees what another one saw before', async () => {
  const { engine, server, thing, proxy } = setUp()
  thing('x', '1')
  for (const name of ['p', 'q']) proxy(name, 'A')
  engine.rebuild()
  const first = new Client(server, 'p')
  await settle()
  expect([...first.has.values()]).toEqual(['x=1-A'])
  first.close()
  thing('x', '2')
  engine.rebuild()
  const second = new Client(server, 'q')
  await settle()
  expect([...second.has.values()]).toEqual(['x=2-A'])
})

it('gives a proxy that is shown something else while it connects what it is shown, and others what they are', async () => {
  const { engine, server, thing, proxy } = setUp()
  const names = Array.from({ length: 9 }, (_, i) => `x${i}`)
  for (const name of names) thing(name, '1')
  for (const name of ['p', 'q', 'r']) proxy(name, 'A')
  engine.rebuild()
  const moving = new Client(server, 'p', { window: 1 })
  const staying = new Client(server, 'q')
  await settle()
  proxy('p', 'B')
  engine.rebuild()
  moving.open()
  await settle()
  const late = new Client(server, 'r')
  await settle()
  const all = (group: string): string[] => names.map((name) => `${name}=1-${group}`)
  expect([...moving.has.values()].sort()).toEqual(all('B'))
  expect([...staying.has.values()].sort()).toEqual(all('A'))
  expect([...late.has.values()].sort()).toEqual(all('A'))
})

it('does not send again what a proxy has from an earlier stream, though others are sent it', async () => {
  const { engine, server, thing, proxy } = setUp()
  const names = Array.from({ length: 80 }, (_, i) => `small${i}`)
  for (const name of names) thing(name, '1')
  for (const name of ['p', 'q']) proxy(name, 'A')
  engine.rebuild()
  const asked = { typeUrl: endpoints, resourceNamesSubscribe: names }
  const fresh = new Client(server, 'p', asked)
  await settle()
  expect(fresh.received).toBe(80)
  const versions = Object.fromEntries(names.map((name) => [name, name === 'small7' ? 'another' : '1-A']))
  const returning = new Client(server, 'q', { ...asked, initialResourceVersions: versions })
  await settle()
  expect([...returning.has.values()]).toEqual(['small7=1-A'])
})
