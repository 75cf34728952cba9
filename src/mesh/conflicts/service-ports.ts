import { kinds, kubernetesService, type Service, textQuery, worldQuery } from '../../discovery/index.ts'
import { compareText, sameStructure } from '../../lib/index.ts'
import type { Problem } from '../../report/index.ts'
import { objectKey } from '../../resources/index.ts'

/**
 * Ports of a Service that clusters of one mesh have differently. The first cluster decides what the ports are, and
 * endpoints join them by name (`BuildClusterLoadAssignment` of istiod's xds/endpoints): those behind a port that is
 * called otherwise elsewhere serve nobody, which istiod does not say.
 */
export const portConflicts = worldQuery(
  'mesh/port-conflicts',
  (world): readonly Problem[] => {
    const [, ...others] = world.clusters()
    const keys = new Set(others.flatMap((cluster) => world.objects(cluster, kinds.service).map(objectKey)))
    return [...keys].sort(compareText).flatMap((key) => world.get(portConflictsOf, key))
  },
  { equals: sameStructure },
)

/** Key: `namespace/name` of the Service. */
const portConflictsOf = textQuery(
  'mesh/port-conflicts-of-service',
  (world, key): readonly Problem[] => {
    const found = world.clusters().flatMap((cluster) => {
      const service = world.get(kubernetesService, { cluster, key })
      return service ? [{ cluster, service }] : []
    })
    const [first, ...others] = found
    if (!first || first.service.external) return []
    return others.flatMap(({ cluster, service }) => differences(first.service, service, first.cluster, cluster))
  },
  { equals: sameStructure },
)

function differences(first: Service, other: Service, where: string, cluster: string): Problem[] {
  const [object] = other.origin
  if (!object || other.external) return []
  const warning = (path: string, message: string): Problem => ({
    code: 'conflict',
    severity: 'warning',
    object,
    path,
    message,
  })
  const ports = first.ports.map(({ name, number }) => `${name || 'unnamed'} (${number})`).join(', ')
  return other.ports.flatMap(({ name, number, protocol }, at) => {
    const same = first.ports.find((port) => port.name === name)
    const path = `spec.ports[${at}]`
    if (!same)
      return [
        warning(
          `${path}.name`,
          `no port of this Service has this name in ${where}, which decides for callers there: it has ${ports}; nobody there is sent to the endpoints of ${cluster}`,
        ),
      ]
    if (same.number !== number)
      return [
        warning(
          `${path}.port`,
          `is ${number} in ${cluster} and ${same.number} in ${where}, which decides for callers there`,
        ),
      ]
    if (same.protocol !== protocol)
      return [
        warning(path, `is ${protocol} in ${cluster} and ${same.protocol} in ${where}, which decides for callers there`),
      ]
    return []
  })
}
