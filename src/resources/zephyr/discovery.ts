// discovery.zephyr.solo.io: what Service Mesh Hub knows of the clusters.
import { anyObject, defineKind, list, map, object, type Static, string, uint32 } from '../dsl.ts'
import { computedStatus, labels, resourceRef, spec, versions } from './common.ts'

const group = 'discovery.zephyr.solo.io'
const common = { group, versions, shortNames: [], categories: ['service-mesh-hub'] }

export const kubernetesCluster = defineKind({
  ...common,
  kind: 'KubernetesCluster',
  plural: 'kubernetesclusters',
  description: 'A registered cluster. Its name is the name of the cluster everywhere.',
  spec: spec({
    secretRef: object({ name: string(), namespace: string() }, { description: 'Secret with the kubeconfig.' }),
    context: string({ description: 'Context of the kubeconfig; omitted: the current one.' }),
    version: string(),
    cloud: string(),
    writeNamespace: string({ description: 'Namespace of the agent on the cluster.' }),
  }),
  status: object({}),
  subresources: {},
})

const istio = object({
  installation: object({ installationNamespace: string(), version: string() }),
  citadelInfo: object({ trustDomain: string(), citadelNamespace: string(), citadelServiceAccount: string() }),
})
const installation = object({ installationNamespace: string(), version: string() })

export const mesh = defineKind({
  ...common,
  kind: 'Mesh',
  plural: 'meshes',
  description: "A service mesh's control plane in one cluster, found by discovery.",
  spec: spec(
    {
      istio,
      istio15: istio,
      istio16: istio,
      awsAppMesh: object({ name: string(), region: string(), awsAccountId: string(), clusters: list(string()) }),
      linkerd: object({ installation, clusterDomain: string() }),
      consulConnect: object({ installation }),
      cluster: resourceRef(),
    },
    { atMostOne: [['istio', 'istio15', 'istio16', 'awsAppMesh', 'linkerd', 'consulConnect']] },
  ),
  status: object({}),
  printerColumns: [
    { name: 'Cluster', type: 'string', jsonPath: '.spec.cluster.name' },
    { name: 'Version', type: 'string', jsonPath: '.spec.istio.installation.version' },
  ],
})

export const meshService = defineKind({
  ...common,
  kind: 'MeshService',
  plural: 'meshservices',
  description: 'A service of a mesh, found by discovery.',
  spec: spec({
    kubeService: object({
      ref: resourceRef(),
      workloadSelectorLabels: labels,
      labels,
      ports: list(object({ port: uint32(), name: string(), protocol: string() })),
    }),
    mesh: resourceRef(),
    subsets: map(object({ values: list(string()) }), { description: 'Pod labels and the values that they have.' }),
    federation: object({
      multiclusterDnsName: string({ description: 'Name by which other meshes call the service.' }),
      federatedToWorkloads: list(resourceRef()),
    }),
  }),
  status: object({
    federationStatus: computedStatus,
    validatedTrafficPolicies: list(object({ ref: resourceRef(), trafficPolicySpec: anyObject() })),
  }),
  printerColumns: [
    { name: 'Mesh', type: 'string', jsonPath: '.spec.mesh.name' },
    { name: 'Host', type: 'string', jsonPath: '.spec.federation.multiclusterDnsName' },
  ],
})

export const meshWorkload = defineKind({
  ...common,
  kind: 'MeshWorkload',
  plural: 'meshworkloads',
  description: 'A controller whose pods are part of a mesh, found by discovery.',
  spec: spec({
    kubeController: object({ kubeControllerRef: resourceRef(), labels, serviceAccountName: string() }),
    appmesh: object({ virtualNodeName: string() }),
    mesh: resourceRef(),
  }),
  status: object({}),
  printerColumns: [{ name: 'Mesh', type: 'string', jsonPath: '.spec.mesh.name' }],
})

export type KubernetesClusterSpec = Static<typeof kubernetesCluster.spec>
export type MeshSpec = Static<typeof mesh.spec>
export type MeshServiceSpec = Static<typeof meshService.spec>
export type MeshWorkloadSpec = Static<typeof meshWorkload.spec>
