// `fairlead explain` on files: its words, its data, its exit codes.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'fairlead-explain-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = join(folder, 'east.yaml')
const pod = (name: string, address: string, more = ''): string => `
---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: { app: ${name}, security.istio.io/tlsMode: istio } }
spec: { serviceAccountName: ${name}, containers: [{ name: istio-proxy${more} }] }
status: { podIP: ${address} }`
const service = (name: string, port: number, target: number): string => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { clusterIP: 10.96.0.${port % 200}, selector: { app: ${name} }, ports: [{ name: http, port: ${port}, targetPort: ${target} }] }`
writeFileSync(
  file,
  `${pod('client', '10.1.0.1')}${pod('cart', '10.1.0.2')}${pod('edge', '10.1.0.3', ', args: [proxy, router]')}
${service('cart', 7070, 7070)}${service('edge', 80, 8080)}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: cart-1, namespace: shop, labels: { kubernetes.io/service-name: cart } }
addressType: IPv4
ports: [{ name: http, port: 7070 }]
endpoints: [{ addresses: [10.1.0.2], targetRef: { kind: Pod, name: cart, namespace: shop } }]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec: { selector: { app: edge }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge, namespace: shop }
spec: { hosts: [shop.example], gateways: [edge], http: [{ rewrite: { uri: /v2 }, route: [{ destination: { host: cart } }] }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: readers, namespace: shop }
spec: { selector: { matchLabels: { app: cart } }, rules: [{ to: [{ operation: { methods: [GET] } }] }] }
`,
)

function explain(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const bin = join(import.meta.dirname, '../../../bin/fairlead.mjs')
  return spawnSync(process.execPath, [bin, 'explain', ...args, '--cluster', `east=${file}`], { encoding: 'utf8' })
}

// Each call starts a program, which takes its time on a busy machine.
describe('fairlead explain', { timeout: 120_000 }, () => {
  test('tells each hop and the object behind each step', () => {
    const { stdout, status } = explain('client.shop', 'delete', 'http://cart:7070/items')
    expect(status).toBe(0)
    expect(stdout).toContain('as DELETE cart:7070/items')
    expect(stdout).toContain('caller       spiffe://cluster.local/ns/shop/sa/client')
    expect(stdout).toContain('ALLOW: DENIED, no ALLOW rule matches')
    expect(stdout).toMatch(/100 % {2}403 by east\/cart\.shop: an authorization policy denies it/)
  })

  test('finds where gateways are entered, by the Service before them', () => {
    const { stdout } = explain('edge.shop', 'GET', 'http://shop.example/x?y=1')
    expect(stdout).toContain('arrives      10.1.0.3:8080, plaintext')
    expect(stdout).toContain('from         VirtualService shop/edge')
    expect(stdout).toContain('100 %  reaches 10.1.0.2:7070 as GET shop.example/v2x?y=1')
  })

  test('gives data to programs', () => {
    const { stdout } = explain('client.shop', 'GET', 'http://cart:7070/', '-o', 'json')
    const data = JSON.parse(stdout) as { outcomes: { kind: string; endpoint: string }[] }
    expect(data.outcomes).toMatchObject([{ kind: 'reached', endpoint: '10.1.0.2:7070', share: 1 }])
  })

  test('exits with 1 for an unknown proxy, with 2 for wrong usage', () => {
    expect(explain('nobody.shop', 'GET', 'http://cart/')).toMatchObject({ status: 1 })
    expect(explain('client.shop', 'GET', 'cart')).toMatchObject({ status: 2 })
    expect(explain('client.shop', 'GET', 'ftp://cart/')).toMatchObject({ status: 2 })
    expect(explain('cart.shop', 'GET', 'http://cart/', '--at', 'nowhere')).toMatchObject({ status: 2 })
  })
})
