// discovery.mesh.gloo.solo.io and multicluster.solo.io: what Gloo Mesh knows of the clusters.
import { anyObject, boolean, enumeration, list, map, object, type Static, string, uint32 } from '../dsl.ts'
import {
  appliedIngressGateways,
  bothVersions,
  clusterObjectRef,
  defineKind,
  labels,
  objectRef,
  observedGeneration,
  spec,
  v1alpha2,
} from './common.ts'

const common = { group: 'discovery.mesh.gloo.solo.io', versions: bothVersions, categories: ['gloo-mesh'] }

export const kubernetesCluster = defineKind({
  group: 'multicluster.solo.io',
  versions: [{ name: 'v1alpha1', storage: true }],
  categories: ['gloo-mesh'],
  kind: 'KubernetesCluster',
  plural: 'kubernetesclusters',
  description: 'A registered cluster. Its name is the name of the cluster everywhere.',
  spec: spec({
    secretName: string({
      description: 'Secret with the kubeconfig, in the same namespace; omitted: the name of the cluster.',
    }),
    clusterDomain: string({ description: 'DNS suffix of the cluster; omitted: cluster.local.' }),
    providerInfo: anyObject(),
  }),
  status: object({
    status: list(anyObject()),
    namespace: string(),
    policyRules: list(anyObject()),
  }),
})

const installation = object({
  namespace: string(),
  cluster: string(),
  podLabels: labels,
  version: string(),
  region: string(),
})

const ingressGatewayInfo = object({
  name: string(),
  namespace: string(),
  workloadLabels: labels,
  externalAddress: string(),
  dnsName: string(),
  ip: string(),
  externalTlsPort: uint32(),
  tlsContainerPort: uint32(),
})

const appliedRef = {
  ref: objectRef(),
  observedGeneration,
  spec: anyObject(),
} as const

export const mesh = defineKind({
  ...common,
  kind: 'Mesh',
  plural: 'meshes',
  description: "A service mesh's control plane in one cluster, found by discovery.",
  spec: spec(
    {
      istio: object({
        installation,
        trustDomain: string(),
        istiodServiceAccount: string(),
        smartDnsProxyingEnabled: boolean(),
        ingressGateways: list(ingressGatewayInfo),
        citadelInfo: object({ trustDomain: string(), citadelNamespace: string(), citadelServiceAccount: string() }),
      }),
      awsAppMesh: anyObject(),
      linkerd: anyObject(),
      consulConnect: anyObject(),
      osm: anyObject(),
      agentInfo: object({ agentNamespace: string() }),
      issuedCertificateStatus: anyObject(),
    },
    { atMostOne: [['istio', 'awsAppMesh', 'linkerd', 'consulConnect', 'osm']] },
  ),
  status: object({
    observedGeneration,
    appliedVirtualMesh: object(appliedRef),
    appliedVirtualDestinations: list(object({ ref: objectRef(), observedGeneration, errors: list(string()) })),
    appliedEastWestIngressGateways: appliedIngressGateways,
  }),
  printerColumns: [
    { name: 'Cluster', type: 'string', jsonPath: '.spec.istio.installation.cluster' },
    { name: 'VirtualMesh', type: 'string', jsonPath: '.status.appliedVirtualMesh.ref.name' },
  ],
})

export const workload = defineKind({
  ...common,
  kind: 'Workload',
  plural: 'workloads',
  shortNames: ['wkld'],
  description: 'A controller (or a virtual machine) whose pods are part of a mesh.',
  spec: spec({
    kubernetes: object({ controller: clusterObjectRef(), podLabels: labels, serviceAccountName: string() }),
    mesh: objectRef(),
    appMesh: anyObject(),
  }),
  status: object({
    observedGeneration,
    appliedAccessLogRecords: list(object({ ref: objectRef(), observedGeneration, errors: list(string()) })),
    appliedWasmDeployments: list(object({ ref: objectRef(), observedGeneration, errors: list(string()) })),
    serviceDependencies: object({
      appliedServiceDependencies: list(objectRef()),
      destinationHostnames: list(string()),
    }),
  }),
  printerColumns: [{ name: 'Mesh', type: 'string', jsonPath: '.spec.mesh.name' }],
})

const kubeService = object({
  ref: clusterObjectRef(),
  workloadSelectorLabels: labels,
  labels,
  ports: list(
    object({
      port: uint32(),
      name: string(),
      protocol: string(),
      appProtocol: string(),
      targetPortName: string(),
      targetPortNumber: uint32(),
      nodePort: uint32(),
    }),
  ),
  subsets: map(object({ values: list(string()) })),
  region: string(),
  endpointSubsets: list(
    object({
      endpoints: list(
        object({ ipAddress: string(), labels, subLocality: object({ zone: string(), subZone: string() }) }),
      ),
      ports: list(object({ port: uint32(), name: string(), protocol: string(), appProtocol: string() })),
    }),
  ),
  externalAddresses: list(object({ dnsName: string(), ip: string() })),
  serviceType: enumeration(['CLUSTER_IP', 'NODE_PORT', 'LOAD_BALANCER', 'EXTERNAL_NAME']),
})

const destinationSpec = spec(
  {
    kubeService,
    externalService: object({
      name: string(),
      hosts: list(string()),
      addresses: list(string()),
      ports: list(object({ number: uint32(), name: string(), protocol: string() })),
      endpoints: list(object({ address: string(), ports: map(uint32()) })),
    }),
    mesh: objectRef(),
  },
  { atMostOne: [['kubeService', 'externalService']] },
)

const destinationStatus = object({
  observedGeneration,
  appliedTrafficPolicies: list(object({ ...appliedRef, routes: list(string()) })),
  appliedAccessPolicies: list(object(appliedRef)),
  localFqdn: string(),
  appliedFederation: object({
    federatedHostname: string(),
    federatedToMeshes: list(objectRef()),
    flatNetwork: boolean(),
    virtualMeshRef: objectRef(),
    tcpKeepalive: anyObject(),
  }),
  requiredSubsets: list(object({ trafficPolicyRef: objectRef(), observedGeneration, trafficShift: anyObject() })),
})

const destinationColumns = [
  { name: 'Mesh', type: 'string', jsonPath: '.spec.mesh.name' },
  { name: 'Host', type: 'string', jsonPath: '.status.localFqdn' },
] as const

export const destination = defineKind({
  ...common,
  versions: [{ name: 'v1', storage: true }],
  kind: 'Destination',
  plural: 'destinations',
  shortNames: ['dest'],
  description: 'A service that is part of a mesh.',
  spec: destinationSpec,
  status: destinationStatus,
  printerColumns: destinationColumns,
})

export const trafficTarget = defineKind({
  ...common,
  versions: v1alpha2,
  kind: 'TrafficTarget',
  plural: 'traffictargets',
  description: 'A service that is part of a mesh (name of a Destination before v1).',
  spec: destinationSpec,
  status: destinationStatus,
  printerColumns: destinationColumns,
})

export type KubernetesClusterSpec = Static<typeof kubernetesCluster.spec>
export type MeshSpec = Static<typeof mesh.spec>
export type WorkloadSpec = Static<typeof workload.spec>
export type DestinationSpec = Static<typeof destinationSpec>
