// TrafficPolicy, AccessControlPolicy and VirtualMesh of Service Mesh Hub → the model.
import { type KubeObject, readKind, refOf } from '../../resources/index.ts'
import {
  type AccessControlPolicySpec,
  accessControlPolicy,
  readEnforcement,
  type TrafficPolicySpec,
  trafficPolicy,
  type VirtualMeshSpec,
  virtualMesh,
} from '../../resources/zephyr/index.ts'
import type {
  AccessDefault,
  AccessPolicy,
  ClusterRef,
  Dialect,
  HttpMatcher,
  IdentitySelector,
  RequestPolicy,
  RootAuthority,
  ServiceSelector,
  StringMatch,
  TrafficPolicy,
  UserObject,
  VirtualMesh,
} from '../shared/index.ts'
import { asInteger, asText, at, headerManipulationOf, outlierDetectionOf, stringMatchOf } from '../shared/index.ts'

interface Ref {
  readonly name?: string
  readonly namespace?: string
  readonly cluster?: string
}

/** What is read of a management object, whatever its kind. */
export interface Source {
  readonly dialect: Dialect
  readonly cluster: string
}

const clusterRef = ({ name = '', namespace = '', cluster = '' }: Ref = {}): ClusterRef => ({ name, namespace, cluster })

function userObject(object: KubeObject, { dialect, cluster }: Source, problems: UserObject['problems']): UserObject {
  const generation = object.metadata.generation ?? 1
  const status = object.status
  // Policies accepted before come first, in the order of their age; the API records no other order.
  const accepted =
    asText(at(status, 'translationStatus', 'state')) === 'ACCEPTED' &&
    asInteger(at(status, 'observedGeneration')) === generation
  return {
    object: refOf(cluster, object),
    version: object,
    dialect,
    generation,
    seniority: { acceptanceOrder: () => (accepted ? 0 : undefined), created: object.metadata.creationTimestamp ?? '' },
    problems,
  }
}

function serviceSelectors(selector: TrafficPolicySpec['destinationSelector']): ServiceSelector[] {
  if (selector === undefined) return []
  const { matcher, serviceRefs } = selector
  if (serviceRefs !== undefined) return [{ refs: (serviceRefs.services ?? []).map(clusterRef) }]
  if (matcher === undefined) return []
  const { labels = {}, namespaces = [], clusters = [] } = matcher
  return [{ matcher: { labels, namespaces, clusters } }]
}

export function readTrafficPolicy(object: KubeObject, source: Source): TrafficPolicy {
  const { spec, problems } = readKind(trafficPolicy, object, source.cluster)
  const { labels = {}, namespaces = [] } = spec.sourceSelector ?? {}
  const anySource = Object.keys(labels).length === 0 && namespaces.length === 0
  return {
    ...userObject(object, source, problems),
    sources: anySource ? [] : [{ labels, namespaces, clusters: [] }],
    destinations: serviceSelectors(spec.destinationSelector),
    matchers: (spec.httpRequestMatchers ?? []).map(matcherOf),
    policy: requestPolicy(spec),
  }
}

type Matcher = NonNullable<TrafficPolicySpec['httpRequestMatchers']>[number]

function matcherOf(matcher: Matcher): HttpMatcher {
  const value = (text: string | undefined, regex: boolean | undefined): StringMatch | undefined =>
    text === undefined || text === '' ? undefined : regex ? { regex: text } : { exact: text }
  return {
    uri: stringMatchOf(matcher),
    headers: (matcher.headers ?? []).map(({ name = '', value: text, regex, invertMatch = false }) => ({
      name,
      match: value(text, regex),
      invert: invertMatch,
    })),
    query: (matcher.queryParameters ?? []).map(({ name = '', value: text, regex }) => ({
      name,
      match: value(text, regex),
    })),
    // A method that is given without a value is the first of the enum.
    method: matcher.method === undefined ? undefined : (matcher.method.method ?? 'GET'),
  }
}

function requestPolicy(spec: TrafficPolicySpec): RequestPolicy {
  const { trafficShift, faultInjection: fault, retries, mirror, corsPolicy: cors } = spec
  return {
    trafficShift: trafficShift?.destinations?.map(({ destination, weight, subset = {}, port }) => ({
      target: { kind: 'service', ref: clusterRef(destination), subset, port: port || undefined },
      weight,
    })),
    faultInjection: fault && {
      abort: fault.abort && { httpStatus: fault.abort.httpStatus ?? 0 },
      delay: fault.delay && delayOf(fault.delay),
      percentage: fault.percentage ?? 100,
    },
    requestTimeout: spec.requestTimeout,
    retries: retries && { attempts: retries.attempts ?? 0, perTryTimeout: retries.perTryTimeout },
    corsPolicy: cors && {
      ...cors,
      allowOrigins: (cors.allowOrigins ?? []).flatMap((origin) => stringMatchOf(origin) ?? []),
      allowMethods: cors.allowMethods ?? [],
      allowHeaders: cors.allowHeaders ?? [],
      exposeHeaders: cors.exposeHeaders ?? [],
    },
    mirror: mirror && {
      ref: clusterRef(mirror.destination),
      percentage: mirror.percentage ?? 100,
      port: mirror.port || undefined,
    },
    headerManipulation: headerManipulationOf(spec.headerManipulation),
    outlierDetection: outlierDetectionOf(spec.outlierDetection),
  }
}

function delayOf({ fixedDelay, exponentialDelay }: { fixedDelay?: string; exponentialDelay?: string }) {
  return exponentialDelay === undefined ? { fixedDelay: fixedDelay ?? '0s' } : { exponentialDelay }
}

export function readAccessControlPolicy(object: KubeObject, source: Source): AccessPolicy {
  const { spec, problems } = readKind(accessControlPolicy, object, source.cluster)
  return {
    ...userObject(object, source, problems),
    sources: [identityOf(spec.sourceSelector)],
    destinations: serviceSelectors(spec.destinationSelector),
    paths: spec.allowedPaths ?? [],
    // As the original writes it; so a policy never opens a port that does not speak HTTP.
    methods: spec.allowedMethods?.length ? spec.allowedMethods : ['*'],
    ports: spec.allowedPorts ?? [],
  }
}

/** No selector means anybody who has an identity. */
function identityOf(selector: AccessControlPolicySpec['sourceSelector']): IdentitySelector {
  const none = { requestPrincipals: [], notRequestPrincipals: [] }
  const { matcher, serviceAccountRefs } = selector ?? {}
  if (serviceAccountRefs !== undefined)
    return {
      namespaces: [],
      clusters: [],
      accounts: (serviceAccountRefs.serviceAccounts ?? []).map(clusterRef),
      ...none,
    }
  const { namespaces = [], clusters = [] } = matcher ?? {}
  return { namespaces, clusters, ...none, authenticated: namespaces.length === 0 && clusters.length === 0 }
}

const accessDefaults: Readonly<Record<string, AccessDefault>> = { ENABLED: 'deny', DISABLED: 'allow' }

export function readVirtualMesh(object: KubeObject, source: Source): VirtualMesh {
  const { spec, problems } = readKind(virtualMesh, object, source.cluster)
  return {
    ...userObject(object, source, problems),
    members: (spec.meshes ?? []).map(({ name = '', namespace = '' }) => ({ name, namespace })),
    trust: {
      root: rootOf(spec, object, source.dialect),
      intermediate: { ttlDays: 365, keyBits: undefined, organization: 'Istio', renewRatio: 0.1 },
      autoRestartPods: false,
    },
    // PERMISSIVE is the only mode, also if nothing is said: every service goes to every member.
    federation: { selectors: [{ services: [], meshes: [] }], flatNetwork: false },
    access: accessDefaults[readEnforcement(spec.enforceAccessControl) ?? ''] ?? 'mesh-default',
  }
}

function rootOf(
  { certificateAuthority: authority }: VirtualMeshSpec,
  object: KubeObject,
  dialect: Dialect,
): RootAuthority {
  const { builtin = {}, provided } = authority ?? {}
  if (provided !== undefined) {
    const { name = '', namespace = object.metadata.namespace ?? '' } = provided.certificate ?? {}
    return { kind: 'provided', secret: { name, namespace } }
  }
  return {
    kind: 'generated',
    secret: { name: `${object.metadata.name}-ca-certs`, namespace: dialect.managementNamespace },
    secretType: 'solo.io/ca-root',
    secretKeys: ['root-cert.pem', 'ca-cert.pem', 'ca-key.pem', 'cert-chain.pem'],
    ttlDays: builtin.ttlDays || 365,
    keyBits: builtin.rsaKeySizeBytes || 4096,
    organization: builtin.orgName || 'service-mesh-hub',
  }
}
