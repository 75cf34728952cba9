// Gloo Mesh: `*.mesh.gloo.solo.io` v1 and v1alpha2, its enterprise kinds, and `*.smh.solo.io/v1alpha2`.
import type { ObjectRef } from '../../report/index.ts'
import { settings as settingsKind, trafficPolicy as trafficPolicyKind } from '../../resources/gloo/index.ts'
import { groupKind, type KubeObject, objectKey, objectsOf, readKind, refOf } from '../../resources/index.ts'
import {
  at,
  compact,
  type Generation,
  type GenerationReport,
  type Intent,
  itemsOf,
  type Outcome,
  type ReadContext,
  type StatusObject,
  selectsService,
  type TrafficResult,
  userProblems,
  type VirtualMesh,
} from '../shared/index.ts'
import { type Base, readBase } from './base.ts'
import { discoveryObjects } from './discovery-objects.ts'
import {
  type GatewayInput,
  readGateway,
  readHost,
  readRouteSelectors,
  readTable,
  routeTargets,
  translateGateways,
} from './gateway/index.ts'
import { objectsOfKind } from './read-discovery.ts'
import {
  readAccessPolicy,
  readFailoverService,
  readTrafficPolicy,
  readVirtualDestination,
  type Source,
} from './read-policies.ts'
import { dependencies, readServiceDependency, type ServiceDependency } from './service-dependency.ts'
import {
  accessPolicyStatus,
  destinationStatus,
  meshStatus,
  shiftsByService,
  statusOf,
  trafficPolicyStatus,
  virtualDestinationStatus,
  virtualMeshStatus,
} from './status.ts'
import { certificateObjects, rootSecret, trustErrors } from './trust.ts'
import { unsupported } from './unsupported.ts'

const enterprise = 'networking.enterprise.mesh.gloo.solo.io'

/** Gloo Mesh as one of the generations of the management API. */
export const glooMesh: Generation = {
  read(context) {
    const base = readBase(context)
    const { source, inventory, virtualMeshes, reader } = base
    const policies = objectsOfKind(context, 'networking', 'TrafficPolicy').map(reader(readPolicy))
    const gateways: GatewayInput = {
      gateways: enterpriseObjects(context, 'VirtualGateway').map(reader(readGateway)),
      hosts: enterpriseObjects(context, 'VirtualHost').map(reader(readHost)),
      tables: enterpriseObjects(context, 'RouteTable').map(reader(readTable)),
      policies,
    }
    const intent: Intent = {
      dialect: source.dialect,
      meshes: inventory.meshes,
      services: inventory.services,
      externalServices: inventory.external,
      workloads: inventory.workloads,
      virtualMeshes,
      trafficPolicies: policies.map(({ policy }) => policy),
      accessPolicies: objectsOfKind(context, 'networking', 'AccessPolicy').map(reader(readAccessPolicy)),
      virtualDestinations: [
        ...enterpriseObjects(context, 'VirtualDestination').map(reader(readVirtualDestination)),
        ...objectsOfKind(context, 'networking', 'FailoverService').map(reader(readFailoverService)),
      ],
      otherTargets: routeTargets(gateways),
    }
    const limits = enterpriseObjects(context, 'ServiceDependency').map(reader(readServiceDependency))
    return {
      intent,
      report: (outcome) => new Reporter({ context, intent, base, gateways, dependencies: limits }).report(outcome),
    }
  },
}

const readPolicy = (object: KubeObject, source: Source): GatewayInput['policies'][number] => ({
  policy: readTrafficPolicy(object, source),
  selectors: readRouteSelectors(readKind(trafficPolicyKind, object, source.cluster).spec),
})

const refKey = ({ apiVersion, kind, namespace, name }: ObjectRef): string =>
  `${apiVersion} ${kind} ${namespace}/${name}`

const keyOf = ({ namespace, name }: ObjectRef): string => `${namespace}/${name}`

function enterpriseObjects({ snapshot, management }: ReadContext, kind: string): KubeObject[] {
  const objects = [...objectsOf(snapshot.clusters.get(management), `${enterprise}/${kind}`).values()]
  return objects.sort((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1))
}

interface ReporterInput {
  readonly context: ReadContext
  readonly intent: Intent
  readonly base: Base
  readonly gateways: GatewayInput
  readonly dependencies: readonly ServiceDependency[]
}

/** Says what became of everything. */
class Reporter {
  readonly #input: ReporterInput

  constructor(input: ReporterInput) {
    this.#input = input
  }

  report(outcome: Outcome): GenerationReport {
    const { context, intent, base } = this.#input
    const { inventory } = base
    const isOwn = ({ dialect }: { readonly dialect: { readonly id: string } }): boolean =>
      dialect.id === intent.dialect.id
    const groups = outcome.groups.filter(({ virtualMesh }) => isOwn(virtualMesh))
    const traffic = outcome.traffic.filter(({ policy }) => isOwn(policy))
    const access = outcome.access.filter(({ policy }) => isOwn(policy))
    const destinations = outcome.virtualDestinations.filter(({ destination }) => isOwn(destination))
    const refused = (virtualMesh: VirtualMesh, members: readonly Intent['meshes'][number][] = []): string[] =>
      members.flatMap((mesh) => virtualMesh.dialect.refusesClient(virtualMesh, mesh) ?? [])
    const found = groups.map((each) => ({
      each,
      refused: refused(each.virtualMesh, each.group?.members),
      trust: trustErrors(each, context),
    }))
    const gateways = translateGateways(this.#input.gateways, outcome, this.#specOf)
    const limits = dependencies(this.#input.dependencies, outcome)
    const others = unsupported(context, outcome)
    return {
      objects: [
        gateways.objects,
        limits.objects,
        context.memory.keep('gloo discovery', [base, outcome.fleet], () =>
          discoveryObjects(inventory, outcome, base.detectors),
        ),
        ...groups.map((each) =>
          context.memory.keep(`gloo certificates ${keyOf(each.virtualMesh.object)}`, [each, outcome.fleet], () =>
            certificateObjects(each, outcome),
          ),
        ),
      ],
      secrets: groups.flatMap((each) => rootSecret(each, intent.dialect, context.management)),
      statuses: [
        this.#settingsStatus(),
        inventory.meshes.map((mesh) => meshStatus(mesh, this.#generationOf(mesh.object), outcome, this.#specOf)),
        ...this.#destinationStatuses(outcome),
        ...this.#workloadStatuses(limits),
        ...traffic.map((each) => this.#policyStatus(each, outcome, gateways.routesOf.get(each.policy) ?? {})),
        access.map((each) => accessPolicyStatus(each, outcome)),
        found.map(({ each, ...wrong }) =>
          virtualMeshStatus(each, outcome, wrong, at(this.#objectOf(each.virtualMesh.object)?.status, 'conditions')),
        ),
        destinations.map(virtualDestinationStatus),
        gateways.statuses,
        limits.statuses,
        others.statuses,
      ],
      problems: [
        ...gateways.problems,
        ...others.problems,
        ...[...limits.errors].flatMap(([each, errors]) => userProblems(each, errors, [])),
        ...traffic.flatMap(({ policy, errors, services }) => {
          const each = [...services.values()]
          return userProblems(
            policy,
            [...errors, ...each.flatMap((s) => s.errors)],
            each.flatMap((s) => s.warnings),
          )
        }),
        ...access.flatMap(({ policy, errors, warnings }) => userProblems(policy, errors, warnings)),
        ...found.flatMap(({ each, ...wrong }) => {
          const messages = [...each.gatewayErrors.values()].flat().concat(wrong.refused, wrong.trust)
          const more = messages.map((message) => ({ code: 'invalid-value' as const, path: 'spec', message }))
          return userProblems(each.virtualMesh, [...each.objections, ...more], [])
        }),
        ...destinations.flatMap(({ destination, errors, warnings }) => userProblems(destination, errors, warnings)),
      ],
    }
  }

  #workloadStatuses(limits: ReturnType<typeof dependencies>): (readonly StatusObject[])[] {
    const { context, base } = this.#input
    return base.inventory.workloads.map((workload) => {
      const generation = this.#generationOf(workload.object)
      const own = limits.ofWorkload(workload)
      return context.memory.keep(`status ${refKey(workload.object)}`, [workload, generation, own], () => [
        statusOf(workload.object, compact({ observedGeneration: String(generation), serviceDependencies: own })),
      ])
    })
  }

  /** Of each service; made anew where something that is in force for it is another. */
  #destinationStatuses(outcome: Outcome): (readonly StatusObject[])[] {
    const { memory } = this.#input.context
    const access = outcome.access.filter(({ errors }) => errors.length === 0)
    const shifts = shiftsByService(outcome)
    return this.#input.base.inventory.services.map((service) => {
      const { key, object } = service
      const generation = this.#generationOf(object)
      const own = {
        access: access.filter(({ policy }) => selectsService(policy.destinations, service)),
        shifts: shifts.get(key) ?? [],
      }
      const origins = [
        service,
        generation,
        outcome.fleet,
        outcome.applied.get(key),
        ...itemsOf(own.access.map(({ policy }) => policy)),
        ...itemsOf(own.shifts),
      ]
      return memory.keep(`status ${refKey(object)}`, origins, () => [
        destinationStatus(service, generation, outcome, own, this.#specOf),
      ])
    })
  }

  #policyStatus(
    result: TrafficResult,
    outcome: Outcome,
    routes: Readonly<Record<string, readonly string[]>>,
  ): readonly StatusObject[] {
    const { policy, services } = result
    const origins = [
      policy,
      outcome.fleet,
      JSON.stringify([routes, result.errors, [...services.values()].map(({ errors }) => errors)]),
      ...[...services.keys()].map((key) => outcome.applied.get(key)),
    ]
    return this.#input.context.memory.keep(`status ${refKey(policy.object)}`, origins, () => [
      trafficPolicyStatus(result, outcome, routes),
    ])
  }

  #settingsStatus(): StatusObject[] {
    const object = this.#input.base.settings
    if (object === undefined) return []
    const ref = refOf(this.#input.context.management, object)
    const { problems } = readKind(settingsKind, object, this.#input.context.management)
    const errors = problems
      .filter(({ severity }) => severity === 'error')
      .map(({ path, message }) => `${path}: ${message}`)
    const state = errors.length === 0 ? 'ACCEPTED' : 'INVALID'
    const warnings = problems
      .filter(({ severity }) => severity === 'warning')
      .map(({ path, message }) => `${path}: ${message}`)
    return [
      statusOf(ref, {
        observedGeneration: String(object.metadata.generation ?? 1),
        state,
        ...(errors.length > 0 && { errors }),
        ...(warnings.length > 0 && { warnings }),
      }),
    ]
  }

  #objectOf(ref: ObjectRef): KubeObject | undefined {
    return objectsOf(this.#input.context.snapshot.clusters.get(ref.cluster), groupKind(ref)).get(keyOf(ref))
  }

  #generationOf(ref: ObjectRef): number {
    return this.#objectOf(ref)?.metadata.generation ?? 1
  }

  readonly #specOf = (ref: ObjectRef): unknown => this.#objectOf(ref)?.spec
}
