import { describe, expect, it } from 'vitest'
import { checkFile } from '../../resources/index.ts'
import { failoverProblemsTogether } from './together.ts'

const failover = (name: string, spec: string): string =>
  `{apiVersion: fairlead.dev/v1alpha1, kind: Failover, metadata: {name: ${name}, namespace: shop}, spec: ${spec}}`
const rule = (spec: string): string =>
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: dr, namespace: shop}, spec: ${spec}}`
const route = (spec: string): string =>
  `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: vs, namespace: shop}, spec: ${spec}}`

function told(...documents: string[]): string[] {
  const { objects } = checkFile(documents.join('\n---\n'), 'file.yaml')
  const problems = failoverProblemsTogether(objects.map(({ object }) => object))
  return problems.map(({ object, path, message }) => `${object.name} ${path}: ${message}`)
}

const rungs = '{hosts: [shop], rungs: [{members: [{clusters: [east]}]}]}'

describe('Failovers of the same files', () => {
  it('say nothing of clusters and services, which are elsewhere', () => {
    expect(told(failover('a', rungs))).toEqual([])
    expect(told(failover('a', '{hosts: [shop, db.example.com], rungs: [{members: [{subset: v1}]}]}'))).toEqual([])
  })

  it('may not speak for one host, however it is written', () => {
    expect(told(failover('a', rungs), failover('b', '{hosts: [shop.shop.svc.cluster.local], retry: {}}'))).toEqual([
      'b spec.hosts[0]: Failover shop/a, whose name comes first, decides over shop.shop.svc.cluster.local',
    ])
  })

  it('are told of subsets that the rule for their host lacks', () => {
    const both = [
      failover('a', '{hosts: [shop, other], rungs: [{members: [{subset: v9}]}]}'),
      rule('{host: shop, subsets: [{name: v1, labels: {v: a}}]}'),
    ]
    expect(told(...both)).toEqual([
      'a spec.rungs[0].members[0].subset: no DestinationRule for shop.shop.svc.cluster.local has a subset "v9"',
    ])
  })

  it('are told of rules that keep a rung from failing, or decide otherwise', () => {
    const outlierDetection = '{maxEjectionPercent: 10, baseEjectionTime: 60s}'
    const found = told(
      failover(
        'a',
        '{hosts: [shop], rungs: [{members: [{clusters: [east]}]}], failBack: {after: 5s}, retry: {attempts: 2}}',
      ),
      rule(
        `{host: shop, trafficPolicy: {outlierDetection: ${outlierDetection}, loadBalancer: {localityLbSetting: {enabled: true}}}}`,
      ),
      route('{hosts: [shop], http: [{route: [{destination: {host: shop}}], retries: {attempts: 0}}]}'),
    )
    expect(found.map((text) => text.slice(0, text.indexOf(':'))).sort()).toEqual([
      'a spec.failBack.after',
      'a spec.retry',
      'a spec.rungs',
      'a spec.rungs',
    ])
    expect(found.join()).toContain('lets 10 % of the endpoints of shop.shop.svc.cluster.local be ejected')
  })
})
