// What was found in the clusters → Mesh, MeshService and MeshWorkload objects on the management cluster.
import type { ObjectRef } from '../../report/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { MeshServiceSpec, MeshSpec, MeshWorkloadSpec } from '../../resources/zephyr/index.ts'
import {
  backingWorkloads,
  type ClusterObject,
  compact,
  type Inventory,
  labelsThatDiffer,
  type Outcome,
  ownerLabel,
} from '../shared/index.ts'

const clusterLabel = 'cluster.discovery.zephyr.solo.io'

function discoveryObject(ref: ObjectRef, cluster: string, spec: object): ClusterObject {
  const { apiVersion, kind, name, namespace } = ref
  const labels = { [clusterLabel]: cluster, [ownerLabel]: 'smh' }
  const object: KubeObject = { apiVersion, kind, metadata: { name, namespace, labels }, spec }
  return { cluster: ref.cluster, object }
}

const refTo = ({ name, namespace }: ObjectRef) => ({ name, namespace })

/** The objects for everything that was found. */
export function discoveryObjects({ found }: Inventory, outcome: Outcome): ClusterObject[] {
  const meshes = found.meshes.map(({ mesh, found: { version } }) => {
    const spec: MeshSpec = {
      istio: {
        installation: { installationNamespace: mesh.namespace, version },
        citadelInfo: {
          trustDomain: mesh.trustDomain,
          citadelNamespace: mesh.namespace,
          citadelServiceAccount: mesh.serviceAccount,
        },
      },
      cluster: { name: mesh.cluster },
    }
    return discoveryObject(mesh.object, mesh.cluster, spec)
  })
  const workloads = found.workloads.map(({ workload }) => {
    const spec: MeshWorkloadSpec = {
      kubeController: {
        kubeControllerRef: workload.ref,
        labels: { ...workload.labels },
        serviceAccountName: workload.serviceAccount,
      },
      mesh: refTo(workload.mesh.object),
    }
    return discoveryObject(workload.object, workload.ref.cluster, spec)
  })
  const services = found.services.map(({ service }) => {
    const federation = outcome.federation.get(service.key)
    const clients = federation?.clients.map(({ key }) => key) ?? []
    const callers = clients.length === 0 ? [] : outcome.fleet.workloads.filter(({ mesh }) => clients.includes(mesh.key))
    const subsets = labelsThatDiffer(backingWorkloads(outcome.fleet, service), 1)
    const spec: MeshServiceSpec = compact({
      kubeService: compact({
        ref: service.ref,
        workloadSelectorLabels: { ...service.selector },
        labels: { ...service.labels },
        ports: service.ports.map(({ number, name, protocol }) =>
          compact({ port: number, ...(name !== '' && { name }), protocol }),
        ),
      }),
      mesh: refTo(service.mesh.object),
      subsets: Object.fromEntries(Object.entries(subsets).map(([label, values]) => [label, { values }])),
      ...(federation && {
        federation: compact({
          multiclusterDnsName: federation.hostname,
          federatedToWorkloads: callers.map(({ object }) => refTo(object)),
        }),
      }),
    })
    return discoveryObject(service.object, service.ref.cluster, spec)
  })
  return [...meshes, ...workloads, ...services]
}
