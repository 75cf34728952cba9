// networking.mesh.gloo.solo.io: what users say.
import {
  anyValue,
  boolean,
  enumeration,
  list,
  map,
  number,
  object,
  protoDuration,
  type Static,
  string,
  uint32,
} from '../dsl.ts'
import { checkAccessPolicy, checkTrafficPolicy, checkVirtualMesh } from './checks.ts'
import {
  approvalStatus,
  bothVersions,
  clusterObjectRef,
  commonStatus,
  defineKind,
  destinationSelectors,
  identitySelectors,
  ingressGatewaySelectors,
  labels,
  objectRef,
  objectSelector,
  spec,
  stateColumn,
  v1alpha2,
  workloadSelectors,
} from './common.ts'
import { httpMatcherFields, policy, policyFields } from './policy.ts'

const common = { group: 'networking.mesh.gloo.solo.io', versions: bothVersions, categories: ['gloo-mesh'] }

export const routeSelectors = list(
  object({
    virtualHostRefs: list(objectRef()),
    virtualHostSelector: objectSelector,
    routeTableRefs: list(objectRef()),
    routeTableSelector: objectSelector,
    routeLabelMatcher: labels,
  }),
  { description: 'Routes of gateways, any of.' },
)

export const trafficPolicySpec = spec({
  sourceSelector: workloadSelectors,
  destinationSelector: destinationSelectors,
  routeSelector: routeSelectors,
  httpRequestMatchers: list(
    object({
      ...httpMatcherFields,
      prefix: string(),
      exact: string(),
      regex: string(),
      method: anyValue({ description: 'HTTP method, as text; v1alpha2: {method: GET}.' }),
    }),
    { description: 'Requests, any of; omitted: all.' },
  ),
  policy,
  ...policyFields,
})

export const trafficPolicy = defineKind({
  ...common,
  kind: 'TrafficPolicy',
  plural: 'trafficpolicies',
  shortNames: ['tp'],
  description: 'What happens to requests: splits, faults, timeouts, retries and the like, across clusters.',
  spec: trafficPolicySpec,
  status: object({
    ...commonStatus,
    destinations: map(approvalStatus),
    trafficTargets: map(approvalStatus),
    workloads: list(string()),
    gatewayRoutes: map(object({ routes: list(string()) })),
  }),
  printerColumns: [stateColumn],
  checkFields: (root, { spec: value }) => value && checkTrafficPolicy(root.field('spec'), value),
})

export const accessPolicy = defineKind({
  ...common,
  kind: 'AccessPolicy',
  plural: 'accesspolicies',
  shortNames: ['ap'],
  description: 'Who may call which services.',
  spec: spec({
    sourceSelector: identitySelectors,
    destinationSelector: destinationSelectors,
    allowedPaths: list(string()),
    allowedMethods: list(string()),
    allowedPorts: list(uint32()),
  }),
  status: object({
    ...commonStatus,
    destinations: map(approvalStatus),
    trafficTargets: map(approvalStatus),
    workloads: list(string()),
  }),
  printerColumns: [stateColumn],
  checkFields: (root, { spec: value }) => value && checkAccessPolicy(root.field('spec'), value),
})

const certOptions = object({
  ttlDays: uint32(),
  rsaKeySizeBytes: uint32({ description: 'In bits, in spite of its name.' }),
  orgName: string(),
  secretRotationGracePeriodRatio: number(),
})

export const vaultCa = object({
  caPath: string(),
  csrPath: string(),
  server: string(),
  caBundle: string(),
  namespace: string(),
  tokenSecretRef: objectRef(),
  kubernetesAuth: object({
    mountPath: string(),
    role: string(),
    secretTokenKey: string(),
    serviceAccountRef: objectRef(),
    mountedSaPath: string(),
  }),
})

const sharedTrust = object({
  rootCertificateAuthority: object(
    { generated: certOptions, secret: objectRef() },
    { atMostOne: [['generated', 'secret']] },
  ),
  intermediateCertificateAuthority: object({ vault: vaultCa }),
  intermediateCertOptions: certOptions,
})

export const virtualMesh = defineKind({
  ...common,
  kind: 'VirtualMesh',
  plural: 'virtualmeshes',
  shortNames: ['vm'],
  description: 'Meshes that trust each other and know each other’s services.',
  spec: spec({
    displayName: string(),
    meshes: list(objectRef()),
    mtlsConfig: object(
      {
        shared: sharedTrust,
        limited: object({}),
        autoRestartPods: boolean(),
        rotationVerificationMethod: object({ none: object({}), manual: object({}) }),
        rotationStrategy: enumeration(['MULTI_ROOT', 'NONE']),
      },
      { atMostOne: [['shared', 'limited']] },
    ),
    federation: object({
      ingressGatewaySelectors,
      eastWestIngressGatewaySelectors: ingressGatewaySelectors,
      selectors: list(object({ destinationSelectors, meshes: list(objectRef()) })),
      permissive: object({}),
      flatNetwork: boolean(),
      hostnameSuffix: string({ description: 'End of global host names; omitted: global.' }),
      tcpKeepalive: object({ probes: uint32(), time: protoDuration(), interval: protoDuration() }),
    }),
    globalAccessPolicy: enumeration(['MESH_DEFAULT', 'ENABLED', 'DISABLED']),
  }),
  status: object({
    ...commonStatus,
    meshes: map(approvalStatus),
    destinations: map(approvalStatus),
    conditions: list(object({ timestamp: string(), state: string(), message: string(), errors: list(string()) })),
    deployedSharedTrust: sharedTrust,
  }),
  printerColumns: [stateColumn],
  checkFields: (root, { spec: value }) => value && checkVirtualMesh(root.field('spec'), value),
})

export const failoverService = defineKind({
  ...common,
  versions: v1alpha2,
  kind: 'FailoverService',
  plural: 'failoverservices',
  description: 'A global service with an order of preference (a VirtualDestination with static destinations since v1).',
  spec: spec({
    hostname: string(),
    port: object({ number: uint32(), protocol: string() }),
    meshes: list(objectRef()),
    backingServices: list(object({ kubeService: clusterObjectRef() })),
  }),
  status: object({ ...commonStatus, meshes: map(approvalStatus) }),
  printerColumns: [stateColumn],
})

export type TrafficPolicySpec = Static<typeof trafficPolicySpec>
export type AccessPolicySpec = Static<typeof accessPolicy.spec>
export type VirtualMeshSpec = Static<typeof virtualMesh.spec>
export type FailoverServiceSpec = Static<typeof failoverService.spec>
