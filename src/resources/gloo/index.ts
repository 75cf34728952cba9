import type { KindDefinition } from '../dsl.ts'
import { certificateRequest, issuedCertificate, podBounceDirective } from './certificates.ts'
import { destination, kubernetesCluster, mesh, trafficTarget, workload } from './discovery.ts'
import {
  accessLogRecord,
  certificateVerification,
  istioInstallation,
  rateLimitClientConfig,
  rateLimitServerConfig,
  role,
  roleBinding,
  serviceDependency,
  wasmDeployment,
  xdsConfig,
} from './enterprise.ts'
import { routeTable, virtualGateway, virtualHost } from './gateway.ts'
import { accessPolicy, failoverService, trafficPolicy, virtualMesh } from './networking.ts'
import { dashboard, settings } from './settings.ts'
import { virtualDestination } from './virtual-destination.ts'

export {
  type IssuedCertificateSpec,
  issuedCertificate,
  type PodBounceDirectiveSpec,
  podBounceDirective,
} from './certificates.ts'
export {
  type DestinationSpec,
  destination,
  type KubernetesClusterSpec,
  kubernetesCluster,
  type MeshSpec,
  mesh,
  trafficTarget,
  type WorkloadSpec,
  workload,
} from './discovery.ts'
export { type ServiceDependencySpec, serviceDependency, wasmDeployment } from './enterprise.ts'
export {
  type RouteSpec,
  type RouteTableSpec,
  routeTable,
  type VirtualGatewaySpec,
  type VirtualHostSpec,
  virtualGateway,
  virtualHost,
} from './gateway.ts'
export { unsupportedKinds } from './needs.ts'
export {
  type AccessPolicySpec,
  accessPolicy,
  type FailoverServiceSpec,
  failoverService,
  type TrafficPolicySpec,
  trafficPolicy,
  type VirtualMeshSpec,
  virtualMesh,
} from './networking.ts'
export type { PolicySpec, WeightedDestinationSpec } from './policy.ts'
export { type SettingsSpec, settings } from './settings.ts'
export { type VirtualDestinationSpec, virtualDestination } from './virtual-destination.ts'

const kinds: readonly KindDefinition[] = [
  settings,
  dashboard,
  kubernetesCluster,
  mesh,
  workload,
  destination,
  trafficTarget,
  virtualMesh,
  trafficPolicy,
  accessPolicy,
  failoverService,
  virtualDestination,
  virtualGateway,
  virtualHost,
  routeTable,
  serviceDependency,
  wasmDeployment,
  rateLimitServerConfig,
  rateLimitClientConfig,
  certificateVerification,
  accessLogRecord,
  role,
  roleBinding,
  xdsConfig,
  istioInstallation,
  issuedCertificate,
  certificateRequest,
  podBounceDirective,
]

/**
 * The groups that v1alpha2 had before Gloo Mesh had its name (Service Mesh Hub 0.7 and 0.8). Same kinds, same shapes.
 */
const formerGroups: readonly KindDefinition[] = [
  mesh,
  workload,
  trafficTarget,
  virtualMesh,
  trafficPolicy,
  accessPolicy,
  failoverService,
  issuedCertificate,
  certificateRequest,
  settings,
].map((kind) => ({
  ...kind,
  group: kind.group.replace('.mesh.gloo.solo.io', '.smh.solo.io'),
  versions: [{ name: 'v1alpha2', storage: true }],
  shortNames: [],
}))

/** All kinds of Gloo Mesh, and of the Service Mesh Hub releases that had its shapes. */
export const glooKinds: readonly KindDefinition[] = [...kinds, ...formerGroups]
