import { describe, expect, test } from 'vitest'
import type { EndpointSlice, Pod, Service, ServicePort } from '../kinds.ts'
import { endpointsFor } from './legacy.ts'
import { changeSlices, type SliceChanges } from './slices.ts'

const zoneOf = (node: string): string => `zone-of-${node}`

function service(ports: ServicePort[], spec: object = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'orders', namespace: 'shop', uid: 'u', labels: { team: 'north' } },
    spec: { selector: { app: 'orders' }, ports, ...spec },
  }
}

function pod(
  name: string,
  ready: boolean,
  extra: { port?: number; annotations?: Record<string, string>; leaving?: boolean } = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'shop',
      uid: name,
      ...(extra.annotations ? { annotations: extra.annotations } : {}),
      ...(extra.leaving ? { deletionTimestamp: '2024-01-01T00:00:00Z' } : {}),
    },
    spec: {
      nodeName: 'n1',
      containers: [{ name: 'c', ports: [{ name: 'web', containerPort: extra.port ?? 8080 }] }],
    },
    status: { podIP: `127.0.1.${name.length}`, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  }
}

/** The slices after the changes, as a server would keep them. */
function applied(existing: readonly EndpointSlice[], changes: SliceChanges, names: string[]): EndpointSlice[] {
  const created = changes.create.map((slice) => ({
    ...slice,
    metadata: { ...slice.metadata, name: names.shift() ?? 'none' },
  }))
  const updated = new Map(changes.update.map((slice) => [slice.metadata.name, slice]))
  const kept = existing.filter((slice) => !changes.remove.includes(slice))
  return [...kept.map((slice) => updated.get(slice.metadata.name) ?? slice), ...created]
}

const http: ServicePort[] = [{ name: 'http', port: 80, targetPort: 'web' }]

describe('EndpointSlices of a service', () => {
  test('without pods there is one empty slice', () => {
    const { create } = changeSlices(service(http), [], [], zoneOf)
    expect(create).toHaveLength(1)
    expect(create[0]).toMatchObject({ endpoints: [], ports: [], addressType: 'IPv4' })
    expect(create[0]?.metadata.labels).toEqual({
      team: 'north',
      'kubernetes.io/service-name': 'orders',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    })
  })

  test('conditions tell readiness, serving and termination', () => {
    const pods = [pod('a', true), pod('bb', false), pod('ccc', true, { leaving: true })]
    const { create } = changeSlices(service(http), pods, [], zoneOf)
    expect(create[0]?.endpoints?.map((e) => e.conditions)).toEqual([
      { ready: true, serving: true, terminating: false },
      { ready: false, serving: false, terminating: false },
      { ready: false, serving: true, terminating: true },
    ])
    expect(create[0]?.endpoints?.[0]).toMatchObject({ nodeName: 'n1', zone: 'zone-of-n1', targetRef: { name: 'a' } })
  })

  test('pods whose port name means another number stand in a slice of their own', () => {
    const { create } = changeSlices(service(http), [pod('a', true), pod('bb', true, { port: 9090 })], [], zoneOf)
    expect(create.map((slice) => slice.ports?.[0]?.port)).toEqual([8080, 9090])
  })

  test('a shifted port is published as the one that is really open', () => {
    const shifted = pod('a', true, { port: 80, annotations: { 'fairlead.dev/port-map': '{"80":10080}' } })
    const { create } = changeSlices(service(http), [shifted], [], zoneOf)
    expect(create[0]?.ports).toEqual([{ name: 'http', port: 10080, protocol: 'TCP' }])
    expect(endpointsFor(service(http), [shifted]).subsets?.[0]?.ports?.[0]?.port).toBe(10080)
  })

  test('nothing changes when nothing changed; a new pod joins the slice that is there', () => {
    const first = changeSlices(service(http), [pod('a', true)], [], zoneOf)
    const slices = applied([], first, ['orders-x'])
    expect(changeSlices(service(http), [pod('a', true)], slices, zoneOf)).toEqual({
      create: [],
      update: [],
      remove: [],
    })
    const second = changeSlices(service(http), [pod('a', true), pod('bb', true)], slices, zoneOf)
    expect(second.create).toEqual([])
    expect(second.update.map((slice) => slice.endpoints?.length)).toEqual([2])
  })

  test('more than a hundred pods take several slices, and endpoints stay where they are', () => {
    const pods = Array.from({ length: 150 }, (_, i) => ({
      ...pod('p', true),
      metadata: { name: `p${i}`, uid: `p${i}`, namespace: 'shop' },
    }))
    const slices = applied([], changeSlices(service(http), pods, [], zoneOf), ['s1', 's2'])
    expect(slices.map((slice) => slice.endpoints?.length)).toEqual([100, 50])
    const less = changeSlices(service(http), pods.slice(1), slices, zoneOf)
    expect([less.create.length, less.update.length, less.remove.length]).toEqual([0, 1, 0])
  })

  test('the last pod leaves an empty slice behind, not none', () => {
    const slices = applied([], changeSlices(service(http), [pod('a', true)], [], zoneOf), ['s'])
    const { create, update, remove } = changeSlices(service(http), [], slices, zoneOf)
    expect([create, remove]).toEqual([[], []])
    expect(update[0]).toMatchObject({ endpoints: [], ports: [] })
  })
})
