// KubernetesCluster, Mesh, MeshService and MeshWorkload of Service Mesh Hub → the model.
import { type KubeObject, objectsOf, readKind, refOf } from '../../resources/index.ts'
import { mesh as meshKind, meshService, meshWorkload } from '../../resources/zephyr/index.ts'
import {
  type Dialect,
  type FindMesh,
  type Inventory,
  type InventoryNames,
  isOwn,
  type Mesh,
  objectName,
  type ReadContext,
  type Service,
  serviceKey,
  takeInventory,
  type Workload,
} from '../shared/index.ts'
import { managementNamespace } from './dialect.ts'

const group = 'discovery.zephyr.solo.io'
const apiVersion = `${group}/v1alpha1`
const clusterDomain = 'cluster.local'

/** Names of the registered clusters, in order. */
export function registeredClusters({ snapshot, management }: ReadContext): string[] {
  const objects = objectsOf(snapshot.clusters.get(management), `${group}/KubernetesCluster`)
  return [...new Set([...objects.values()].map(({ metadata }) => metadata.name))].sort()
}

/** What is known of the registered clusters. */
export function readInventory(context: ReadContext, dialect: Dialect): Inventory {
  const clusters = registeredClusters(context)
  const objects = (kind: string): KubeObject[] =>
    [...objectsOf(context.snapshot.clusters.get(context.management), `${group}/${kind}`).values()]
      .filter((object) => !isOwn(object))
      .sort((a, b) => (key(a) < key(b) ? -1 : 1))
  const cluster = context.management
  const meshes = objects('Mesh').map((object) => readMesh(object, cluster, dialect))
  const given = {
    meshes: meshes.filter((mesh) => clusters.includes(mesh.cluster)),
    services: (findMesh: FindMesh) =>
      objects('MeshService').flatMap((object) => readService(object, cluster, findMesh) ?? []),
    workloads: (findMesh: FindMesh) =>
      objects('MeshWorkload').flatMap((object) => readWorkload(object, cluster, findMesh) ?? []),
  }
  const settings = { facts: clusters.map(context.factsOf), domainOf: () => clusterDomain }
  return takeInventory(settings, given, names(cluster, dialect))
}

const key = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`

function readMesh(object: KubeObject, management: string, dialect: Dialect): Mesh {
  const { spec } = readKind(meshKind, object, management)
  const istio = spec.istio ?? spec.istio15 ?? spec.istio16
  const { installation = {}, citadelInfo = {} } = istio ?? {}
  const cluster = spec.cluster?.name ?? ''
  const namespace = installation.installationNamespace ?? 'istio-system'
  return {
    key: `${cluster}/${namespace}`,
    object: refOf(management, object),
    dialect,
    cluster,
    isIstio: istio !== undefined,
    namespace,
    trustDomain: citadelInfo.trustDomain ?? '',
    serviceAccount: citadelInfo.citadelServiceAccount ?? '',
    podLabels: {},
    smartDns: true,
    namedGateways: [],
  }
}

function readService(object: KubeObject, management: string, findMesh: FindMesh): Service | undefined {
  const { spec } = readKind(meshService, object, management)
  const { ref = {}, workloadSelectorLabels = {}, labels = {}, ports = [] } = spec.kubeService ?? {}
  const { name = '', namespace = '', cluster = '' } = ref
  const mesh = findMesh(spec.mesh)
  if (mesh === undefined || name === '') return undefined
  const place = { name, namespace, cluster: cluster || mesh.cluster }
  return {
    key: serviceKey(place),
    ref: place,
    object: refOf(management, object),
    mesh,
    localHost: `${name}.${namespace}.svc.${clusterDomain}`,
    labels,
    selector: workloadSelectorLabels,
    ports: ports.map(({ port = 0, name: portName = '', protocol = 'TCP' }) => ({
      number: port,
      name: portName,
      protocol,
    })),
    subsets:
      spec.subsets &&
      Object.fromEntries(Object.entries(spec.subsets).map(([label, { values = [] }]) => [label, values])),
    endpoints: [],
    externalAddresses: [],
    type: 'CLUSTER_IP',
    region: '',
    givenHostname: spec.federation?.multiclusterDnsName || undefined,
  }
}

function readWorkload(object: KubeObject, management: string, findMesh: FindMesh): Workload | undefined {
  const { spec } = readKind(meshWorkload, object, management)
  const { kubeControllerRef = {}, labels = {}, serviceAccountName = '' } = spec.kubeController ?? {}
  const mesh = findMesh(spec.mesh)
  if (mesh === undefined) return undefined
  const { name = '', namespace = '', cluster = mesh.cluster } = kubeControllerRef
  return {
    object: refOf(management, object),
    ref: { name, namespace, cluster },
    labels,
    serviceAccount: serviceAccountName,
    mesh,
  }
}

/** The names that Service Mesh Hub's discovery gives. */
function names(management: string, dialect: Dialect): InventoryNames {
  const ref = (kind: string, name: string) => ({
    cluster: management,
    apiVersion,
    kind,
    namespace: managementNamespace,
    name,
  })
  return {
    mesh: ({ name: cluster }, found) => ({
      key: `${cluster}/${found.namespace}`,
      object: ref('Mesh', objectName('istio', found.namespace, cluster)),
      dialect,
      cluster,
      isIstio: true,
      namespace: found.namespace,
      trustDomain: found.trustDomain,
      serviceAccount: found.serviceAccount,
      podLabels: found.podLabels,
      smartDns: true,
      namedGateways: [],
    }),
    workload: ({ name: cluster }, { name, namespace, podLabels, serviceAccount }, mesh) => ({
      object: ref('MeshWorkload', objectName('istio', name, namespace, cluster)),
      ref: { name, namespace, cluster },
      labels: podLabels,
      serviceAccount,
      mesh,
    }),
    service: ({ name: cluster }, { name, namespace }) => ref('MeshService', objectName(name, namespace, cluster)),
    isMarked: () => false,
  }
}
