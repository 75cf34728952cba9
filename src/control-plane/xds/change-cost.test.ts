import { describe, expect, it } from 'vitest'
import { nodeOf } from '../../../test/bench/fleet.ts'
import type { Size } from '../../../test/bench/objects.ts'
import { changes, clusterName, Mesh } from '../../../test/bench/pipeline-mesh.ts'

// Enough services that route configurations are put together from groups of hosts.
const small: Size = { services: 80, endpoints: 480, namespaces: 4, clusters: 2, clients: 0 }

/** What is computed again by the second change of a sort; the first one also makes what there was not before. */
function computedBy(size: Size, proxiesOfEach = 1): Map<string, { recomputed: number; encoded: number }> {
  const mesh = new Mesh(size)
  mesh.measure(() => mesh.fill())
  // One service of each namespace.
  const services = mesh.services.slice(0, size.namespaces)
  mesh.connect(
    services.flatMap(({ pods }) =>
      pods.flatMap((own, i) => own.slice(0, proxiesOfEach).map((pod) => nodeOf(pod, clusterName(i), 'network-1'))),
    ),
  )
  return new Map(
    Object.entries(changes).map(([name, make]) => {
      mesh.measure(() => make(mesh, 0))
      const { recomputed, encoded } = mesh.measure(() => make(mesh, 1))
      return [name, { recomputed, encoded }]
    }),
  )
}

describe('what one change computes again', () => {
  const few = computedBy(small)

  it('does not grow with the services of the mesh', () => {
    const many = computedBy({ ...small, services: 160, endpoints: 960 })
    // It concerns all services of its namespace, which are twice as many.
    many.delete('PeerAuthentication of a namespace')
    for (const [name, cost] of many) expect.soft(cost, name).toEqual(few.get(name))
  })

  it('does not grow with the endpoints of the mesh', () => {
    expect(computedBy({ ...small, endpoints: 960 })).toEqual(few)
  })

  it('encodes for all proxies that see the same once', () => {
    const many = computedBy(small, 3)
    for (const name of ['endpoint', 'VirtualService timeout', 'DestinationRule connect timeout', 'Service added'])
      expect.soft(many.get(name)?.encoded, name).toBe(few.get(name)?.encoded)
  })
})
