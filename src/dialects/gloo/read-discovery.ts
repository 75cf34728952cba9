// KubernetesCluster, Mesh, Workload and Destination of Gloo Mesh → the model.

import {
  type DestinationSpec,
  destination,
  kubernetesCluster,
  mesh as meshKind,
  trafficTarget,
  workload as workloadKind,
} from '../../resources/gloo/index.ts'
import { type KubeObject, objectsOf, readKind, refOf } from '../../resources/index.ts'
import {
  type ClusterFacts,
  type Dialect,
  type Endpoint,
  type ExternalService,
  type FindMesh,
  type FoundMesh,
  type Inventory,
  type InventoryNames,
  isOwn,
  type Mesh,
  type NamedGateway,
  objectName,
  type ReadContext,
  type Service,
  serviceKey,
  takeInventory,
  type Workload,
} from '../shared/index.ts'
import { managementNamespace } from './dialect.ts'
import type { GatewayDetectors } from './gateway-detectors.ts'

/** The present groups, and those of the releases before Gloo Mesh had its name. */
export const groupSuffixes = ['mesh.gloo.solo.io', 'smh.solo.io'] as const

/** Objects of a kind, in whichever of the groups, that Fairlead did not write; sorted. */
export function objectsOfKind({ snapshot, management }: ReadContext, group: string, kind: string): KubeObject[] {
  const cluster = snapshot.clusters.get(management)
  return groupSuffixes
    .flatMap((suffix) => [...objectsOf(cluster, `${group}.${suffix}/${kind}`).values()])
    .filter((object) => !isOwn(object))
    .sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

const key = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`

/** DNS suffixes of the registered clusters, by name. */
export function registeredClusters({ snapshot, management }: ReadContext): ReadonlyMap<string, string> {
  const objects = [...objectsOf(snapshot.clusters.get(management), 'multicluster.solo.io/KubernetesCluster').values()]
  const found = objects.map((object) => {
    const { spec } = readKind(kubernetesCluster, object, management)
    return [object.metadata.name, spec.clusterDomain || 'cluster.local'] as const
  })
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** What is known of the registered clusters, and the services outside of them. */
export interface GlooInventory extends Inventory {
  readonly external: readonly ExternalService[]
}

export function readInventory(context: ReadContext, dialect: Dialect, detectors: GatewayDetectors): GlooInventory {
  const { management } = context
  const clusters = registeredClusters(context)
  const domainOf = (cluster: string): string => clusters.get(cluster) ?? 'cluster.local'
  const regionOf = (cluster: string): string => context.factsOf(cluster).region
  const meshes = objectsOfKind(context, 'discovery', 'Mesh')
    .map((object) => readMesh(object, management, dialect))
    .filter(({ cluster }) => clusters.has(cluster))
  const destinations = [
    ...objectsOfKind(context, 'discovery', 'Destination').map((object) => ({
      object,
      ...readKind(destination, object, management),
    })),
    ...objectsOfKind(context, 'discovery', 'TrafficTarget').map((object) => ({
      object,
      ...readKind(trafficTarget, object, management),
    })),
  ]
  const external: ExternalService[] = []
  const given = {
    meshes,
    services: (findMesh: FindMesh) => {
      external.push(
        ...destinations.flatMap(({ object, spec }) => readExternal(object, spec, management, findMesh) ?? []),
      )
      const from = { management, findMesh, domainOf, regionOf }
      return destinations.flatMap(({ object, spec }) => readService(object, spec, from) ?? [])
    },
    workloads: (findMesh: FindMesh) =>
      objectsOfKind(context, 'discovery', 'Workload').flatMap(
        (object) => readWorkload(object, management, findMesh) ?? [],
      ),
  }
  const facts = [...clusters.keys()].map(context.factsOf)
  const inventory = takeInventory({ facts, domainOf }, given, names(management, dialect, detectors))
  return { ...inventory, external }
}

function readMesh(object: KubeObject, management: string, dialect: Dialect): Mesh {
  const { spec } = readKind(meshKind, object, management)
  const { istio, agentInfo } = spec
  const { namespace = 'istio-system', cluster = '', podLabels = {} } = istio?.installation ?? {}
  return {
    key: `${cluster}/${namespace}`,
    object: refOf(management, object),
    dialect,
    cluster: cluster || otherCluster(spec),
    isIstio: istio !== undefined,
    namespace,
    trustDomain: istio?.trustDomain ?? istio?.citadelInfo?.trustDomain ?? '',
    serviceAccount: istio?.istiodServiceAccount ?? istio?.citadelInfo?.citadelServiceAccount ?? '',
    podLabels,
    smartDns: istio?.smartDnsProxyingEnabled ?? false,
    agentNamespace: agentInfo?.agentNamespace,
    namedGateways: (istio?.ingressGateways ?? []).map(namedGateway),
  }
}

/** Cluster of a mesh that is not Istio's; it is known, and otherwise left alone. */
function otherCluster(spec: object): string {
  for (const kind of Object.values(spec)) {
    const cluster = (kind as { installation?: { cluster?: string } }).installation?.cluster
    if (cluster !== undefined) return cluster
  }
  return ''
}

interface GatewayInfo {
  readonly name?: string
  readonly namespace?: string
  readonly workloadLabels?: Readonly<Record<string, string>>
  readonly externalAddress?: string
  readonly dnsName?: string
  readonly ip?: string
  readonly externalTlsPort?: number
  readonly tlsContainerPort?: number
}

function namedGateway(info: GatewayInfo): NamedGateway {
  const address = info.dnsName ?? info.ip ?? info.externalAddress ?? ''
  return {
    name: info.name ?? '',
    namespace: info.namespace ?? '',
    workloadLabels: info.workloadLabels ?? {},
    addresses: address === '' ? [] : [address],
    externalPort: info.externalTlsPort ?? 0,
    targetPort: info.tlsContainerPort ?? info.externalTlsPort ?? 0,
  }
}

interface ServiceContext {
  readonly management: string
  readonly findMesh: FindMesh
  readonly domainOf: (cluster: string) => string
  readonly regionOf: (cluster: string) => string
}

function readService(
  object: KubeObject,
  { kubeService, mesh: meshRef }: DestinationSpec,
  context: ServiceContext,
): Service | undefined {
  const mesh = context.findMesh(meshRef)
  if (kubeService === undefined || mesh === undefined) return undefined
  const { name = '', namespace = '', clusterName = mesh.cluster } = kubeService.ref ?? {}
  const ref = { name, namespace, cluster: clusterName }
  const region = kubeService.region || context.regionOf(clusterName)
  return {
    key: serviceKey(ref),
    ref,
    object: refOf(context.management, object),
    mesh,
    localHost: `${name}.${namespace}.svc.${context.domainOf(clusterName)}`,
    labels: kubeService.labels ?? {},
    selector: kubeService.workloadSelectorLabels ?? {},
    ports: (kubeService.ports ?? []).map((port) => ({
      number: port.port ?? 0,
      name: port.name ?? '',
      protocol: port.protocol ?? 'TCP',
      appProtocol: port.appProtocol,
      targetPort: port.targetPortName ?? port.targetPortNumber,
      nodePort: port.nodePort,
    })),
    subsets:
      kubeService.subsets &&
      Object.fromEntries(Object.entries(kubeService.subsets).map(([label, { values = [] }]) => [label, values])),
    endpoints: (kubeService.endpointSubsets ?? []).flatMap((subset) => endpointsOf(subset, region)),
    externalAddresses: (kubeService.externalAddresses ?? []).flatMap(({ dnsName, ip }) => dnsName ?? ip ?? []),
    type: kubeService.serviceType ?? 'CLUSTER_IP',
    region,
  }
}

type EndpointSubset = NonNullable<NonNullable<DestinationSpec['kubeService']>['endpointSubsets']>[number]

function endpointsOf({ endpoints = [], ports = [] }: EndpointSubset, region: string): Endpoint[] {
  const table = new Map(ports.map(({ name, protocol = 'TCP', port = 0 }) => [name || protocol, port]))
  return endpoints.map(({ ipAddress = '', labels = {}, subLocality = {} }) => {
    const parts = [region, subLocality.zone ?? '', subLocality.subZone ?? '']
    while (parts.at(-1) === '') parts.pop()
    return { address: ipAddress, labels, locality: parts.join('/'), ports: table }
  })
}

function readExternal(
  object: KubeObject,
  { externalService, mesh: meshRef }: DestinationSpec,
  management: string,
  findMesh: FindMesh,
): ExternalService | undefined {
  const mesh = findMesh(meshRef)
  if (externalService === undefined || mesh === undefined) return undefined
  const { name = object.metadata.name, hosts = [], addresses = [], ports = [], endpoints = [] } = externalService
  return {
    object: refOf(management, object),
    name,
    mesh,
    hosts,
    addresses,
    ports: ports.map(({ number = 0, name: portName = '', protocol = 'TCP' }) => ({ number, name: portName, protocol })),
    endpoints: endpoints.map(({ address = '', ports: table = {} }) => ({ address, ports: table })),
  }
}

function readWorkload(object: KubeObject, management: string, findMesh: FindMesh): Workload | undefined {
  const { spec } = readKind(workloadKind, object, management)
  const { controller = {}, podLabels = {}, serviceAccountName = '' } = spec.kubernetes ?? {}
  const mesh = findMesh(spec.mesh)
  if (mesh === undefined) return undefined
  const { name = '', namespace = '', clusterName = mesh.cluster } = controller
  return {
    object: refOf(management, object),
    ref: { name, namespace, cluster: clusterName },
    labels: podLabels,
    serviceAccount: serviceAccountName,
    mesh,
  }
}

const markAnnotation = 'discovery.mesh.gloo.solo.io/enabled'

/** The names that Gloo Mesh's discovery gives. */
function names(management: string, dialect: Dialect, detectors: GatewayDetectors): InventoryNames {
  const ref = (kind: string, name: string) => ({
    cluster: management,
    apiVersion: 'discovery.mesh.gloo.solo.io/v1',
    kind,
    namespace: managementNamespace,
    name,
  })
  return {
    mesh: (facts: ClusterFacts, found: FoundMesh) => ({
      key: `${facts.name}/${found.namespace}`,
      object: ref('Mesh', objectName(found.deployment, found.namespace, facts.name)),
      dialect,
      cluster: facts.name,
      isIstio: true,
      namespace: found.namespace,
      trustDomain: found.trustDomain,
      serviceAccount: found.serviceAccount,
      podLabels: found.podLabels,
      smartDns: found.smartDns,
      agentNamespace: agentNamespace(facts),
      namedGateways: detectors.isSet(facts.name) ? detectors.find(facts, found.namespace).map(namedGateway) : [],
    }),
    workload: (facts, { kind, name, namespace, podLabels, serviceAccount }, mesh) => ({
      object: ref('Workload', objectName(name, namespace, facts.name, kind)),
      ref: { name, namespace, cluster: facts.name },
      labels: podLabels,
      serviceAccount,
      mesh,
    }),
    service: (facts, { name, namespace }) => ref('Destination', objectName(name, namespace, facts.name)),
    isMarked: ({ object }) => object.metadata.annotations?.[markAnnotation] === 'true',
  }
}

/** Namespace of the certificate agent of a cluster. */
function agentNamespace(facts: ClusterFacts): string | undefined {
  const agents = ['cert-agent', 'enterprise-agent']
  const isAgent = (labels: Readonly<Record<string, string>> | undefined): boolean =>
    agents.includes(labels?.['app'] ?? '')
  const deployment = facts.controllers.find(
    ({ object, podLabels }) => isAgent(object.metadata.labels) || isAgent(podLabels),
  )
  return (
    deployment?.namespace ?? facts.objects('/Pod').find(({ metadata }) => isAgent(metadata.labels))?.metadata.namespace
  )
}
