import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { snapshotOf, staticWorld, type World } from '../../discovery/index.ts'
import { groupKind, type KubeObject } from '../../resources/index.ts'
import { gatewayPlan } from '../gateway/index.ts'
import { virtualRule } from '../virtual-services/index.ts'

function worldOf(text: string): World {
  const objects = parseAllDocuments(text).map((document) => document.toJS() as KubeObject)
  return staticWorld(snapshotOf(new Map([['east', objects]]), groupKind), { primary: 'east' })
}

const ingress = (name: string, spec: string, className = 'istio'): string => `
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ${name}, namespace: shop, annotations: {kubernetes.io/ingress.class: ${className}}}
spec: ${spec}
`
const path = (text: string, service: string): string =>
  `{path: ${text}, pathType: Prefix, backend: {service: {name: ${service}, port: {number: 80}}}}`

test('paths of all Ingresses for a host are one rule, the longest first', () => {
  const world = worldOf(
    ingress('a', `{rules: [{host: x.example, http: {paths: [${path('/', 'root')}]}}]}`) +
      ingress('b', `{rules: [{host: x.example, http: {paths: [${path('/cart', 'cart')}]}}]}`) +
      ingress('c', `{rules: [{host: x.example, http: {paths: [${path('/other', 'other')}]}}]}`, 'nginx'),
  )
  const rule = world.get(virtualRule, 'ingress:x.example')
  expect(rule?.http.map(({ match, route }) => [match?.[0]?.uri?.prefix, route?.[0]?.destination.host])).toEqual([
    ['/cart', 'cart.shop.svc.cluster.local'],
    ['/', 'root.shop.svc.cluster.local'],
  ])
})

test('hosts with a certificate are served on 443, everything on 80', () => {
  const world = worldOf(
    ingress(
      'a',
      `{tls: [{hosts: [x.example], secretName: cert}], defaultBackend: {service: {name: s, port: {number: 80}}}}`,
    ),
  )
  const { ports } = world.get(gatewayPlan, { labels: { istio: 'ingressgateway' }, gatewayPorts: [] })
  expect(ports.map(({ port, servers }) => [port, servers[0]?.hosts.map(({ host }) => host)])).toEqual([
    [443, ['x.example']],
    [80, ['*']],
  ])
  expect(world.get(virtualRule, 'ingress:*')?.http).toHaveLength(1)
})
