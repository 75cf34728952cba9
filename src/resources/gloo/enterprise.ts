// The other enterprise kinds of Gloo Mesh.
import { anyObject, enumeration, list, map, object, type Static, string, uint32 } from '../dsl.ts'
import {
  commonStatus,
  defineKind,
  destinationSelectors,
  objectRef,
  spec,
  stateColumn,
  v1,
  v1beta1,
  workloadSelectors,
} from './common.ts'

const networking = { group: 'networking.enterprise.mesh.gloo.solo.io', versions: v1beta1, categories: ['gloo-mesh'] }
const rbac = { group: 'rbac.enterprise.mesh.gloo.solo.io', versions: v1, categories: ['gloo-mesh'] }

export const serviceDependency = defineKind({
  ...networking,
  kind: 'ServiceDependency',
  plural: 'servicedependencies',
  shortNames: ['sd'],
  description: 'Which services some workloads call; their proxies are told of no others.',
  spec: spec({ sourceSelectors: workloadSelectors, destinationSelectors }),
  status: object({ ...commonStatus, workloads: map(anyObject()) }),
  printerColumns: [stateColumn],
})

export const wasmDeployment = defineKind({
  ...networking,
  kind: 'WasmDeployment',
  plural: 'wasmdeployments',
  shortNames: ['wd'],
  description: 'Wasm filters for the proxies of workloads.',
  spec: spec({
    workloadSelector: workloadSelectors,
    filters: list(anyObject()),
    weight: uint32(),
  }),
  status: object({
    ...commonStatus,
    workloadStates: map(enumeration(['DEPLOYMENT_PENDING', 'FILTERS_DEPLOYED', 'DEPLOYMENT_FAILED'])),
  }),
  printerColumns: [stateColumn],
})

export const rateLimitServerConfig = defineKind({
  ...networking,
  kind: 'RateLimitServerConfig',
  plural: 'ratelimitserverconfigs',
  shortNames: ['rlsc'],
  description: 'Rate limits as the rate limit server counts them.',
  spec: spec({
    destinationServers: list(anyObject()),
    raw: object({ descriptors: list(anyObject()), setDescriptors: list(anyObject()) }),
  }),
  status: object(commonStatus),
  printerColumns: [stateColumn],
})

export const rateLimitClientConfig = defineKind({
  ...networking,
  kind: 'RateLimitClientConfig',
  plural: 'ratelimitclientconfigs',
  shortNames: ['rlcc'],
  description: 'What of a request is sent to the rate limit server.',
  spec: spec({ raw: anyObject(), rateLimits: anyObject() }),
  status: object(commonStatus),
  printerColumns: [stateColumn],
})

export const certificateVerification = defineKind({
  ...networking,
  kind: 'CertificateVerification',
  plural: 'certificateverifications',
  shortNames: ['cv'],
  description: 'A step of a root rotation that somebody has verified.',
  spec: spec({ step: string(), action: enumeration(['CONTINUE', 'ROLLBACK']), virtualMesh: objectRef() }),
  status: object(commonStatus),
})

export const accessLogRecord = defineKind({
  group: 'observability.enterprise.mesh.gloo.solo.io',
  versions: v1,
  categories: ['gloo-mesh'],
  kind: 'AccessLogRecord',
  plural: 'accesslogrecords',
  shortNames: ['alr'],
  description: 'Which requests of which workloads are logged.',
  spec: spec({
    workloadSelectors,
    filters: list(anyObject()),
    includedRequestHeaders: list(string()),
    includedResponseHeaders: list(string()),
    includedResponseTrailers: list(string()),
    includedFilterStateObjects: list(string()),
  }),
  status: object({ ...commonStatus, workloads: list(string()) }),
  printerColumns: [stateColumn],
})

export const role = defineKind({
  ...rbac,
  kind: 'Role',
  plural: 'roles',
  shortNames: ['gmrole'],
  description: 'Which fields of policies somebody may write.',
  spec: anyObject(),
  status: object(commonStatus),
})

export const roleBinding = defineKind({
  ...rbac,
  kind: 'RoleBinding',
  plural: 'rolebindings',
  shortNames: ['gmrolebinding'],
  description: 'Who has a role.',
  spec: spec({ subjects: list(object({ kind: string(), name: string() })), roleRef: objectRef() }),
  status: object(commonStatus),
})

export const xdsConfig = defineKind({
  group: 'xds.agent.enterprise.mesh.gloo.solo.io',
  versions: v1beta1,
  categories: ['gloo-mesh'],
  kind: 'XdsConfig',
  plural: 'xdsconfigs',
  description: "Resources of the original agent's own xDS server; Fairlead has one of its own and writes none.",
  spec: anyObject(),
  status: object(commonStatus),
})

export const istioInstallation = defineKind({
  group: 'admin.enterprise.mesh.gloo.solo.io',
  versions: [{ name: 'v1alpha1', storage: true }],
  categories: ['gloo-mesh'],
  kind: 'IstioInstallation',
  plural: 'istioinstallations',
  description: 'An Istio that the original would install; Fairlead installs none.',
  spec: anyObject(),
  status: object(commonStatus),
})

export type ServiceDependencySpec = Static<typeof serviceDependency.spec>
