// What the loss of a cluster means, told from files.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dial, outcomesOf, trace } from '../evaluator/index.ts'
import { meshOfFiles } from './explain-files.ts'
import { lossOf } from './loss.ts'
import { type Consequence, consequencesOf } from './what-if-rows.ts'

const settings = (network: string): string => `
apiVersion: v1
kind: Namespace
metadata: { name: istio-system, labels: { topology.istio.io/network: ${network} } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: '' }
`

function service(name: string, addresses: readonly string[]): string {
  const pods = addresses.map(
    (address, at) => `
---
apiVersion: v1
kind: Pod
metadata: { name: ${name}-${at}, namespace: shop, labels: { app: ${name}, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: ${name}, containers: [{ name: istio-proxy }] }
status: { podIP: ${address} }`,
  )
  const endpoints = addresses.map(
    (address, at) =>
      `{ addresses: [${address}], conditions: { ready: true }, targetRef: { kind: Pod, name: ${name}-${at}, namespace: shop } }`,
  )
  return `
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { clusterIP: 10.96.0.${name.length}, selector: { app: ${name} }, ports: [{ name: http, port: 80, targetPort: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-1, namespace: shop, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: http, port: 80 }]
endpoints: [${endpoints.join(', ')}]${pods.join('')}`
}

/** The way into a network. */
const gateway = (network: string, address: string, pod: string): string => `
---
apiVersion: v1
kind: Service
metadata: { name: eastwest, namespace: istio-system, labels: { topology.istio.io/network: ${network} } }
spec:
  type: LoadBalancer
  clusterIP: 10.96.9.9
  selector: { istio: eastwest }
  ports: [{ name: tls, port: 15443, targetPort: 15443 }]
status: { loadBalancer: { ingress: [{ ip: ${address} }] } }
---
apiVersion: v1
kind: Pod
metadata: { name: eastwest-0, namespace: istio-system, labels: { istio: eastwest } }
spec: { serviceAccountName: eastwest, containers: [{ name: istio-proxy, args: [proxy, router] }] }
status: { podIP: ${pod} }`

const east =
  settings('n1') +
  service('client', ['10.1.0.1']) +
  service('cart', ['10.1.0.2', '10.1.0.3']) +
  service('db', ['10.1.0.7']) +
  service('stock', [])
const west =
  settings('n2') +
  gateway('n2', '198.51.100.2', '10.2.9.1') +
  service('cart', ['10.2.0.2', '10.2.0.3', '10.2.0.4']) +
  service('stock', ['10.2.0.5'])

const folder = mkdtempSync(join(tmpdir(), 'fairlead-what-if-'))
const refuse = (message: string): never => {
  throw new Error(message)
}
const files = (): ReturnType<typeof meshOfFiles> =>
  meshOfFiles(
    { clusters: [`east=${join(folder, 'east.yaml')}`, `west=${join(folder, 'west.yaml')}`], meshConfig: undefined },
    refuse,
  )

beforeAll(() => {
  writeFileSync(join(folder, 'east.yaml'), east)
  writeFileSync(join(folder, 'west.yaml'), west)
})
afterAll(() => rmSync(folder, { recursive: true }))

async function without(cluster: string): Promise<Consequence[]> {
  const source = files()
  return consequencesOf(await source.all(), await lossOf(source, [cluster], refuse), [cluster])
}
const find = (rows: readonly Consequence[], name: string): Consequence | undefined =>
  rows.find(({ service: own }) => own === name)

describe('without a cluster', () => {
  test('what stands in several is served by the rest, gateways counted by the pods behind them', async () => {
    expect(find(await without('west'), 'cart.shop:80')).toMatchObject({
      from: 'east',
      now: { east: 0.4, west: 0.6 },
      then: { east: 1 },
      unserved: 0,
      pods: { now: 5, then: 2 },
      touched: true,
      notes: [],
    })
  })
  test('what stands only there is served by nobody, and comes first', async () => {
    const rows = await without('west')
    expect(rows[0]).toMatchObject({ service: 'stock.shop:80', then: {}, unserved: 1, pods: { now: 1, then: 0 } })
  })
  test('what stands elsewhere is not touched', async () => {
    expect(find(await without('west'), 'db.shop:80')).toMatchObject({
      touched: false,
      losesSpare: false,
      now: { east: 1 },
      then: { east: 1 },
    })
  })
  test('one request goes to what is left', async () => {
    const source = files()
    const loss = await lossOf(source, ['west'], refuse)
    const client = await source.find('client-0.shop')
    if (!client) throw new Error('no client')
    const target = {
      host: 'cart',
      port: 80,
      protocol: 'http',
      tls: false,
      path: '/',
      method: 'GET',
      headers: {},
    } as const
    const hop = await source.tracing((mesh) => trace(loss.mesh(mesh), loss.proxy(client), dial(client, target)))
    expect(outcomesOf(hop).map(({ endpoint, share }) => [endpoint, share])).toEqual([
      ['10.1.0.2:80', 0.5],
      ['10.1.0.3:80', 0.5],
    ])
    expect(loss.hasLost(client)).toBe(false)
  })
  test('a name that no cluster has is refused, with those that there are', async () => {
    await expect(lossOf(files(), ['north'], refuse)).rejects.toThrow('there are east, west')
  })
})
