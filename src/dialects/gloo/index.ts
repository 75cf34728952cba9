// Gloo Mesh: `*.mesh.gloo.solo.io` v1 and v1alpha2, its enterprise kinds, and `*.smh.solo.io/v1alpha2`.
import type { ObjectRef } from '../../report/index.ts'
import {
  type SettingsSpec,
  settings as settingsKind,
  trafficPolicy as trafficPolicyKind,
} from '../../resources/gloo/index.ts'
import { groupKind, type KubeObject, objectKey, objectsOf, readKind, refOf } from '../../resources/index.ts'
import {
  at,
  compact,
  type Generation,
  type GenerationReport,
  type Intent,
  type Outcome,
  type ReadContext,
  type StatusObject,
  userProblems,
  type VirtualMesh,
} from '../shared/index.ts'
import { defaultSuffix, type FederationSettings, glooDialect, managementNamespace } from './dialect.ts'
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
import { type GatewayDetectors, gatewayDetectors } from './gateway-detectors.ts'
import { type GlooInventory, objectsOfKind, readInventory } from './read-discovery.ts'
import {
  readAccessPolicy,
  readFailoverService,
  readTrafficPolicy,
  readVirtualDestination,
  type Source,
} from './read-policies.ts'
import { readVirtualMesh } from './read-virtual-mesh.ts'
import { dependencies, readServiceDependency, type ServiceDependency } from './service-dependency.ts'
import {
  accessPolicyStatus,
  destinationStatus,
  meshStatus,
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
    const { management } = context
    const settings = readSettings(context)
    const detectors = gatewayDetectors(settings.spec)
    const federation = new Map<string, FederationSettings>()
    const inventory: { current?: GlooInventory } = {}
    const dialect = glooDialect({
      // A missing value is the safe one, though it is the enum's zero in the original.
      tlsMode: settings.spec.mtls?.istio?.tlsMode ?? 'ISTIO_MUTUAL',
      federation: ({ object }) =>
        federation.get(keyOf(object)) ?? { hostnameSuffix: defaultSuffix, gatewaySelectors: [] },
      services: () => inventory.current?.services ?? [],
    })
    const source: Source = { dialect, cluster: management }
    const found = readInventory(context, dialect, detectors)
    inventory.current = found
    const virtualMeshes = objectsOfKind(context, 'networking', 'VirtualMesh').map((object) => {
      const read = readVirtualMesh(object, source)
      federation.set(keyOf(read.virtualMesh.object), read.settings)
      return read.virtualMesh
    })
    const policyObjects = objectsOfKind(context, 'networking', 'TrafficPolicy')
    const policies = policyObjects.map((object) => ({
      policy: readTrafficPolicy(object, source),
      selectors: readRouteSelectors(readKind(trafficPolicyKind, object, management).spec),
    }))
    const gateways: GatewayInput = {
      gateways: enterpriseObjects(context, 'VirtualGateway').map((object) => readGateway(object, source)),
      hosts: enterpriseObjects(context, 'VirtualHost').map((object) => readHost(object, source)),
      tables: enterpriseObjects(context, 'RouteTable').map((object) => readTable(object, source)),
      policies,
    }
    const limits = enterpriseObjects(context, 'ServiceDependency').map((object) =>
      readServiceDependency(object, source),
    )
    const intent: Intent = {
      dialect,
      meshes: found.meshes,
      services: found.services,
      externalServices: found.external,
      workloads: found.workloads,
      virtualMeshes,
      trafficPolicies: policies.map(({ policy }) => policy),
      accessPolicies: objectsOfKind(context, 'networking', 'AccessPolicy').map((object) =>
        readAccessPolicy(object, source),
      ),
      virtualDestinations: [
        ...enterpriseObjects(context, 'VirtualDestination').map((object) => readVirtualDestination(object, source)),
        ...objectsOfKind(context, 'networking', 'FailoverService').map((object) => readFailoverService(object, source)),
      ],
      otherTargets: routeTargets(gateways),
    }
    return {
      intent,
      report: (outcome) =>
        new Reporter({
          context,
          intent,
          inventory: found,
          detectors,
          gateways,
          dependencies: limits,
          settings: settings.object,
        }).report(outcome),
    }
  },
}

const keyOf = ({ namespace, name }: ObjectRef): string => `${namespace}/${name}`

function enterpriseObjects({ snapshot, management }: ReadContext, kind: string): KubeObject[] {
  const objects = [...objectsOf(snapshot.clusters.get(management), `${enterprise}/${kind}`).values()]
  return objects.sort((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1))
}

/** The Settings object that counts, and what it says. */
function readSettings(context: ReadContext): { readonly object?: KubeObject; readonly spec: SettingsSpec } {
  const object = objectsOfKind(context, 'settings', 'Settings').find(
    ({ metadata }) => metadata.name === 'settings' && metadata.namespace === managementNamespace,
  )
  if (object === undefined) return { spec: {} }
  return { object, spec: readKind(settingsKind, object, context.management).spec }
}

interface ReporterInput {
  readonly context: ReadContext
  readonly intent: Intent
  readonly inventory: GlooInventory
  readonly detectors: GatewayDetectors
  readonly gateways: GatewayInput
  readonly dependencies: readonly ServiceDependency[]
  readonly settings: KubeObject | undefined
}

/** Says what became of everything. */
class Reporter {
  readonly #input: ReporterInput

  constructor(input: ReporterInput) {
    this.#input = input
  }

  report(outcome: Outcome): GenerationReport {
    const { context, intent, inventory, detectors } = this.#input
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
        ...gateways.objects,
        ...limits.objects,
        ...discoveryObjects(inventory, outcome, detectors),
        ...groups.flatMap((each) => certificateObjects(each, outcome)),
      ],
      secrets: groups.flatMap((each) => rootSecret(each, intent.dialect, context.management)),
      statuses: [
        ...this.#settingsStatus(),
        ...inventory.meshes.map((mesh) => meshStatus(mesh, this.#generationOf(mesh.object), outcome, this.#specOf)),
        ...inventory.services.map((service) =>
          destinationStatus(service, this.#generationOf(service.object), outcome, this.#specOf),
        ),
        ...inventory.workloads.map((workload) =>
          statusOf(
            workload.object,
            compact({
              observedGeneration: String(this.#generationOf(workload.object)),
              serviceDependencies: limits.ofWorkload(workload),
            }),
          ),
        ),
        ...traffic.map((each) => trafficPolicyStatus(each, outcome, gateways.routesOf.get(each.policy) ?? {})),
        ...access.map((each) => accessPolicyStatus(each, outcome)),
        ...found.map(({ each, ...wrong }) =>
          virtualMeshStatus(each, outcome, wrong, at(this.#objectOf(each.virtualMesh.object)?.status, 'conditions')),
        ),
        ...destinations.map(virtualDestinationStatus),
        ...gateways.statuses,
        ...limits.statuses,
        ...others.statuses,
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

  #settingsStatus(): StatusObject[] {
    const object = this.#input.settings
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
