// VirtualMeshes: which are in force, who is in them, and which service is federated to whom.
import type { Code, ObjectRef } from '../../report/index.ts'
import { formatRef } from '../../report/index.ts'
import { areStrangers, type Federation, type Fleet, findMesh, type Group } from './fleet.ts'
import type { EastWestGateway, Intent, Mesh, Ref, Service, VirtualMesh } from './model.ts'
import { selectsService } from './selectors.ts'
import { bySeniority } from './seniority.ts'

/** One thing that keeps an object, or a part of it, from having effect. */
export interface Objection {
  readonly code: Code
  readonly path: string
  readonly message: string
}

/** What became of a VirtualMesh. */
export interface GroupOutcome {
  readonly virtualMesh: VirtualMesh
  /** Undefined if the VirtualMesh is not in force. */
  readonly group?: Group
  readonly objections: readonly Objection[]
  /** Why services of a member cannot be reached from outside, by the mesh's key. */
  readonly gatewayErrors: ReadonlyMap<string, readonly string[]>
}

/** Whether the proxies of two clusters can verify each other. */
export type Verifies = (one: string, other: string) => boolean

/** Decides which VirtualMeshes are in force. A mesh is in one only: the senior one keeps it. */
export function formGroups(intents: readonly Intent[], verifies: Verifies): GroupOutcome[] {
  const taken = new Map<string, VirtualMesh>()
  return bySeniority(intents.flatMap(({ virtualMeshes }) => virtualMeshes)).map((virtualMesh) => {
    const absent: Objection[] = []
    const objections: Objection[] = []
    const members: Mesh[] = []
    for (const [index, ref] of virtualMesh.members.entries()) {
      const path = `spec.meshes[${index}]`
      const mesh = findMesh(intents, virtualMesh, ref)
      const objection = mesh && unfit(mesh, path, taken.get(mesh.key))
      if (mesh === undefined) absent.push(...missing(ref, path))
      else if (objection !== undefined) objections.push(objection)
      else if (!members.includes(mesh)) members.push(mesh)
    }
    const wrong = virtualMesh.problems.some(({ severity }) => severity === 'error')
    if (objections.length > 0 || wrong || members.length === 0)
      return { virtualMesh, objections: [...absent, ...objections], gatewayErrors: new Map() }
    // A member that is gone (a cluster that was removed, say) must not end the trust and the defaults of the others.
    for (const mesh of members) taken.set(mesh.key, virtualMesh)
    return withGateways(virtualMesh, members, absent, verifies)
  })
}

/** A reference that lacks a field was told of already. */
function missing({ name, namespace }: Ref, path: string): Objection[] {
  if (name === '' || namespace === '') return []
  return [{ code: 'reference-not-found', path, message: `Mesh ${name}.${namespace} not found` }]
}

function unfit(mesh: Mesh, path: string, owner: VirtualMesh | undefined): Objection | undefined {
  if (!mesh.isIstio)
    return {
      code: 'not-supported',
      path,
      message: `Mesh ${mesh.object.name} is not an Istio mesh; only Istio meshes can be joined`,
    }
  if (owner === undefined) return undefined
  const message = `Mesh ${mesh.object.name}.${mesh.object.namespace} is already a member of ${formatRef(owner.object)}`
  return { code: 'conflict', path, message }
}

function withGateways(
  virtualMesh: VirtualMesh,
  members: readonly Mesh[],
  objections: readonly Objection[],
  verifies: Verifies,
): GroupOutcome {
  const gateways = new Map<string, readonly EastWestGateway[]>()
  const gatewayErrors = new Map<string, readonly string[]>()
  for (const mesh of members) {
    const choice = virtualMesh.dialect.eastWestGateways(virtualMesh, mesh)
    gateways.set(mesh.key, choice.gateways)
    if (choice.errors.length > 0) gatewayErrors.set(mesh.key, choice.errors)
  }
  const strangers = strangersOf(virtualMesh, members, verifies)
  return { virtualMesh, group: { virtualMesh, members, gateways, strangers }, objections, gatewayErrors }
}

/** Without a shared root it is not ours to say who can verify whom. */
function strangersOf({ trust }: VirtualMesh, members: readonly Mesh[], verifies: Verifies): [Mesh, Mesh][] {
  if (trust === undefined) return []
  return members.flatMap((one, index) =>
    members
      .slice(index + 1)
      .flatMap((other): [Mesh, Mesh][] => (verifies(one.cluster, other.cluster) ? [] : [[one, other]])),
  )
}

/** What keeps the proxies of members from certificates of the shared root. */
export function trustFailures(
  { group }: GroupOutcome,
  { trustFailures: known }: { readonly trustFailures: ReadonlyMap<string, string> },
): string[] {
  if (group?.virtualMesh.trust === undefined) return []
  return group.members.flatMap(({ cluster }) => {
    const failure = known.get(cluster)
    return failure === undefined ? [] : [`cluster ${cluster}: ${failure}`]
  })
}

/** The group that a mesh is in. */
export function groupsByMesh(outcomes: readonly GroupOutcome[]): ReadonlyMap<string, Group> {
  const found = new Map<string, Group>()
  for (const { group } of outcomes) for (const mesh of group?.members ?? []) if (group) found.set(mesh.key, group)
  return found
}

/** Federation of each service that is federated, by the service's key. */
export function federate(fleet: Fleet, groups: ReadonlyMap<string, Group>): ReadonlyMap<string, Federation> {
  const found = new Map<string, Federation>()
  for (const service of fleet.services.values()) {
    const group = groups.get(service.mesh.key)
    if (group === undefined) continue
    const wanted = clientsOf(group, service)
    if (wanted.length === 0) continue
    const isAwaited = (mesh: Mesh): boolean => areStrangers(group, mesh, service.mesh)
    const [clients, awaited] = [wanted.filter((mesh) => !isAwaited(mesh)), wanted.filter(isAwaited)]
    const hostname = service.givenHostname ?? group.virtualMesh.dialect.hostname(group.virtualMesh, service)
    found.set(service.key, { group, hostname, clients, awaited })
  }
  return found
}

/** The other members to which a service is federated, in the order of the VirtualMesh. */
function clientsOf({ virtualMesh, members }: Group, service: Service): Mesh[] {
  const rules = (virtualMesh.federation?.selectors ?? []).filter(({ services }) => selectsService(services, service))
  const wanted = (mesh: Mesh): boolean =>
    rules.some(({ meshes }) => meshes.length === 0 || meshes.some((ref) => isSame(ref, mesh.object)))
  return members.filter(
    (mesh) =>
      mesh.key !== service.mesh.key &&
      wanted(mesh) &&
      virtualMesh.dialect.refusesClient(virtualMesh, mesh) === undefined,
  )
}

function isSame(ref: Ref, object: ObjectRef): boolean {
  return ref.name === object.name && ref.namespace === object.namespace
}
