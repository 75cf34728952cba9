import { toJson } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { snapshotOf, staticWorld } from '../../../discovery/index.ts'
import { proxyOfDescription } from '../../../mesh/index.ts'
import { groupKind, readObjects } from '../../../resources/index.ts'
import { extensionTypes } from '../registry.ts'
import { inboundListeners } from './inbound.ts'

const service = `{apiVersion: v1, kind: Service, metadata: {name: front, namespace: shop}, spec: {clusterIP: 10.5.0.1, selector: {app: front},
  ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-db, port: 3306}, {name: what, port: 90}]}}`
const mode = (spec: string): string =>
  `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: p, namespace: shop}, spec: ${spec}}`
const sidecar = (spec: string): string =>
  `{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: s, namespace: shop}, spec: ${spec}}`

function listenersOf(objects: string[], proxy: object = {}): Listener[] {
  const { objects: read, problems } = readObjects(objects.join('\n---\n'), 'f.yaml')
  expect(problems).toEqual([])
  const snapshot = snapshotOf(new Map([['c', read.map(({ object }) => object)]]), groupKind)
  const described = { namespace: 'shop', labels: { app: 'front' }, ips: ['10.1.1.1'], ...proxy }
  const found = inboundListeners(staticWorld(snapshot, { primary: 'c' }), proxyOfDescription(described, 'c'))
  return found.listeners.map(({ resource }) => resource)
}

/** `name port transport alpn… → last filter [tls]` of each chain. */
function chains(listener: Listener | undefined): string[] {
  return (listener?.filterChains ?? []).map(({ name, filterChainMatch: match, filters, transportSocket }) => {
    const last = filters.at(-1)?.name.split('.').at(-1)
    const port = match?.destinationPort ?? '*'
    const alpn = match?.applicationProtocols.join(',') ?? ''
    return [name, port, match?.transportProtocol, alpn, last, transportSocket ? 'ends-tls' : ''].join(' ').trim()
  })
}

describe('chains', () => {
  const short = (listener: Listener | undefined): string[] => chains(listener).filter((c) => !c.startsWith('virtual'))
  const mesh = 'istio,istio-peer-exchange,istio-http/1.0,istio-http/1.1,istio-h2'
  const meshHttp = 'istio-http/1.0,istio-http/1.1,istio-h2'

  it('follow protocol and mode', () => {
    expect(short(listenersOf([service, mode('{mtls: {mode: STRICT}}')])[0])).toEqual([
      `0.0.0.0_90 90 tls ${meshHttp} http_connection_manager ends-tls`,
      '0.0.0.0_90 90 tls  tcp_proxy ends-tls',
      '0.0.0.0_3306 3306 tls  tcp_proxy ends-tls',
      '0.0.0.0_8080 8080 tls  http_connection_manager ends-tls',
    ])
    expect(short(listenersOf([service])[0])).toEqual([
      `0.0.0.0_90 90 tls ${meshHttp} http_connection_manager ends-tls`,
      '0.0.0.0_90 90 raw_buffer http/1.1,h2c http_connection_manager',
      '0.0.0.0_90 90 tls istio-peer-exchange,istio tcp_proxy ends-tls',
      '0.0.0.0_90 90 raw_buffer  tcp_proxy',
      '0.0.0.0_90 90 tls  tcp_proxy',
      `0.0.0.0_3306 3306 tls ${mesh} tcp_proxy ends-tls`,
      '0.0.0.0_3306 3306 tls  tcp_proxy',
      '0.0.0.0_3306 3306 raw_buffer  tcp_proxy',
      `0.0.0.0_8080 8080 tls ${mesh} http_connection_manager ends-tls`,
      '0.0.0.0_8080 8080 raw_buffer  http_connection_manager',
    ])
  })

  it('let through, by the mode of their port, what nobody declared', () => {
    const spec =
      '{selector: {matchLabels: {app: front}}, mtls: {mode: DISABLE}, portLevelMtls: {7: {mode: STRICT}, 8080: {mode: STRICT}}}'
    expect(chains(listenersOf([service, mode(spec)])[0]).filter((c) => c.startsWith('virtual'))).toEqual([
      'virtualInbound-blackhole 15006   tcp_proxy',
      'virtualInbound-catchall-http * raw_buffer http/1.1,h2c http_connection_manager',
      'virtualInbound * raw_buffer  tcp_proxy',
      `virtualInbound-catchall-http 7 tls ${meshHttp} http_connection_manager ends-tls`,
      'virtualInbound 7 tls  tcp_proxy ends-tls',
    ])
  })

  it('look only into bytes that decide something', () => {
    const [listener] = listenersOf([service, mode('{mtls: {mode: DISABLE}}')])
    if (listener === undefined) throw new Error('no listener')
    const { listenerFilters } = toJson(ListenerSchema, listener, { registry: extensionTypes }) as {
      listenerFilters: { name: string; filterDisabled?: unknown }[]
    }
    expect(listenerFilters.map(({ name, filterDisabled }) => [name.split('.').at(-1), filterDisabled])).toEqual([
      ['original_dst', undefined],
      [
        'http_inspector',
        {
          orMatch: {
            rules: [3306, 8080, 15006].map((port) => ({ destinationPortRange: { start: port, end: port + 1 } })),
          },
        },
      ],
    ])
  })
})

describe('Sidecar ingress', () => {
  const ports = (tls: string): string =>
    sidecar(
      `{ingress: [{port: {number: 9443, protocol: HTTPS, name: s}, defaultEndpoint: "0.0.0.0:9443", tls: ${tls}}]}`,
    )

  it('ends TLS itself where mutual TLS is off', () => {
    const tls = '{mode: SIMPLE, privateKey: /k, serverCertificate: /c}'
    expect(chains(listenersOf([service, ports(tls), mode('{mtls: {mode: DISABLE}}')])[0]).slice(-1)).toEqual([
      '10.1.1.1_9443 9443 tls  http_connection_manager ends-tls',
    ])
  })

  it('has sockets of its own without capture', () => {
    const text = sidecar(
      '{ingress: [{port: {number: 80, protocol: HTTP, name: h}, bind: 10.9.9.9, captureMode: NONE}]}',
    )
    const names = (metadata: object): string[] => listenersOf([service, text], { metadata }).map(({ name }) => name)
    expect(names({})).toEqual(['virtualInbound', '10.9.9.9_80'])
    expect(names({ INTERCEPTION_MODE: 'NONE' })).toEqual(['10.9.9.9_80'])
  })
})

describe('the loopback data path', () => {
  const metadata = {
    FAIRLEAD_DATA_PATH: 'loopback',
    FAIRLEAD_INBOUND_PORTS: [
      { port: 8080, bind: '127.1.1.1:8080', app: '127.80.1.1:8080' },
      { port: 81, bind: '127.1.1.1:10081', app: '127.80.1.1:10081' },
    ],
  }
  it('listens at the ports of the pod', () => {
    const [listener] = listenersOf([service], { ips: ['127.1.1.1'], metadata })
    const at = [listener?.address, ...(listener?.additionalAddresses ?? []).map(({ address }) => address)].map(
      (each) =>
        each?.address.case === 'socketAddress'
          ? `${each.address.value.address}:${each.address.value.portSpecifier.value}`
          : '',
    )
    expect(at).toEqual(['127.1.1.1:15006', '127.1.1.1:8080', '127.1.1.1:10081'])
    expect(new Set(chains(listener).map((c) => c.split(' ').slice(0, 2).join(' ')))).toEqual(
      new Set(['virtualInbound-blackhole 15006', '0.0.0.0_81 10081', '0.0.0.0_8080 8080']),
    )
    expect(listener?.enableReusePort).toBe(false)
  })
})
