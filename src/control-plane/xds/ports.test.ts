import { once } from 'node:events'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { afterEach, expect, it } from 'vitest'
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js'
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from '#gen/security/v1alpha1/ca_pb.js'
import { AdsServer, adsPaths, type ProxyNode, typeUrls } from '../../ads/index.ts'
import {
  Authenticator,
  CertificateAuthority,
  certificatePath,
  makeRequest,
  memorySecretStore,
  ServerCertificate,
  type TokenIdentity,
} from '../../identity/index.ts'
import { Engine } from '../../pipeline/index.ts'
import type { Key } from './backend.ts'
import { ObjectTables } from './object-tables.ts'
import { openPorts, peerVerifier } from './ports.ts'
import { Rejections } from './rejections.ts'
import { XdsSource } from './source.ts'
import { TrackedWorlds } from './tracked-world.ts'
import { Views } from './views.ts'
import { XdsResource } from './xds-resource.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

const tokens: Readonly<Record<string, TokenIdentity>> = {
  'reviews-token': { namespace: 'bookinfo', serviceAccount: 'reviews' },
}

/** A control plane for cluster `east` with one Envoy cluster in it, on free ports. */
async function serve() {
  const engine = new Engine()
  const views = new Views<ProxyNode, Key, Key>(engine, new TrackedWorlds(new ObjectTables(engine)), {
    lists: (_world, _proxy, typeUrl) => (typeUrl === typeUrls.cluster ? [{ text: 'all' }] : []),
    list: () => [{ name: 'a', key: { text: 'a' } }],
    make: () => new XdsResource(typeUrls.cluster, 'a', { pieces: [Buffer.from([])], version: '1', origin: [] }),
  })
  const store = memorySecretStore()
  const authority = new CertificateAuthority({ store, now: () => Date.now() })
  await authority.setTrust('east', { trustDomain: 'cluster.local', root: { kind: 'own' } })
  const authenticator = new Authenticator(
    authority,
    async (_cluster, token) => tokens[token],
    () => Date.now(),
  )
  const certificate = await ServerCertificate.open({
    store,
    secret: { cluster: '', namespace: 'istio-system', name: 'fairlead-server' },
    timers: { now: () => Date.now(), after: () => () => undefined },
    dnsNames: ['istiod.istio-system.svc'],
    addresses: ['127.0.0.1'],
  })
  const source = new XdsSource<ProxyNode, Key, Key>({
    views,
    place: (node) => ({ primary: 'east', proxy: node }),
    authority,
    rejections: new Rejections(engine),
    waitingFor: () => [],
    hasPod: () => true,
    acknowledged: () => undefined,
    now: () => Date.now(),
    log: () => undefined,
  })
  const clusterOf = (name: string): string | undefined => (name === 'east' || name === '' ? 'east' : undefined)
  const { verify } = peerVerifier(authenticator, clusterOf)
  const ads = new AdsServer({
    source,
    verifier: {
      verify: async (peer, claim) => {
        const identity = await verify(peer, claim)
        await source.prepare({ ...claim, identity })
        return identity
      },
    },
  })
  const anywhere = { host: '127.0.0.1', port: 0 }
  const ports = await openPorts({
    ads,
    authority,
    authenticator,
    certificate,
    clusterOf,
    tls: anywhere,
    plaintext: anywhere,
  })
  stops.push(() => {
    ads.close()
    source.close()
    ports.close()
    certificate.close()
  })
  return {
    authority,
    certificate,
    ads,
    tls: `127.0.0.1:${ports.tls?.port}`,
    plaintext: `127.0.0.1:${ports.plaintext?.port}`,
  }
}

const node = (serviceAccount: string) => ({
  id: 'sidecar~10.0.0.1~reviews-1.bookinfo~bookinfo.svc.cluster.local',
  metadata: { NAMESPACE: 'bookinfo', SERVICE_ACCOUNT: serviceAccount, CLUSTER_ID: 'east' },
})

/** Asks for one type over a new stream; resolves with the resources' names, or rejects with the server's refusal. */
async function ask(
  target: string,
  channel: ChannelCredentials,
  request: { typeUrl: string; names?: string[]; as?: string; token?: string },
) {
  const client = new Client(target, channel, { 'grpc.ssl_target_name_override': 'istiod.istio-system.svc' })
  stops.push(() => client.close())
  const metadata = new Metadata()
  if (request.token) metadata.set('authorization', `Bearer ${request.token}`)
  const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(adsPaths.delta, asIs, asIs, metadata)
  const { typeUrl, names: resourceNamesSubscribe = [] } = request
  const message = create(DeltaDiscoveryRequestSchema, {
    node: node(request.as ?? 'reviews'),
    typeUrl,
    resourceNamesSubscribe,
  })
  stream.write(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, message)))
  const failed = once(stream, 'error').then(([error]) => Promise.reject(error as ServiceError))
  const [bytes] = (await Promise.race([once(stream, 'data'), failed])) as [Buffer]
  failed.catch(() => undefined)
  stream.cancel()
  return fromBinary(DeltaDiscoveryResponseSchema, bytes)
}

async function certificateFor(target: string, channel: ChannelCredentials, token: string, csr: string) {
  const client = new Client(target, channel, { 'grpc.ssl_target_name_override': 'istiod.istio-system.svc' })
  stops.push(() => client.close())
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${token}`)
  metadata.set('clusterid', 'east')
  const request = create(IstioCertificateRequestSchema, { csr, validityDuration: 3600n })
  const bytes = Buffer.from(toBinary(IstioCertificateRequestSchema, request))
  return new Promise<string[]>((resolve, reject) => {
    client.makeUnaryRequest(certificatePath, asIs, asIs, bytes, metadata, (error, response) => {
      if (error) reject(error)
      else resolve(fromBinary(IstioCertificateResponseSchema, response ?? new Uint8Array()).certChain)
    })
  })
}

const asIs = (bytes: Buffer): Buffer => bytes

it('asks nothing on the plaintext port, and gives no secrets there', async () => {
  const { plaintext } = await serve()
  const insecure = credentials.createInsecure()
  const clusters = await ask(plaintext, insecure, { typeUrl: typeUrls.cluster })
  expect(clusters.resources.map((r) => r.name)).toEqual(['a'])
  const secrets = await ask(plaintext, insecure, { typeUrl: typeUrls.secret, names: ['default', 'ROOTCA'] })
  expect(secrets.resources).toEqual([])
  expect(secrets.removedResources.sort()).toEqual(['ROOTCA', 'default'])
})

it('serves those who prove who they are, by token and then by the certificate that they get for it', async () => {
  const { tls, certificate, authority } = await serve()
  const anonymous = credentials.createSsl(Buffer.from(certificate.root))
  await expect(ask(tls, anonymous, { typeUrl: typeUrls.cluster })).rejects.toMatchObject({ code: 16 })
  await expect(ask(tls, anonymous, { typeUrl: typeUrls.cluster, token: 'stolen' })).rejects.toMatchObject({ code: 16 })
  const withToken = await ask(tls, anonymous, { typeUrl: typeUrls.cluster, token: 'reviews-token' })
  expect(withToken.resources.map((r) => r.name)).toEqual(['a'])

  const { csr, key } = await makeRequest()
  await expect(certificateFor(tls, anonymous, 'stolen', csr)).rejects.toMatchObject({ code: 16 })
  const chain = await certificateFor(tls, anonymous, 'reviews-token', csr)
  const own = Buffer.from(chain.slice(0, -1).join(''))
  const known = credentials.createSsl(Buffer.from(chain.at(-1) ?? ''), Buffer.from(key.reveal()), own)
  const secrets = await ask(tls, known, { typeUrl: typeUrls.secret, names: ['default', 'ROOTCA'] })
  const texts = secrets.resources.map((r) => {
    const { type } = fromBinary(SecretSchema, r.resource?.value ?? new Uint8Array())
    if (type.case === 'validationContext') return Buffer.from(bytesOf(type.value.trustedCa?.specifier)).toString()
    return type.case === 'tlsCertificate' ? Buffer.from(bytesOf(type.value.certificateChain?.specifier)).toString() : ''
  })
  expect(texts.some((text) => text === authority.trust('east')?.roots.join(''))).toBe(true)
  expect(texts).toHaveLength(2)
  await expect(ask(tls, known, { typeUrl: typeUrls.cluster, as: 'ratings' })).rejects.toMatchObject({ code: 7 })
})

function bytesOf(specifier: { case?: string | undefined; value?: unknown } | undefined): Uint8Array {
  return specifier?.value instanceof Uint8Array ? specifier.value : new Uint8Array()
}

it('refuses to be plaintext where others can reach it', async () => {
  const outside = { host: '0.0.0.0', port: 0 }
  const parts = { plaintext: outside, tls: undefined } as unknown as Parameters<typeof openPorts>[0]
  await expect(openPorts(parts)).rejects.toThrow('loopback only')
})
