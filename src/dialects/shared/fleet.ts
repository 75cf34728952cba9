// All meshes, services and workloads of all generations together, and which service is known by which host name where.
import type {
  ClusterRef,
  EastWestGateway,
  Intent,
  Mesh,
  Ref,
  Service,
  UserObject,
  VirtualMesh,
  WeightedTarget,
  Workload,
} from './model.ts'
import { LabelIndex, serviceKey } from './selectors.ts'

/** A VirtualMesh that is in force, with its members. */
export interface Group {
  readonly virtualMesh: VirtualMesh
  readonly members: readonly Mesh[]
  /** The gateways by which each member is reached, by the mesh's key. */
  readonly gateways: ReadonlyMap<string, readonly EastWestGateway[]>
  /** Pairs of members that are to share a root and cannot verify each other yet: no call between them can succeed. */
  readonly strangers: readonly (readonly [Mesh, Mesh])[]
}

/** Whether calls between two members have to wait until both trust the shared root. */
export function areStrangers(group: Group, one: Mesh, other: Mesh): boolean {
  // By key: generations have objects of their own for one mesh.
  const is = (mesh: Mesh) => (each: Mesh) => each.key === mesh.key
  return one.key !== other.key && group.strangers.some((pair) => pair.some(is(one)) && pair.some(is(other)))
}

/** By what name, and by whom, a service is called from other meshes. */
export interface Federation {
  readonly group: Group
  readonly hostname: string
  readonly clients: readonly Mesh[]
  /** Those that come to be clients when they and the service's mesh can verify each other. */
  readonly awaited: readonly Mesh[]
}

export interface Fleet {
  /** By `cluster/namespace` of the control plane. */
  readonly meshes: ReadonlyMap<string, Mesh>
  /** By `cluster/namespace/name`. */
  readonly services: ReadonlyMap<string, Service>
  readonly workloads: readonly Workload[]
  /** By `cluster/namespace`. */
  readonly workloadsByNamespace: ReadonlyMap<string, LabelIndex<Workload>>
}

/** Joins what the generations know. What two of them know is taken from the first. */
export function joinFleet(intents: readonly Intent[]): Fleet {
  const meshes = new Map<string, Mesh>()
  const services = new Map<string, Service>()
  const workloads = new Map<string, Workload>()
  for (const intent of intents) {
    for (const mesh of intent.meshes) if (!meshes.has(mesh.key)) meshes.set(mesh.key, mesh)
    for (const service of intent.services) if (!services.has(service.key)) services.set(service.key, service)
    for (const workload of intent.workloads) {
      const key = serviceKey(workload.ref)
      if (!workloads.has(key)) workloads.set(key, workload)
    }
  }
  const all = [...workloads.values()]
  const byPlace = Map.groupBy(all, ({ ref }) => placeOf(ref))
  return {
    meshes,
    services,
    workloads: all,
    workloadsByNamespace: new Map([...byPlace].map(([place, own]) => [place, new LabelIndex(own)])),
  }
}

const placeOf = ({ cluster, namespace }: ClusterRef): string => `${cluster}/${namespace}`

/** The mesh that an object of the same generation stands for; undefined if there is no such object. */
export function findMesh(intents: readonly Intent[], by: UserObject, member: Ref): Mesh | undefined {
  return intents
    .filter(({ dialect }) => dialect.id === by.dialect.id)
    .flatMap(({ meshes }) => meshes)
    .find(({ object }) => object.name === member.name && object.namespace === member.namespace)
}

/** Finds the service that a reference names. */
export function findService(fleet: Fleet, ref: ClusterRef): Service | undefined {
  return fleet.services.get(serviceKey(ref))
}

/** The workloads that back a service. */
export function backingWorkloads(fleet: Fleet, service: Service): readonly Workload[] {
  if (Object.keys(service.selector).length === 0) return []
  return fleet.workloadsByNamespace.get(placeOf(service.ref))?.having(service.selector) ?? []
}

/** The service that a target names; undefined if it is none, or not there. */
export function findTargetService(fleet: Fleet, { target }: WeightedTarget): Service | undefined {
  return target.kind === 'service' ? findService(fleet, target.ref) : undefined
}
