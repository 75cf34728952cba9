// What was found in the clusters → Mesh, Workload and Destination objects on the management cluster.
import type { ObjectRef } from '../../report/index.ts'
import type { DestinationSpec, MeshSpec, WorkloadSpec } from '../../resources/gloo/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import {
  asMap,
  backingWorkloads,
  type ClusterFacts,
  type ClusterObject,
  compact,
  type Endpoint,
  type FactService,
  type Inventory,
  labelsThatDiffer,
  type Mesh,
  type Outcome,
  ownerLabel,
  type Service,
} from '../shared/index.ts'
import { managementNamespace } from './dialect.ts'
import type { GatewayDetectors } from './gateway-detectors.ts'

function discoveryObject(
  ref: ObjectRef,
  cluster: string,
  annotations: Readonly<Record<string, string>>,
  spec: object,
): ClusterObject {
  const { apiVersion, kind, name, namespace } = ref
  const labels = {
    'cluster.discovery.mesh.gloo.solo.io': cluster,
    'owner.discovery.mesh.gloo.solo.io': managementNamespace,
    [ownerLabel]: 'gloo',
  }
  const object: KubeObject = {
    apiVersion,
    kind,
    metadata: compact({ name, namespace, labels, annotations: copied(annotations) }),
    spec,
  }
  return { cluster: ref.cluster, object }
}

/** Annotations of the source, but for what tools keep there for themselves. */
function copied(annotations: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).filter(
      ([key]) => !key.startsWith('kubectl.kubernetes.io/') && !key.startsWith('deployment.kubernetes.io/'),
    ),
  )
}

const refTo = ({ name, namespace }: ObjectRef) => ({ name, namespace })

/** The objects for everything that was found. */
export function discoveryObjects({ found }: Inventory, outcome: Outcome, detectors: GatewayDetectors): ClusterObject[] {
  const meshes = found.meshes.map(({ mesh, found: { version, annotations }, facts }) => {
    const spec: MeshSpec = compact({
      istio: compact({
        installation: compact({
          namespace: mesh.namespace,
          cluster: mesh.cluster,
          podLabels: { ...mesh.podLabels },
          version,
          ...(facts.region !== '' && { region: facts.region }),
        }),
        trustDomain: mesh.trustDomain,
        istiodServiceAccount: mesh.serviceAccount,
        ...(mesh.smartDns && { smartDnsProxyingEnabled: true }),
        ingressGateways: detectors
          .find(facts, mesh.namespace)
          .map((gateway) => ({ ...gateway, workloadLabels: { ...gateway.workloadLabels } })),
      }),
      ...(mesh.agentNamespace !== undefined && { agentInfo: { agentNamespace: mesh.agentNamespace } }),
      ...certificateStatus(facts, mesh),
    })
    return discoveryObject(mesh.object, mesh.cluster, annotations, spec)
  })
  const workloads = found.workloads.map(({ workload, controller }) => {
    const { name, namespace, cluster } = workload.ref
    const spec: WorkloadSpec = {
      kubernetes: {
        controller: { name, namespace, clusterName: cluster },
        podLabels: { ...workload.labels },
        serviceAccountName: workload.serviceAccount,
      },
      mesh: refTo(workload.mesh.object),
    }
    return discoveryObject(workload.object, cluster, controller.object.metadata.annotations ?? {}, spec)
  })
  const services = found.services.map(({ service, fact, facts }) => {
    const spec: DestinationSpec = {
      kubeService: kubeServiceOf(service, fact, facts, outcome),
      mesh: refTo(service.mesh.object),
    }
    return discoveryObject(service.object, service.ref.cluster, fact.object.metadata.annotations ?? {}, spec)
  })
  return [...meshes, ...workloads, ...services]
}

/** What the agent says of the mesh's certificate. */
function certificateStatus(
  facts: ClusterFacts,
  { object, agentNamespace }: Mesh,
): Pick<MeshSpec, 'issuedCertificateStatus'> {
  const key = `${agentNamespace ?? managementNamespace}/${object.name}`
  const status = asMap(facts.object('certificates.mesh.gloo.solo.io/IssuedCertificate', key)?.status)
  return compact({ issuedCertificateStatus: { ...status } })
}

type KubeService = NonNullable<DestinationSpec['kubeService']>

function kubeServiceOf(service: Service, fact: FactService, facts: ClusterFacts, { fleet }: Outcome): KubeService {
  const { name, namespace, cluster } = service.ref
  const subsets = labelsThatDiffer(backingWorkloads(fleet, service), 2)
  return compact({
    ref: { name, namespace, clusterName: cluster },
    workloadSelectorLabels: { ...service.selector },
    labels: { ...service.labels },
    ports: fact.ports.map((port) =>
      compact({
        port: port.number,
        ...(port.name !== '' && { name: port.name }),
        protocol: port.protocol,
        ...(port.appProtocol !== undefined && { appProtocol: port.appProtocol }),
        ...(typeof port.targetPort === 'string' && { targetPortName: port.targetPort }),
        ...(typeof port.targetPort === 'number' && { targetPortNumber: port.targetPort }),
        ...(port.nodePort !== undefined && { nodePort: port.nodePort }),
      }),
    ),
    subsets: Object.fromEntries(Object.entries(subsets).map(([label, values]) => [label, { values }])),
    ...(facts.region !== '' && { region: facts.region }),
    endpointSubsets: endpointSubsets(service.endpoints, fact),
    externalAddresses: service.externalAddresses.map((address) =>
      /^[\d.]+$|:/.test(address) ? { ip: address } : { dnsName: address },
    ),
    serviceType: service.type,
  })
}

/** Endpoints that serve the same ports stand together. */
function endpointSubsets(
  endpoints: readonly Endpoint[],
  fact: FactService,
): NonNullable<KubeService['endpointSubsets']> {
  const byPorts = Map.groupBy(endpoints, ({ ports }) => JSON.stringify([...ports]))
  return [...byPorts.values()].map((group) => ({
    endpoints: group.map(({ address, labels, locality }) => {
      const [, zone = '', subZone = ''] = locality.split('/')
      return compact({
        ipAddress: address,
        labels: { ...labels },
        subLocality: compact({ ...(zone !== '' && { zone }), ...(subZone !== '' && { subZone }) }),
      })
    }),
    ports: [...(group[0]?.ports ?? [])].map(([name, port]) => {
      const own = fact.ports.find((each) => each.name === name)
      return compact({
        port,
        name,
        protocol: own?.protocol ?? 'TCP',
        ...(own?.appProtocol !== undefined && { appProtocol: own.appProtocol }),
      })
    }),
  }))
}
