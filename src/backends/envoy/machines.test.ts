// Machines outside of clusters: known by what their WorkloadEntries say, and found where proxies are told that they are.
import { toJsonString } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { extensionTypes } from './index.ts'
import { buildProxyConfig } from './proxy-config.ts'
import { proxyOf, worldOf } from './test-world.ts'

const objects = `
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: vms}
spec: {clusterIP: 10.0.0.1, selector: {app: shop}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: shop-1, namespace: vms}
spec: {address: 192.168.68.114, network: net, serviceAccount: shop, labels: {app: shop, version: canary}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: canary, namespace: vms}
spec: {selector: {matchLabels: {version: canary}}, action: DENY, rules: [{}]}
`
const machines = { '192.168.68.114': { address: '127.16.241.1', ports: { '8080': 18_080 } } }
const loopback = { FAIRLEAD_DATA_PATH: 'loopback' }

const world = worldOf({ east: objects })

function endpointsOf(metadata: object): unknown {
  const config = buildProxyConfig(world, proxyOf({ name: 'client', metadata }))
  const found = config.endpoints.find(
    ({ resource }) => resource.clusterName === 'outbound|80||shop.vms.svc.cluster.local',
  )
  return found?.resource.endpoints[0]?.lbEndpoints[0]?.hostIdentifier
}

const socket = (address: string, port: number) => ({
  value: { address: { address: { value: { address, portSpecifier: { value: port } } } } },
})

describe('endpoints on machines', () => {
  it('are where their entries say', () => {
    expect(endpointsOf({})).toMatchObject(socket('192.168.68.114', 8080))
  })

  it('are where the proxy is told that it finds them', () => {
    expect(endpointsOf({ ...loopback, FAIRLEAD_MACHINES: machines })).toMatchObject(socket('127.16.241.1', 18_080))
    expect(endpointsOf({ ...loopback, FAIRLEAD_MACHINES: JSON.stringify(machines) })).toMatchObject(
      socket('127.16.241.1', 18_080),
    )
  })
})

describe('the proxy of a machine', () => {
  const inbound = [{ port: 8080, bind: '127.16.241.1:18080', app: '127.80.241.1:18080' }]
  const machine = (more: object = {}) =>
    buildProxyConfig(
      world,
      proxyOf({
        name: 'vm1',
        namespace: 'vms',
        serviceAccount: 'shop',
        ips: ['192.168.68.114'],
        metadata: { ...loopback, FAIRLEAD_MACHINES: machines, FAIRLEAD_INBOUND_PORTS: inbound },
        ...more,
      }),
    )

  it('listens where it is, not where the mesh knows it', () => {
    const bound = machine().listeners.flatMap(({ resource }) =>
      resource.address ? [JSON.stringify(resource.address)] : [],
    )
    expect(bound.length).toBeGreaterThan(0)
    expect(bound.filter((text) => text.includes('192.168'))).toEqual([])
  })

  it('has the labels of its entry, so policies find it', () => {
    expect(isGuarded(machine())).toBe(true)
    expect(isGuarded(machine({ serviceAccount: 'other' }))).toBe(false)
  })
})

/** Whether some listener decides by an AuthorizationPolicy. */
function isGuarded({ listeners }: ReturnType<typeof buildProxyConfig>): boolean {
  const texts = listeners.map(({ resource }) => toJsonString(ListenerSchema, resource, { registry: extensionTypes }))
  return texts.some((text) => text.includes('envoy.filters.http.rbac'))
}
