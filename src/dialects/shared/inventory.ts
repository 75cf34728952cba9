// Joins what users wrote by hand of meshes, workloads and services with what is found in the clusters. Hand-written
// things are taken as they are; what is found is added besides.
import type { ObjectRef } from '../../report/index.ts'
import { externalAddresses, type FoundMesh, findMeshes, isInMesh } from './discovery.ts'
import type { ClusterFacts, Controller, FactService } from './facts.ts'
import type { Endpoint, Mesh, Service, ServiceType, Workload } from './model.ts'
import { LabelIndex, serviceKey } from './selectors.ts'

/** How a generation makes the parts of the model out of what is found. */
export interface InventoryNames {
  mesh(facts: ClusterFacts, found: FoundMesh): Mesh
  workload(facts: ClusterFacts, controller: Controller, mesh: Mesh): Workload
  /** The object that stands for a service. */
  service(facts: ClusterFacts, service: FactService): ObjectRef
  /** True if a Service without workloads is part of the mesh all the same. */
  isMarked(service: FactService): boolean
}

/** What stands in objects that Fairlead did not write. */
export interface Given {
  readonly meshes: readonly Mesh[]
  /** Workloads, told of all meshes, the found ones too. */
  readonly workloads: (findMesh: FindMesh) => readonly Workload[]
  /** Services as their objects say; endpoints and whatever else is missing is added from the cluster. */
  readonly services: (findMesh: FindMesh) => readonly Service[]
}

/** The mesh that an object names. */
export type FindMesh = (ref: { readonly name?: string; readonly namespace?: string } | undefined) => Mesh | undefined

/** What the generation knows of the clusters as such. */
export interface ClusterSettings {
  readonly facts: readonly ClusterFacts[]
  /** DNS suffix of a cluster. */
  readonly domainOf: (cluster: string) => string
}

export interface Inventory {
  readonly meshes: readonly Mesh[]
  readonly workloads: readonly Workload[]
  readonly services: readonly Service[]
  /** Those of them that were found, not given. */
  readonly found: {
    readonly meshes: readonly { readonly mesh: Mesh; readonly found: FoundMesh; readonly facts: ClusterFacts }[]
    readonly workloads: readonly { readonly workload: Workload; readonly controller: Controller }[]
    readonly services: readonly {
      readonly service: Service
      readonly fact: FactService
      readonly facts: ClusterFacts
    }[]
  }
}

const serviceTypes: Readonly<Record<string, ServiceType>> = {
  NodePort: 'NODE_PORT',
  LoadBalancer: 'LOAD_BALANCER',
  ExternalName: 'EXTERNAL_NAME',
}

export function serviceType(type: string): ServiceType {
  return serviceTypes[type] ?? 'CLUSTER_IP'
}

/** Takes stock of the registered clusters. */
export function takeInventory(
  { facts: clusters, domainOf }: ClusterSettings,
  given: Given,
  names: InventoryNames,
): Inventory {
  const inventory: MutableInventory = {
    meshes: [...given.meshes],
    workloads: [],
    services: [],
    found: { meshes: [], workloads: [], services: [] },
  }
  for (const facts of clusters) addMeshes(facts, names, inventory)
  const findMesh: FindMesh = (ref) =>
    inventory.meshes.find(({ object }) => object.name === ref?.name && object.namespace === ref.namespace)
  inventory.workloads.push(...given.workloads(findMesh))
  const givenServices = Map.groupBy(given.services(findMesh), ({ ref }) => ref.cluster)
  for (const facts of clusters) {
    const meshes = inventory.meshes.filter(({ cluster }) => cluster === facts.name)
    const mesh = meshes.find((each) => revisionOf(each.podLabels) === '') ?? meshes[0]
    if (mesh !== undefined) addWorkloads(facts, { meshes, fallback: mesh }, names, inventory)
    const own = inventory.workloads.filter(({ ref }) => ref.cluster === facts.name)
    const byNamespace = Map.groupBy(own, ({ ref }) => ref.namespace)
    const workloads = new Map([...byNamespace].map(([namespace, each]) => [namespace, new LabelIndex(each)]))
    const context = { facts, workloads }
    const known = new Set<string>()
    for (const service of givenServices.get(facts.name) ?? []) {
      known.add(service.key)
      inventory.services.push(completed(service, context))
    }
    if (mesh !== undefined) addServices(context, known, mesh, { names, domainOf, inventory })
  }
  return inventory
}

interface AddContext {
  readonly names: InventoryNames
  readonly domainOf: (cluster: string) => string
  readonly inventory: MutableInventory
}

function addServices(
  context: ServiceContext,
  known: ReadonlySet<string>,
  mesh: Mesh,
  { names, domainOf, inventory }: AddContext,
): void {
  const { facts } = context
  for (const fact of facts.services.values()) {
    const own = backing(fact, context)
    const ref = { name: fact.name, namespace: fact.namespace, cluster: facts.name }
    if (known.has(serviceKey(ref)) || (own.length === 0 && !names.isMarked(fact))) continue
    const bare: Service = {
      key: serviceKey(ref),
      ref,
      object: names.service(facts, fact),
      mesh: own[0]?.mesh ?? mesh,
      localHost: `${fact.name}.${fact.namespace}.svc.${domainOf(facts.name)}`,
      labels: fact.labels,
      selector: fact.selector,
      ports: [],
      endpoints: [],
      externalAddresses: [],
      type: serviceType(fact.type),
      region: '',
    }
    const service = completed(bare, context)
    inventory.services.push(service)
    inventory.found.services.push({ service, fact, facts })
  }
}

interface MutableInventory {
  readonly meshes: Mesh[]
  readonly workloads: Workload[]
  readonly services: Service[]
  readonly found: { -readonly [K in keyof Inventory['found']]: Inventory['found'][K][number][] }
}

function addMeshes(facts: ClusterFacts, names: InventoryNames, inventory: MutableInventory): void {
  const given = new Set(inventory.meshes.map(({ key }) => key))
  for (const found of findMeshes(facts)) {
    const mesh = names.mesh(facts, found)
    if (given.has(mesh.key)) continue
    inventory.meshes.push(mesh)
    inventory.found.meshes.push({ mesh, found, facts })
  }
}

/** Control planes of a cluster, and the one for whatever names no other. */
interface ClusterMeshes {
  readonly meshes: readonly Mesh[]
  readonly fallback: Mesh
}

const revisionLabel = 'istio.io/rev'

function revisionOf(labels: Mesh['podLabels']): string {
  const said = labels[revisionLabel] ?? ''
  return said === 'default' ? '' : said
}

/** The control plane of a controller's proxies: that of the revision which its pods, or its namespace, name. */
function meshOf({ podLabels, namespace }: Controller, facts: ClusterFacts, { meshes, fallback }: ClusterMeshes): Mesh {
  if (meshes.length === 1) return fallback
  const wanted = revisionOf(podLabels) || revisionOf(facts.object('/Namespace', namespace)?.metadata.labels ?? {})
  return meshes.find((mesh) => wanted !== '' && revisionOf(mesh.podLabels) === wanted) ?? fallback
}

function addWorkloads(
  facts: ClusterFacts,
  meshes: ClusterMeshes,
  names: InventoryNames,
  inventory: MutableInventory,
): void {
  const given = new Set(inventory.workloads.map(({ object }) => `${object.namespace}/${object.name}`))
  for (const controller of facts.controllers) {
    if (!isInMesh(facts, controller)) continue
    const workload = names.workload(facts, controller, meshOf(controller, facts, meshes))
    if (given.has(`${workload.object.namespace}/${workload.object.name}`)) continue
    inventory.workloads.push(workload)
    inventory.found.workloads.push({ workload, controller })
  }
}

interface ServiceContext {
  readonly facts: ClusterFacts
  /** By namespace. */
  readonly workloads: ReadonlyMap<string, LabelIndex<Workload>>
}

function backing({ selector, namespace }: FactService, { workloads }: ServiceContext): readonly Workload[] {
  return Object.keys(selector).length === 0 ? [] : (workloads.get(namespace)?.having(selector) ?? [])
}

/** Adds from the cluster what a service's object does not say. */
function completed(service: Service, context: ServiceContext): Service {
  const { facts } = context
  const fact = facts.services.get(`${service.ref.namespace}/${service.ref.name}`)
  if (fact === undefined) return service
  const own = backing(fact, context)
  const labelsOfPod = (pod: string): Workload['labels'] =>
    own
      .filter(({ ref }) => pod.startsWith(`${ref.name}-`))
      .reduce<Workload | undefined>(
        (best, each) => (best && best.ref.name.length >= each.ref.name.length ? best : each),
        undefined,
      )?.labels ?? {}
  const endpoints = service.endpoints.length > 0 ? service.endpoints : facts.endpoints(fact, labelsOfPod)
  return {
    ...service,
    ports: service.ports.length > 0 ? service.ports : fact.ports,
    endpoints: endpoints.filter(isReachable),
    externalAddresses:
      service.externalAddresses.length > 0 ? service.externalAddresses : externalAddresses(facts, fact),
    region: service.region || facts.region,
  }
}

const isReachable = ({ address }: Endpoint): boolean => address !== ''
