import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { snapshotOf, staticWorld } from '../../discovery/index.ts'
import { groupKind, type KubeObject } from '../../resources/index.ts'
import { loweredFailovers } from './failover.ts'

const service = `
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: shop}
spec: {clusterIP: 10.0.0.1, selector: {app: shop}, ports: [{name: http, port: 80}]}
`

function lower(spec: string, more = '') {
  const failover = `{apiVersion: fairlead.dev/v1alpha1, kind: Failover, metadata: {name: shop, namespace: shop}, spec: ${spec}}`
  const objects = parseAllDocuments([service, failover, more].join('\n---\n')).flatMap(
    (document) => (document.toJS() as KubeObject | null) ?? [],
  )
  const world = staticWorld(snapshotOf(new Map([['east', objects]]), groupKind), { primary: 'east' })
  const { objects: made, problems } = world.get(loweredFailovers, undefined)
  const specOf = (kind: string): unknown => made.find((object) => object.kind === kind)?.spec
  return {
    rule: specOf('DestinationRule'),
    route: specOf('VirtualService'),
    told: problems.map(({ code, path }) => `${code} ${path}`),
  }
}

const order = (...failoverPriority: string[]) => ({
  trafficPolicy: { loadBalancer: { localityLbSetting: { enabled: true, failoverPriority } } },
})

describe('a Failover on a cluster that runs Istio', () => {
  it('becomes an order by labels', () => {
    const { rule, told } = lower(
      '{hosts: [shop], rungs: [{members: [{same: Zone}]}, {members: [{same: Region}]}, {members: [{}]}]}',
    )
    expect(rule).toMatchObject({
      host: 'shop.shop.svc.cluster.local',
      ...order('topology.kubernetes.io/region', 'topology.kubernetes.io/zone'),
    })
    expect(told).toEqual([])
  })

  it('puts one cluster before all others', () => {
    const { rule, told } = lower(
      '{hosts: [shop], rungs: [{members: [{clusters: [east]}]}, {members: [{clusters: [west]}]}]}',
    )
    expect(rule).toMatchObject(order('topology.istio.io/cluster=east'))
    expect(told).toEqual([])
  })

  it('tells what of an order is lost', () => {
    const one = (name: string): string => `{members: [{clusters: [${name}]}]}`
    const { rule, told } = lower(`{hosts: [shop], rungs: [${one('a')}, ${one('b')}, ${one('c')}]}`)
    expect(rule).toMatchObject(order('topology.istio.io/cluster=a'))
    expect(told).toEqual(['not-supported spec.rungs'])
  })

  it('becomes weights of localities', () => {
    const { rule } = lower(
      '{hosts: [shop], rungs: [{members: [{localities: [eu/*], weight: 3}, {localities: [us/*], weight: 1}]}]}',
    )
    expect(rule).toMatchObject({
      trafficPolicy: {
        loadBalancer: { localityLbSetting: { distribute: [{ from: '*', to: { 'eu/*': 75, 'us/*': 25 } }] } },
      },
    })
  })

  it('tells of weights within an order, thresholds and slow fail-back', () => {
    const { told } = lower(`{hosts: [shop], others: Never, thresholds: {spillBelowPercent: 50}, failBack: {over: 1m},
      rungs: [{members: [{clusters: [a], weight: 1}, {clusters: [b], weight: 1}]}, {members: [{}]}]}`)
    expect(told.sort()).toEqual([
      'not-supported spec.failBack.over',
      'not-supported spec.others',
      'not-supported spec.rungs[0]',
      'not-supported spec.rungs[0]',
      'not-supported spec.thresholds',
    ])
  })

  it('has its retries in a route', () => {
    const { route } = lower('{hosts: [shop], retry: {attempts: 3, perTryTimeout: 1s}}')
    expect(route).toMatchObject({
      hosts: ['shop.shop.svc.cluster.local'],
      http: [{ retries: { attempts: 3, perTryTimeout: '1s', retryRemoteLocalities: true } }],
    })
  })

  it('makes way for rules that are there, and says so', () => {
    const rule =
      '{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a, namespace: shop}, spec: {host: shop}}'
    const made = lower('{hosts: [shop], rungs: [{members: [{clusters: [east]}]}]}', rule)
    expect(made.rule).toBeUndefined()
    expect(made.told).toEqual(['conflict spec'])
  })

  it('makes nothing where it is switched off', () => {
    expect(lower('{hosts: [shop], disabled: true}')).toEqual({ rule: undefined, route: undefined, told: [] })
    const off = '{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {fairlead.dev/failover: disabled}}}'
    expect(lower('{hosts: [shop], retry: {attempts: 1}}', off).rule).toBeUndefined()
  })
})
