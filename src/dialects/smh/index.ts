// Service Mesh Hub, `*.zephyr.solo.io/v1alpha1`.
import { type KubeObject, objectKey, objectsOf } from '../../resources/index.ts'
import type {
  Dialect,
  Generation,
  GenerationReport,
  Intent,
  Inventory,
  Outcome,
  ReadContext,
  StatusObject,
} from '../shared/index.ts'
import { isOwn, itemsOf, userProblems } from '../shared/index.ts'
import { smhDialect } from './dialect.ts'
import { discoveryObjects } from './discovery-objects.ts'
import { readInventory } from './read-discovery.ts'
import { readAccessControlPolicy, readTrafficPolicy, readVirtualMesh } from './read-policies.ts'
import { accessPolicyStatus, statusOf, trafficPolicyStatus, virtualMeshStatus } from './status.ts'
import { rootSecret, signingRequests, trustError } from './trust.ts'

const group = 'networking.zephyr.solo.io'
const discoveryGroup = 'discovery.zephyr.solo.io'
const discoveryKinds = ['KubernetesCluster', 'Mesh', 'MeshService', 'MeshWorkload']

/** Service Mesh Hub as one of the generations of the management API. */
export const serviceMeshHub: Generation = {
  read(context) {
    const { snapshot, management } = context
    const { dialect, inventory } = readBase(context)
    const source = { dialect, cluster: management }
    const read = <T>(kind: string, reader: (object: KubeObject, from: typeof source) => T): T[] =>
      [...objectsOf(snapshot.clusters.get(management), `${group}/${kind}`).values()].map((object) =>
        context.memory.keep(`smh ${kind} ${objectKey(object)}`, [object, dialect], () => reader(object, source)),
      )
    const intent: Intent = {
      dialect,
      meshes: inventory.meshes,
      services: inventory.services,
      externalServices: [],
      virtualDestinations: [],
      otherTargets: [],
      workloads: inventory.workloads,
      virtualMeshes: read('VirtualMesh', readVirtualMesh),
      trafficPolicies: read('TrafficPolicy', readTrafficPolicy),
      accessPolicies: read('AccessControlPolicy', readAccessControlPolicy),
    }
    return { intent, report: (outcome) => report(outcome, intent, inventory, context) }
  },
}

/** What is found in the clusters; read again only when something of that has changed. */
function readBase(context: ReadContext): { readonly dialect: Dialect; readonly inventory: Inventory } {
  const { snapshot, management, factsOf, memory } = context
  const origins = [
    management,
    ...itemsOf([...snapshot.clusters.keys()].sort().map(factsOf)),
    ...discoveryKinds.flatMap((kind) =>
      itemsOf(
        [...objectsOf(snapshot.clusters.get(management), `${discoveryGroup}/${kind}`).values()].filter(
          (object) => !isOwn(object),
        ),
      ),
    ),
  ]
  return memory.keep('smh', origins, () => {
    const dialect = smhDialect(factsOf)
    return { dialect, inventory: readInventory(context, dialect) }
  })
}

function report(outcome: Outcome, intent: Intent, inventory: Inventory, context: ReadContext): GenerationReport {
  const isOwn = ({ dialect }: { dialect: { id: string } }): boolean => dialect.id === intent.dialect.id
  const groups = outcome.groups.filter(({ virtualMesh }) => isOwn(virtualMesh))
  const traffic = outcome.traffic.filter(({ policy }) => isOwn(policy))
  const access = outcome.access.filter(({ policy }) => isOwn(policy))
  return {
    objects: [
      context.memory.keep('smh discovery', [inventory, outcome.fleet], () => discoveryObjects(inventory, outcome)),
      groups.flatMap(signingRequests),
    ],
    secrets: groups.flatMap((each) => rootSecret(each, context.management)),
    statuses: [
      traffic.map(trafficPolicyStatus),
      access.map(accessPolicyStatus),
      groups.map((each) => virtualMeshStatus(each, outcome, trustError(each, context))),
      inventory.services.map((service) => serviceStatus(service, outcome)),
    ],
    problems: [
      ...traffic.flatMap(({ policy, errors, services }) => {
        const each = [...services.values()]
        return userProblems(
          policy,
          [...errors, ...each.flatMap((s) => s.errors)],
          each.flatMap((s) => s.warnings),
        )
      }),
      ...access.flatMap(({ policy, errors, warnings }) => userProblems(policy, errors, warnings)),
      ...groups.flatMap(({ virtualMesh, objections, gatewayErrors }) => {
        const gateways = [...gatewayErrors.values()]
          .flat()
          .map((message) => ({ code: 'reference-not-found' as const, path: 'spec.meshes', message }))
        return userProblems(virtualMesh, objections, gateways)
      }),
    ],
  }
}

/** The spec of a policy, as written. */
function specPart(version: object): { readonly trafficPolicySpec?: unknown } {
  return 'spec' in version ? { trafficPolicySpec: version.spec } : {}
}

function serviceStatus(service: Inventory['services'][number], outcome: Outcome): StatusObject {
  const { key, object } = service
  const unreachable = outcome.unreachable.get(key)
  const inForce = outcome.applied.get(key)?.results.filter(({ errors }) => errors.length === 0) ?? []
  const federationStatus =
    unreachable === undefined ? { state: 'ACCEPTED' } : { state: 'PROCESSING_ERROR', message: unreachable.message }
  return statusOf(object, {
    ...(outcome.federation.has(key) && { federationStatus }),
    validatedTrafficPolicies: inForce.map(({ policy }) => ({
      ref: { name: policy.object.name, namespace: policy.object.namespace },
      ...specPart(policy.version),
    })),
  })
}
