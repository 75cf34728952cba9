// networking.zephyr.solo.io: what users say.
import {
  anyValue,
  boolean,
  defineKind,
  enumeration,
  integer,
  list,
  map,
  number,
  object,
  protoDuration,
  type Static,
  string,
  uint32,
} from '../dsl.ts'
import { checkAccessControlPolicy, checkTrafficPolicy, checkVirtualMesh } from './checks.ts'
import {
  computedStatus,
  httpMethod,
  identitySelector,
  observedGeneration,
  resourceRef,
  serviceSelector,
  spec,
  stringMatch,
  translatorErrors,
  versions,
  workloadSelector,
} from './common.ts'

const group = 'networking.zephyr.solo.io'
const common = { group, versions, shortNames: [], categories: ['service-mesh-hub'] }

const headerMap = map(string())

const matcher = object(
  {
    prefix: string(),
    exact: string(),
    regex: string(),
    headers: list(object({ name: string(), value: string(), regex: boolean(), invertMatch: boolean() })),
    queryParameters: list(object({ name: string(), value: string(), regex: boolean() })),
    method: object({ method: httpMethod }),
  },
  { atMostOne: [['prefix', 'exact', 'regex']] },
)

const corsPolicy = object({
  allowOrigins: list(stringMatch),
  allowMethods: list(string()),
  allowHeaders: list(string()),
  exposeHeaders: list(string()),
  maxAge: protoDuration(),
  allowCredentials: boolean(),
})

export const trafficPolicySpec = spec(
  {
    sourceSelector: workloadSelector,
    destinationSelector: serviceSelector,
    httpRequestMatchers: list(matcher, { description: 'Requests, any of; omitted: all.' }),
    trafficShift: object({
      destinations: list(
        object({ destination: resourceRef(), weight: uint32(), subset: map(string()), port: uint32() }),
      ),
    }),
    faultInjection: object(
      {
        abort: object({ httpStatus: integer() }),
        delay: object(
          { fixedDelay: protoDuration(), exponentialDelay: protoDuration() },
          { atMostOne: [['fixedDelay', 'exponentialDelay']] },
        ),
        percentage: number({ description: 'Of the requests, 0 to 100; omitted: 100.' }),
      },
      { atMostOne: [['abort', 'delay']] },
    ),
    requestTimeout: protoDuration(),
    retries: object({ attempts: integer(), perTryTimeout: protoDuration() }),
    corsPolicy,
    mirror: object({ destination: resourceRef(), percentage: number(), port: uint32() }),
    headerManipulation: object({
      appendRequestHeaders: headerMap,
      removeRequestHeaders: list(string()),
      appendResponseHeaders: headerMap,
      removeResponseHeaders: list(string()),
    }),
    outlierDetection: object({
      consecutiveErrors: uint32(),
      interval: protoDuration(),
      baseEjectionTime: protoDuration(),
      maxEjectionPercent: uint32(),
    }),
  },
  { description: 'What happens to requests between the selected callers and services.' },
)

export const trafficPolicy = defineKind({
  ...common,
  kind: 'TrafficPolicy',
  plural: 'trafficpolicies',
  description: 'What happens to requests: splits, faults, timeouts, retries and the like, across clusters.',
  spec: trafficPolicySpec,
  status: object({
    observedGeneration,
    translationStatus: computedStatus,
    translatorErrors,
    validationStatus: computedStatus,
    conflictErrors: list(object({ configurationTarget: resourceRef(), errorMessage: string() })),
    warnings: list(string()),
  }),
  printerColumns: [{ name: 'State', type: 'string', jsonPath: '.status.translationStatus.state' }],
  checkFields: (root, { spec }) => spec && checkTrafficPolicy(root.field('spec'), spec),
})

export const accessControlPolicy = defineKind({
  ...common,
  kind: 'AccessControlPolicy',
  plural: 'accesscontrolpolicies',
  description: 'Who may call which services.',
  spec: spec({
    sourceSelector: identitySelector,
    destinationSelector: serviceSelector,
    allowedPaths: list(string()),
    allowedMethods: list(httpMethod),
    allowedPorts: list(uint32()),
  }),
  status: object({
    observedGeneration,
    translationStatus: computedStatus,
    translatorErrors,
    warnings: list(string()),
  }),
  printerColumns: [{ name: 'State', type: 'string', jsonPath: '.status.translationStatus.state' }],
  checkFields: (root, { spec }) => spec && checkAccessControlPolicy(root.field('spec'), spec),
})

export const virtualMesh = defineKind({
  ...common,
  kind: 'VirtualMesh',
  plural: 'virtualmeshes',
  description: 'Meshes that trust each other and know each other’s services.',
  spec: spec(
    {
      displayName: string(),
      meshes: list(resourceRef()),
      certificateAuthority: object(
        {
          builtin: object({ ttlDays: uint32(), rsaKeySizeBytes: uint32(), orgName: string() }),
          provided: object({ certificate: resourceRef() }),
        },
        { atMostOne: [['builtin', 'provided']] },
      ),
      federation: object({ mode: enumeration(['PERMISSIVE']) }),
      shared: object({}),
      limited: object({}),
      enforceAccessControl: anyValue({
        description: 'Deny what no AccessControlPolicy allows: true or ENABLED, false or DISABLED, MESH_DEFAULT.',
      }),
    },
    { atMostOne: [['shared', 'limited']] },
  ),
  status: object({
    observedGeneration,
    federationStatus: computedStatus,
    certificateStatus: computedStatus,
    configStatus: computedStatus,
    accessControlEnforcementStatus: computedStatus,
  }),
  printerColumns: [
    { name: 'Config', type: 'string', jsonPath: '.status.configStatus.state' },
    { name: 'Federation', type: 'string', jsonPath: '.status.federationStatus.state' },
    { name: 'Certificates', type: 'string', jsonPath: '.status.certificateStatus.state' },
  ],
  checkFields: (root, { spec }) => spec && checkVirtualMesh(root.field('spec'), spec),
})

export type TrafficPolicySpec = Static<typeof trafficPolicySpec>
export type AccessControlPolicySpec = Static<typeof accessControlPolicy.spec>
export type VirtualMeshSpec = Static<typeof virtualMesh.spec>
