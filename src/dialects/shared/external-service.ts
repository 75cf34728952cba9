// Services outside of Kubernetes that a hand-written object makes known to a mesh.
import { resolutionOf } from './federation.ts'
import type { ExternalService } from './model.ts'
import { type ClusterObject, istioObject } from './objects.ts'
import { compact } from './plain.ts'

/** The ServiceEntry of an external service. Without endpoints its hosts are asked of DNS. */
export function externalServiceObjects(service: ExternalService): ClusterObject[] {
  const { mesh, hosts, addresses, ports, endpoints, object } = service
  if (!mesh.isIstio || hosts.length === 0) return []
  const found = endpoints.length === 0 ? { resolution: 'DNS' } : resolutionOf(endpoints.map(({ address }) => address))
  const spec = compact({
    hosts,
    addresses,
    location: 'MESH_EXTERNAL',
    ports,
    resolution: 'error' in found ? 'DNS' : found.resolution,
    endpoints: endpoints.map((endpoint) => compact({ ...endpoint })),
  })
  const place = { cluster: mesh.cluster, namespace: mesh.namespace, name: object.name }
  return [istioObject('ServiceEntry', place, { dialect: mesh.dialect, parents: [object] }, spec)]
}
