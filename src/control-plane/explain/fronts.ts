// Services as doors to proxies: at which addresses and ports the gateways of a mesh are reached.
import { kinds, type PodObject, type ServiceObject, selects, type World } from '../../discovery/index.ts'
import type { Engine, Query, Table } from '../../pipeline/index.ts'
import type { ClusterRow } from '../cluster-rows.ts'
import type { TrackedWorlds } from '../xds/index.ts'

/** A connection to `address:port` may come to the pod with that address, at `targetPort`. */
export interface Front {
  readonly cluster: string
  readonly address: string
  readonly port: number
  readonly podAddress: string
  readonly targetPort: number
}

/** The fronts of all Services of a cluster that have an address and select pods. */
export function frontsOf(world: World, cluster: string): Front[] {
  const pods = world.objects(cluster, kinds.pod) as readonly PodObject[]
  return (world.objects(cluster, kinds.service) as readonly ServiceObject[]).flatMap((service) => {
    const { selector = {}, clusterIP, externalIPs = [], ports = [] } = service.spec ?? {}
    if (Object.keys(selector).length === 0) return []
    const assigned = (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? [])
    const addresses = [...assigned, ...externalIPs, ...(clusterIP && clusterIP !== 'None' ? [clusterIP] : [])]
    return pods
      .filter(({ metadata }) => metadata.namespace === service.metadata.namespace && selects(selector, metadata.labels))
      .flatMap((pod) =>
        ports.flatMap(({ port = 0, targetPort = port }) => {
          const podAddress = pod.status?.podIP
          const target = typeof targetPort === 'number' ? targetPort : namedPort(pod, targetPort)
          if (podAddress === undefined || target === undefined) return []
          return addresses.map((address) => ({ cluster, address, port, podAddress, targetPort: target }))
        }),
      )
  })
}

function namedPort({ spec }: PodObject, name: string): number | undefined {
  return (spec?.containers ?? []).flatMap(({ ports }) => ports ?? []).find((port) => port.name === name)?.containerPort
}

/** The fronts of all clusters. */
export function defineFronts(
  engine: Engine,
  worlds: TrackedWorlds,
  clusters: Table<ClusterRow>,
): Query<string, readonly Front[]> {
  return engine.define<string, readonly Front[]>('explain/fronts', (read) =>
    read
      .all(clusters)
      .filter(({ isKnown }) => isKnown)
      .flatMap(({ name }) => frontsOf(worlds.world(read, name), name)),
  )
}
