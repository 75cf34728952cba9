import { expect, test } from 'vitest'
import type { EndpointSlice, Service } from '../kinds.ts'
import { freeAddress, isInRange } from './addresses.ts'
import { type Balanced, envoyFiles, type Peer } from './envoy-config.ts'

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'gateway', namespace: 'istio-system' },
  spec: {
    type: 'LoadBalancer',
    ports: [
      { name: 'http2', port: 80 },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ],
  },
}

function slice(...conditions: { ready: boolean; serving: boolean }[]): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 's' },
    addressType: 'IPv4',
    ports: [{ name: 'http2', port: 8080 }],
    endpoints: conditions.map((c, i) => ({ addresses: [`127.1.0.${i}`], conditions: c })),
  }
}

function files(slices: EndpointSlice[], peers: Peer[] = []): ReturnType<typeof envoyFiles> {
  const one: Balanced = { service, address: '127.1.240.1', ports: new Map([[80, 10080]]), slices }
  return envoyFiles([one], peers, '/state')
}

/** Addresses that the load balancer sends to. */
function targets(slices: EndpointSlice[]): unknown[] {
  const text = JSON.stringify([...files(slices).endpoints.values()])
  return [...text.matchAll(/"address":"([\d.]+)","port_value":(\d+)/g)].map((m) => `${m[1]}:${m[2]}`)
}

test('one listener for each TCP port, on the port that can be bound', () => {
  const { names, listeners } = files([slice()])
  expect(names).toEqual(['istio-system/gateway:80'])
  expect(listeners).toMatchObject({
    resources: [
      { address: { socket_address: { address: '127.1.240.1', port_value: 10080 } }, enable_reuse_port: false },
    ],
  })
})

test('ready endpoints get the traffic; while there are none, those that still serve', () => {
  const [ready, ending, broken] = [
    { ready: true, serving: true },
    { ready: false, serving: true },
    { ready: false, serving: false },
  ]
  expect(targets([slice(ready, ending, broken)])).toEqual(['127.1.0.0:8080'])
  expect(targets([slice(broken, ending)])).toEqual(['127.1.0.1:8080'])
  expect(targets([slice(broken)])).toEqual([])
})

test('to cut one peer changes the filter chain of this peer only', () => {
  const peers = (state: Peer['state']): Peer[] => [
    { name: 'west', addresses: '127.2.0.0/16', state },
    { name: 'east', addresses: '127.3.0.0/16', state: 'open' },
  ]
  const chains = (state: Peer['state']): { name: string; filters: { name: string }[] }[] => {
    const { listeners } = files([], peers(state)) as unknown as { listeners: { resources: never[] } }
    const [first] = listeners.resources as { filter_chains: { name: string; filters: { name: string }[] }[] }[]
    return first?.filter_chains ?? []
  }
  const [open, cut] = [chains('open'), chains('silent')]
  expect(cut.map((chain) => chain.name)).toEqual(['from west', 'from east'])
  expect(cut[1]).toEqual(open[1])
  expect(cut[0]?.filters.map((f) => f.name)).toEqual(['envoy.filters.network.rbac', 'envoy.filters.network.tcp_proxy'])
})

test('a front leads to its fixed target, or nowhere', () => {
  const front = { name: 'api', address: '127.1.0.3', port: 6443, target: { address: '127.0.0.1', port: 4 } }
  const text = (state: Peer['state']): string => JSON.stringify(envoyFiles([], [], '/state', [{ ...front, state }]))
  expect(text('open')).toContain('"port_value":4')
  expect(text('open')).not.toContain('rbac')
  expect(text('silent')).toContain('rbac')
})

test('addresses are given out in order, and end', () => {
  const range = { from: '127.1.240.254', count: 4 }
  expect(isInRange(range, '127.1.241.1')).toBe(true)
  expect(isInRange(range, '127.1.241.2')).toBe(false)
  expect(freeAddress(range, new Set(['127.1.240.254']))).toBe('127.1.240.255')
  expect(freeAddress({ from: '127.1.0.1', count: 1 }, new Set(['127.1.0.1']))).toBeUndefined()
})
