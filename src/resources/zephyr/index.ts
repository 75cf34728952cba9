import type { KindDefinition } from '../dsl.ts'
import { settings } from './core.ts'
import { kubernetesCluster, mesh, meshService, meshWorkload } from './discovery.ts'
import { accessControlPolicy, trafficPolicy, virtualMesh } from './networking.ts'
import { certificateSigningRequest } from './security.ts'

export { readEnforcement } from './checks.ts'
export {
  type KubernetesClusterSpec,
  kubernetesCluster,
  type MeshServiceSpec,
  type MeshSpec,
  type MeshWorkloadSpec,
  mesh,
  meshService,
  meshWorkload,
} from './discovery.ts'
export {
  type AccessControlPolicySpec,
  accessControlPolicy,
  type TrafficPolicySpec,
  trafficPolicy,
  type VirtualMeshSpec,
  virtualMesh,
} from './networking.ts'
export { type CertificateSigningRequestSpec, certificateSigningRequest } from './security.ts'

/** All kinds of Service Mesh Hub v1alpha1. */
export const zephyrKinds: readonly KindDefinition[] = [
  settings,
  kubernetesCluster,
  mesh,
  meshService,
  meshWorkload,
  trafficPolicy,
  accessControlPolicy,
  virtualMesh,
  certificateSigningRequest,
]
