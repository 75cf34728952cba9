// What tenants of one cluster can do to each other by Istio's own objects.
import { expect, test } from 'vitest'
import { snapshotOf, staticWorld, type World } from '../discovery/index.ts'
import { groupKind, type KubeObject } from '../resources/index.ts'
import { gatewayPlan, rulesOfGateway } from './gateway/index.ts'
import { mayRule } from './tenants.ts'
import { meshRules } from './virtual-services/index.ts'

const owned = { 'a-*': 'o/a', 'b-*': 'o/b', 'a-lent': 'o/b', '*': 'o/rest' }
const object = (apiVersion: string, kind: string, namespace: string, name: string, more: object): KubeObject => ({
  apiVersion,
  kind,
  metadata: { namespace, name },
  ...more,
})
const record = (data: object): KubeObject =>
  object('v1', 'ConfigMap', 'istio-system', 'fairlead-tenants', { data: { namespaces: JSON.stringify(data) } })
const rule = (namespace: string, name: string, host: string, gateways?: string[]): KubeObject =>
  object('networking.istio.io/v1', 'VirtualService', namespace, name, {
    spec: { hosts: [host], ...(gateways && { gateways }), http: [{ route: [{ destination: { host: 'x' } }] }] },
  })
const worldOf = (...objects: KubeObject[]): World =>
  staticWorld(snapshotOf(new Map([['east', objects]]), groupKind), { primary: 'east' })

const shop = (namespace: string): string => `shop.${namespace}.svc.cluster.local`

test('a tenant rules its own calls, and calls of its own hosts', () => {
  const { '*': _rest, ...some } = owned
  const world = worldOf(record(some))
  const may = (from: string, host: string, at: string): boolean => mayRule(world, from, [host], at)
  expect(may('b-shop', shop('a-shop'), 'b-shop')).toBe(true)
  expect(may('b-shop', shop('a-shop'), 'b-other')).toBe(true)
  expect(may('b-shop', shop('a-shop'), 'a-shop')).toBe(false)
  expect(may('b-shop', shop('a-shop'), 'nobody')).toBe(false)
  expect(may('b-shop', shop('b-shop'), 'a-shop')).toBe(true)
  expect(may('b-shop', '*', 'a-shop')).toBe(false)
  expect(may('b-shop', '*.svc.cluster.local', 'a-shop')).toBe(false)
  expect(may('b-shop', 'www.example', 'a-shop')).toBe(false)
  expect(may('b-shop', 'www.example', 'istio-system')).toBe(true)
  expect(may('b-shop', '*.a-shop.svc.cluster.local', 'istio-system')).toBe(false)
  expect(may('a-lent', shop('a-shop'), 'a-shop')).toBe(false)
  expect(may('istio-system', shop('a-shop'), 'b-shop')).toBe(true)
})

test('one who owns everything else owns no namespace of the system', () => {
  const world = worldOf(record(owned))
  expect(mayRule(world, 'b-shop', ['www.example'], 'istio-system')).toBe(true)
  expect(mayRule(world, 'other', [shop('a-shop')], 'a-shop')).toBe(false)
})

test('without tenants every rule holds, and a record that is broken is none', () => {
  for (const world of [
    worldOf(),
    worldOf(object('v1', 'ConfigMap', 'istio-system', 'fairlead-tenants', { data: { namespaces: '{' } })),
  ])
    expect(mayRule(world, 'b-shop', ['*'], 'a-shop')).toBe(true)
})

test('rules of sidecars and of gateways', () => {
  const world = worldOf(
    record(owned),
    rule('b-shop', 'steal', shop('a-shop')),
    rule('a-shop', 'own', shop('a-shop')),
    rule('b-shop', 'gateway', 'www.example', ['a-shop/gw']),
  )
  const names = (namespace: string): string[] => world.get(meshRules, namespace).map(({ name }) => name)
  expect(names('a-shop')).toEqual(['own'])
  expect(names('b-shop').sort()).toEqual(['own', 'steal'])
  expect(world.get(rulesOfGateway, { gateway: 'a-shop/gw', namespace: 'a-shop' })).toEqual([])
})

test('Gateways open no ports of other tenants’ gateways', () => {
  const gateway = (namespace: string, port: number): KubeObject =>
    object('networking.istio.io/v1', 'Gateway', namespace, 'gw', {
      spec: {
        selector: { app: 'gw' },
        servers: [{ port: { number: port, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
      },
    })
  const world = worldOf(record(owned), gateway('a-shop', 80), gateway('b-shop', 81))
  const portsOf = (namespace: string): number[] =>
    world.get(gatewayPlan, { labels: { app: 'gw' }, gatewayPorts: [], namespace }).ports.map(({ port }) => port)
  expect(portsOf('a-shop')).toEqual([80])
  expect(portsOf('istio-system').sort((a, b) => a - b)).toEqual([80, 81])
})
