import { describe, expect, it } from 'vitest'
import { checkFile } from '../../resources/index.ts'
import { switchProblems } from './switch.ts'
import { tryTimeoutProblems } from './try-timeouts.ts'

const told = (...objects: string[]): string[] =>
  tryTimeoutProblems(checkFile(objects.join('\n---\n'), '').objects.map(({ object }) => object)).map(
    ({ code, object, path }) => `${code} ${object.kind} ${path}`,
  )

const route = (retries = '{}'): string =>
  `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: shop, namespace: shop},
    spec: {hosts: [shop], http: [{route: [{destination: {host: shop}}], retries: ${retries}}]}}`
const rule = (policy: string): string =>
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: shop, namespace: shop},
    spec: {host: shop.shop.svc.cluster.local, trafficPolicy: ${policy}}}`
const failover = (spec: string): string =>
  `{apiVersion: fairlead.dev/v1alpha1, kind: Failover, metadata: {name: shop, namespace: shop}, spec: ${spec}}`
const byLocality = '{outlierDetection: {}, loadBalancer: {localityLbSetting: {enabled: true}}}'
const rungs = 'rungs: [{members: [{clusters: [east]}]}, {members: [{}]}]'

describe('lint tells what a frozen endpoint does', () => {
  it('to routes whose service fails over', () => {
    expect(told(route(), rule('{outlierDetection: {}}'))).toEqual(['no-try-timeout VirtualService spec.http[0]'])
    expect(told(route(), failover(`{hosts: [shop], ${rungs}}`))).toEqual(['no-try-timeout VirtualService spec.http[0]'])
  })

  it('to services without a route', () => {
    expect(told(rule(byLocality))).toEqual(['no-try-timeout DestinationRule spec'])
    expect(told(failover(`{hosts: [shop], ${rungs}}`))).toEqual(['no-try-timeout Failover spec.retry'])
  })

  it('but not where a timeout per try is set, or nothing is to be sent again', () => {
    expect(told(route('{attempts: 2, perTryTimeout: 1s}'), rule(byLocality))).toEqual([])
    const alone = route('{attempts: 2, retryOn: 5xx}')
    const planned = failover(`{hosts: [shop], ${rungs}, retry: {perTryTimeout: 1s}}`)
    expect(told(alone, planned)).toEqual(['no-try-timeout VirtualService spec.http[0]'])
    expect(told(route('{attempts: 0}'), rule(byLocality))).toEqual([])
    expect(told(route(), failover(`{hosts: [shop], ${rungs}, retry: {perTryTimeout: 1s}}`))).toEqual([])
  })

  it('and not where nothing fails over', () => {
    expect(told(route())).toEqual([])
    expect(told(route(), rule('{loadBalancer: {simple: RANDOM}}'))).toEqual([])
    expect(told(rule('{outlierDetection: {}}'))).toEqual([])
    const off = '{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {fairlead.dev/failover: disabled}}}'
    expect(told(route(), rule(byLocality), off)).toEqual([])
  })
})

it('tells of switches that say nothing', () => {
  const namespace = (value: string): string =>
    `{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {fairlead.dev/failover: ${value}}}}`
  const told = (value: string): string[] =>
    switchProblems(checkFile(namespace(value), '').objects.map(({ object }) => object)).map(({ path }) => path)
  expect(told('never')).toEqual(['metadata.labels[fairlead.dev/failover]'])
  expect(told('disabled')).toEqual([])
})
