// Shares of a split whose destination nobody serves.
import { describe, expect, it } from 'vitest'
import { buildProxyConfig } from '../proxy-config.ts'
import { proxyOf, worldOf } from '../test-world.ts'

const service = (name: string, label = ''): string => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop${label && `, labels: {fairlead.dev/failover: ${label}}`}}
spec: {clusterIP: 10.0.0.1, selector: {app: ${name}}, ports: [{name: http, port: 80, targetPort: 8080}]}
---`

const machine = (name: string, healthy: string, labels = ''): string => `
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: ${name}, namespace: shop, annotations: {proxy.istio.io/health-checks-enabled: 'true'}}
spec: {address: 10.1.2.3, labels: {app: ${name}${labels}}}
status: {conditions: [{type: Healthy, status: "${healthy}"}]}
---`

const split = (...shares: readonly [host: string, weight: number, subset?: string][]): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: split, namespace: shop}
spec:
  hosts: [blue.shop.svc.cluster.local]
  http:
  - route:
${shares
  .map(
    ([host, weight, subset]) =>
      `    - {destination: {host: ${host}${subset ? `, subset: ${subset}` : ''}}, weight: ${weight}}`,
  )
  .join('\n')}
---`

function sharesOf(...objects: readonly string[]): unknown {
  const { routes } = buildProxyConfig(worldOf({ east: objects.join('') }), proxyOf({ name: 'client' }))
  const [route] = routes.flatMap(({ resource }) =>
    resource.virtualHosts.filter(({ name }) => name.startsWith('blue.')).flatMap((host) => host.routes),
  )
  const target = route?.action.case === 'route' ? route.action.value.clusterSpecifier : undefined
  if (target?.case !== 'weightedClusters') return target
  return Object.fromEntries(
    target.value.clusters.map(({ name, weight }) => [name.split('|').slice(2).join(' '), weight]),
  )
}

const blue = ' blue.shop.svc.cluster.local'
const vm = ' vm.shop.svc.cluster.local'

describe('a split of requests', () => {
  const both = [service('blue'), service('vm'), split(['blue', 80], ['vm', 20])]

  it('is as said while every destination has a healthy endpoint', () => {
    expect(sharesOf(...both, machine('blue', 'True'), machine('vm', 'True'))).toEqual({ [blue]: 80, [vm]: 20 })
  })

  it('leaves out a machine that is not healthy, or gone', () => {
    expect(sharesOf(...both, machine('blue', 'True'), machine('vm', 'False'))).toEqual({ [blue]: 80 })
    expect(sharesOf(...both, machine('blue', 'True'))).toEqual({ [blue]: 80 })
  })

  it('stays as said where nobody is healthy, and where failing over is switched off', () => {
    expect(sharesOf(...both)).toEqual({ [blue]: 80, [vm]: 20 })
    const off = [service('blue'), service('vm', 'disabled'), split(['blue', 80], ['vm', 20])]
    expect(sharesOf(...off, machine('blue', 'True'))).toEqual({ [blue]: 80, [vm]: 20 })
  })

  it('stays as said for what is not there at all: to hide that would help nobody', () => {
    const typo = [service('blue'), split(['blue', 80], ['wm', 20]), machine('blue', 'True')]
    expect(sharesOf(...typo)).toEqual({ [blue]: 80, ' wm.shop.svc.cluster.local': 20 })
  })

  it('looks at the subset', () => {
    const subsets = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: blue, namespace: shop}
spec: {host: blue, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---`
    const all = [service('blue'), subsets, split(['blue', 90, 'v1'], ['blue', 10, 'v2'])]
    const [v1, v2] = ['v1', 'v2'].map((each) => `${each} blue.shop.svc.cluster.local`) as [string, string]
    expect(sharesOf(...all, machine('blue', 'True', ', version: v1'))).toEqual({ [v1]: 90 })
    expect(sharesOf(...all, machine('blue', 'False', ', version: v1'))).toEqual({ [v1]: 90, [v2]: 10 })
  })
})
