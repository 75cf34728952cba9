// TrafficPolicy, AccessPolicy, VirtualDestination and FailoverService of Gloo Mesh → the model.

import {
  type AccessPolicySpec,
  accessPolicy,
  failoverService,
  type PolicySpec,
  type TrafficPolicySpec,
  trafficPolicy,
  type VirtualDestinationSpec,
  virtualDestination,
  type WeightedDestinationSpec,
} from '../../resources/gloo/index.ts'
import { type KubeObject, readKind, refOf } from '../../resources/index.ts'
import {
  type AccessPolicy,
  asInteger,
  asText,
  at,
  type ClusterRef,
  type Dialect,
  type HttpMatcher,
  headerManipulationOf,
  type IdentitySelector,
  objectName,
  outlierDetectionOf,
  type Ref,
  type RequestPolicy,
  type ServiceSelector,
  type StringMatch,
  stringMatchOf,
  type TrafficPolicy,
  type UserObject,
  type VirtualDestination,
  type WeightedTarget,
  type WorkloadSelector,
} from '../shared/index.ts'

/** What is read of a management object, whatever its kind. */
export interface Source {
  readonly dialect: Dialect
  readonly cluster: string
}

interface LooseRef {
  readonly name?: string
  readonly namespace?: string
  readonly clusterName?: string
}

export const clusterRef = ({ name = '', namespace = '', clusterName = '' }: LooseRef = {}): ClusterRef => ({
  name,
  namespace,
  cluster: clusterName,
})
export const plainRef = ({ name = '', namespace = '' }: LooseRef = {}): Ref => ({ name, namespace })

/** `map`: the field of the status that tells what became of the object for each other one. */
export function userObject(
  object: KubeObject,
  source: Source,
  problems: UserObject['problems'],
  map = 'destinations',
): UserObject {
  const generation = object.metadata.generation ?? 1
  const { status } = object
  const upToDate = asInteger(at(status, 'observedGeneration')) === generation
  return {
    object: refOf(source.cluster, object),
    version: object,
    dialect: source.dialect,
    generation,
    seniority: {
      acceptanceOrder: (key) => {
        const entry = at(status, map, key)
        if (!upToDate || asText(at(entry, 'state')) !== 'ACCEPTED') return undefined
        return asInteger(at(entry, 'acceptanceOrder')) ?? 0
      },
      created: object.metadata.creationTimestamp ?? '',
    },
    problems,
  }
}

export function workloadSelectors(selectors: TrafficPolicySpec['sourceSelector']): WorkloadSelector[] {
  return (selectors ?? []).map(({ kubeWorkloadMatcher = {} }) => ({
    labels: kubeWorkloadMatcher.labels ?? {},
    namespaces: kubeWorkloadMatcher.namespaces ?? [],
    clusters: kubeWorkloadMatcher.clusters ?? [],
  }))
}

export function serviceSelectors(selectors: TrafficPolicySpec['destinationSelector']): ServiceSelector[] {
  return (selectors ?? []).map(({ kubeServiceMatcher: matcher, kubeServiceRefs: refs }) => ({
    matcher: matcher && {
      labels: matcher.labels ?? {},
      namespaces: matcher.namespaces ?? [],
      clusters: matcher.clusters ?? [],
    },
    refs: refs && (refs.services ?? []).map(clusterRef),
  }))
}

export function readTrafficPolicy(object: KubeObject, source: Source): TrafficPolicy {
  const { spec, problems } = readKind(trafficPolicy, object, source.cluster)
  return {
    ...userObject(object, source, problems),
    sources: workloadSelectors(spec.sourceSelector),
    destinations: serviceSelectors(spec.destinationSelector),
    matchers: (spec.httpRequestMatchers ?? []).map(({ method, ...matcher }) =>
      matcherOf({ ...matcher, method: methodOf(method) }),
    ),
    // Before v1 the fields stood in the spec itself.
    policy: requestPolicy(spec.policy ?? spec),
  }
}

/** `GET`, or `{method: GET}` as before v1. */
function methodOf(method: unknown): string | undefined {
  const text = asText(method) || asText(at(method, 'method'))
  return text === '' ? undefined : text.toUpperCase()
}

interface Matcher {
  readonly uri?: { exact?: string; prefix?: string; regex?: string; suffix?: string; ignoreCase?: boolean }
  readonly prefix?: string
  readonly exact?: string
  readonly regex?: string
  readonly headers?: readonly { name?: string; value?: string; regex?: boolean; invertMatch?: boolean }[]
  readonly queryParameters?: readonly { name?: string; value?: string; regex?: boolean }[]
  readonly method?: string | undefined
}

export function matcherOf(matcher: Matcher): HttpMatcher {
  const value = (text: string | undefined, regex: boolean | undefined): StringMatch | undefined =>
    text === undefined || text === '' ? undefined : regex ? { regex: text } : { exact: text }
  return {
    uri: stringMatch(matcher.uri) ?? stringMatchOf(matcher),
    headers: (matcher.headers ?? []).map(({ name = '', value: text, regex, invertMatch = false }) => ({
      name,
      match: value(text, regex),
      invert: invertMatch,
    })),
    query: (matcher.queryParameters ?? []).map(({ name = '', value: text, regex }) => ({
      name,
      match: value(text, regex),
    })),
    method: matcher.method,
  }
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Istio knows no suffix and, but for URIs as a whole, no case: both become regular expressions. */
function stringMatch(match: Matcher['uri']): StringMatch | undefined {
  if (match === undefined) return undefined
  const { exact, prefix, regex, suffix, ignoreCase } = match
  const flag = ignoreCase ? '(?i)' : ''
  if (suffix !== undefined) return { regex: `${flag}.*${escaped(suffix)}` }
  if (!ignoreCase) return stringMatchOf(match)
  if (exact !== undefined) return { regex: `${flag}${escaped(exact)}` }
  if (prefix !== undefined) return { regex: `${flag}${escaped(prefix)}.*` }
  return regex === undefined ? undefined : { regex: `${flag}${regex}` }
}

export function weightedTarget(weighted: WeightedDestinationSpec): WeightedTarget {
  const {
    kubeService,
    virtualDestination: virtual,
    failoverService: failover,
    staticDestination,
    clusterHeader,
    weight,
  } = weighted
  const named = virtual ?? failover
  const target: WeightedTarget['target'] =
    kubeService !== undefined
      ? {
          kind: 'service',
          ref: clusterRef(kubeService),
          subset: kubeService.subset ?? {},
          port: kubeService.port || undefined,
        }
      : named !== undefined
        ? { kind: 'virtual', ref: plainRef(named), subset: named.subset ?? {} }
        : staticDestination !== undefined
          ? { kind: 'static', ref: plainRef(staticDestination) }
          : { kind: 'cluster-header', header: clusterHeader ?? '' }
  return { target, weight, headers: headerManipulationOf(weighted.options?.headerManipulation) }
}

/** The policy of a TrafficPolicy, or the options of a route. */
export function requestPolicy(spec: PolicySpec): RequestPolicy {
  const { trafficShift, faultInjection: fault, retries, mirror, corsPolicy: cors, mtls, csrf } = spec
  const fixedDelay = fault?.fixedDelay ?? fault?.delay?.fixedDelay
  return {
    trafficShift: trafficShift?.destinations?.map(weightedTarget),
    faultInjection: fault && {
      abort: fault.abort && { httpStatus: fault.abort.httpStatus ?? 0 },
      delay: fixedDelay === undefined ? undefined : { fixedDelay },
      percentage: fault.percentage ?? 100,
    },
    requestTimeout: spec.requestTimeout,
    retries: retries && { attempts: retries.attempts ?? 0, perTryTimeout: retries.perTryTimeout },
    corsPolicy: cors && {
      ...cors,
      allowOrigins: (cors.allowOrigins ?? []).flatMap((origin) => stringMatch(origin) ?? []),
      allowMethods: cors.allowMethods ?? [],
      allowHeaders: cors.allowHeaders ?? [],
      exposeHeaders: cors.exposeHeaders ?? [],
    },
    mirror: mirror && {
      ref: clusterRef(mirror.kubeService),
      percentage: mirror.percentage ?? 100,
      port: mirror.port || undefined,
    },
    headerManipulation: headerManipulationOf(spec.headerManipulation),
    outlierDetection: outlierDetectionOf(spec.outlierDetection),
    tlsMode: mtls?.istio && (mtls.istio.tlsMode ?? 'DISABLE'),
    csrf: csrf && {
      isEnforced: csrf.filterEnabled ?? false,
      isShadow: csrf.shadowEnabled ?? false,
      percentage: csrf.percentage ?? 100,
      additionalOrigins: (csrf.additionalOrigins ?? []).flatMap((origin) => stringMatch(origin) ?? []),
    },
  }
}

export function readAccessPolicy(object: KubeObject, source: Source): AccessPolicy {
  const { spec, problems } = readKind(accessPolicy, object, source.cluster)
  return {
    ...userObject(object, source, problems),
    sources: (spec.sourceSelector ?? []).map(identityOf),
    destinations: serviceSelectors(spec.destinationSelector),
    paths: spec.allowedPaths ?? [],
    methods: spec.allowedMethods ?? [],
    ports: spec.allowedPorts ?? [],
  }
}

function identityOf(selector: NonNullable<AccessPolicySpec['sourceSelector']>[number]): IdentitySelector {
  const { kubeIdentityMatcher = {}, kubeServiceAccountRefs, requestIdentityMatcher = {} } = selector
  return {
    namespaces: kubeIdentityMatcher.namespaces ?? [],
    clusters: kubeIdentityMatcher.clusters ?? [],
    accounts: kubeServiceAccountRefs && (kubeServiceAccountRefs.serviceAccounts ?? []).map(clusterRef),
    requestPrincipals: requestIdentityMatcher.requestPrincipals ?? [],
    notRequestPrincipals: requestIdentityMatcher.notRequestPrincipals ?? [],
  }
}

/** Always on for virtual destinations: without it nobody would notice that a service fails. */
const outlierDefaults = { consecutiveErrors: 10, interval: '5s', baseEjectionTime: '120s', maxEjectionPercent: 100 }

export function readVirtualDestination(object: KubeObject, source: Source): VirtualDestination {
  const { spec, problems } = readKind(virtualDestination, object, source.cluster)
  const { port = {}, virtualMesh, meshList, localized } = spec
  const { number = 0, protocol = 'HTTP', targetName, targetNumber } = port
  return {
    ...userObject(object, source, problems, 'meshes'),
    hostname: spec.hostname ?? '',
    port: { number, protocol, target: targetName ?? (targetNumber || number) },
    members:
      virtualMesh === undefined
        ? { meshes: (meshList?.meshes ?? []).map(plainRef) }
        : { virtualMesh: plainRef(virtualMesh) },
    backing: backingOf(spec),
    outlierDetection: outlierDetectionOf(localized?.outlierDetection, outlierDefaults),
    addressScope: 'local-resource',
    place: {
      name: objectName(object.metadata.name, object.metadata.namespace ?? ''),
      namespace: source.dialect.managementNamespace,
    },
  }
}

function backingOf({ static: fixed, localized }: VirtualDestinationSpec): VirtualDestination['backing'] {
  if (fixed !== undefined)
    return { kind: 'ordered', services: (fixed.destinations ?? []).map(({ kubeService }) => clusterRef(kubeService)) }
  const locality = ({
    region = '',
    zone = '',
    subZone = '',
  }: {
    region?: string
    zone?: string
    subZone?: string
  } = {}) => ({ region, zone, subzone: subZone })
  return {
    kind: 'localized',
    services: serviceSelectors(localized?.destinationSelectors),
    failover: (localized?.failoverDirectives ?? []).map(({ from, to = [] }) => ({
      from: locality(from),
      to: to.map(locality),
    })),
  }
}

export function readFailoverService(object: KubeObject, source: Source): VirtualDestination {
  const { spec, problems } = readKind(failoverService, object, source.cluster)
  const { number = 0, protocol = 'http' } = spec.port ?? {}
  return {
    ...userObject(object, source, problems, 'meshes'),
    hostname: spec.hostname ?? '',
    port: { number, protocol, target: number },
    members: { meshes: (spec.meshes ?? []).map(plainRef) },
    backing: {
      kind: 'ordered',
      services: (spec.backingServices ?? []).map(({ kubeService }) => clusterRef(kubeService)),
    },
    addressScope: 'failover-service',
    place: { name: object.metadata.name, namespace: source.dialect.managementNamespace },
  }
}
