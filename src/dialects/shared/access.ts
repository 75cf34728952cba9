// AccessPolicies → AuthorizationPolicies of the services that they let be called. Enforced where the service runs: the
// caller's identity passes the east-west gateway unchanged.
import type { Code } from '../../report/index.ts'
import type { Fleet } from './fleet.ts'
import type { AccessPolicy, ClusterRef, IdentitySelector, Mesh, Service } from './model.ts'
import { type ClusterObject, istioObject } from './objects.ts'
import { compact } from './plain.ts'
import { selectsService } from './selectors.ts'

/** One thing that is wrong with a policy. */
export interface AccessError {
  readonly code: Code
  readonly path: string
  readonly message: string
}

/** What became of an AccessPolicy. */
export interface AccessResult {
  readonly policy: AccessPolicy
  /** An error keeps the policy from having any effect. */
  readonly errors: readonly AccessError[]
  readonly warnings: readonly AccessError[]
  readonly services: readonly Service[]
}

type Source = Readonly<Record<string, readonly string[]>>

/** Trust domains of the meshes on a cluster. */
export type TrustDomains = ReadonlyMap<string, readonly string[]>

/** Trust domains by cluster. */
function trustDomains(meshes: Iterable<Mesh>): TrustDomains {
  const found = new Map<string, string[]>()
  for (const { cluster, trustDomain, isIstio } of meshes) {
    if (!isIstio) continue
    const known = found.get(cluster) ?? []
    if (trustDomain !== '' && !known.includes(trustDomain)) known.push(trustDomain)
    found.set(cluster, known)
  }
  return found
}

/** What principals are made of. */
export interface Identities {
  readonly domains: TrustDomains
  /** Namespaces of a cluster in which workloads run as a service account. */
  readonly namespacesOf: (account: string, cluster: string) => readonly string[]
}

export function identitiesOf(meshes: Iterable<Mesh>, { workloads }: Fleet): Identities {
  const byAccount = Map.groupBy(workloads, ({ ref, serviceAccount }) => `${ref.cluster}/${serviceAccount}`)
  return {
    domains: trustDomains(meshes),
    namespacesOf: (account, cluster) => [
      ...new Set((byAccount.get(`${cluster}/${account}`) ?? []).map(({ ref }) => ref.namespace)),
    ],
  }
}

/** Which services a policy is for, and what is wrong with its callers. */
export function examineAccess(policy: AccessPolicy, fleet: Fleet, identities: Identities): AccessResult {
  const errors: AccessError[] = []
  const warnings: AccessError[] = []
  for (const [index, source] of policy.sources.entries()) {
    const path = policy.sources.length > 1 ? `spec.sourceSelector[${index}]` : 'spec.sourceSelector'
    const { unknown, homeless } = sourceOf(source, identities)
    for (const cluster of unknown)
      errors.push({
        code: 'reference-not-found',
        path,
        message: `trust domain not found for cluster ${cluster}${accountsOn(source, cluster)}: no Istio mesh is known there`,
      })
    for (const account of homeless)
      errors.push({
        code: 'reference-not-found',
        path,
        message: `service account ${account} has no namespace, and no known workload runs as an account of this name`,
      })
    const shared = sharedDomain(source, identities.domains)
    if (shared !== undefined) warnings.push({ code: 'no-effect', path, message: shared })
  }
  const services = [...fleet.services.values()].filter((service) => selectsService(policy.destinations, service))
  return { policy, errors, warnings, services }
}

function accountsOn({ accounts = [] }: IdentitySelector, cluster: string): string {
  const named = accounts.filter((account) => account.cluster === cluster)
  if (named.length === 0) return ''
  return ` (service account ${named.map((a) => `${a.name}.${a.namespace}.${a.cluster}`).join(', ')})`
}

/** Clusters of one trust domain cannot be told apart by an identity. */
function sharedDomain({ clusters, accounts = [] }: IdentitySelector, domains: TrustDomains): string | undefined {
  const meant = new Set([...clusters, ...accounts.map(({ cluster }) => cluster)].filter((cluster) => cluster !== ''))
  if (meant.size === 0) return undefined
  const wanted = new Set([...meant].flatMap((cluster) => domains.get(cluster) ?? []))
  const also = [...domains].filter(
    ([cluster, found]) => !meant.has(cluster) && found.some((domain) => wanted.has(domain)),
  )
  if (also.length === 0) return undefined
  return `callers from ${also.map(([cluster]) => cluster).join(', ')} are let in too: these clusters have the same trust domain, so identities do not tell them apart`
}

/** Istio's source of an identity selector, and what of it means nobody that is known. */
interface FoundSource {
  /** No fields: any caller. */
  readonly source: Source
  /** Clusters without a mesh. */
  readonly unknown: readonly string[]
  /** Names of service accounts that no workload of any namespace has. */
  readonly homeless: readonly string[]
}

function sourceOf(selector: IdentitySelector, identities: Identities): FoundSource {
  const { namespaces, clusters, accounts, requestPrincipals, notRequestPrincipals } = selector
  const jwt = { requestPrincipals, notRequestPrincipals }
  const nothing = { unknown: [], homeless: [] }
  if (selector.authenticated) return { source: compact({ principals: ['*'], ...jwt }), ...nothing }
  const named = accounts === undefined ? { principals: [], ...nothing } : principalsOf(accounts, identities)
  // Clusters are part of an identity; namespaces by themselves are a condition beside it.
  if (clusters.length === 0) {
    const { principals, unknown, homeless } = named
    return { source: compact({ principals, namespaces, ...jwt }), unknown, homeless }
  }
  const places = clusters.flatMap((cluster) =>
    (namespaces.length === 0 ? [''] : namespaces).map((namespace) => ({ cluster, namespace, name: '' })),
  )
  const placed = principalsOf(places, identities)
  const principals = [...new Set([...placed.principals, ...named.principals])]
  return {
    source: compact({ principals, ...jwt }),
    unknown: [...new Set([...placed.unknown, ...named.unknown])],
    homeless: named.homeless,
  }
}

interface Principals {
  readonly principals: readonly string[]
  readonly unknown: readonly string[]
  readonly homeless: readonly string[]
}

/** Principals of service accounts; a field that is empty means any. */
function principalsOf(accounts: readonly ClusterRef[], { domains, namespacesOf }: Identities): Principals {
  const principals = new Set<string>()
  const unknown = new Set<string>()
  const homeless = new Set<string>()
  for (const { cluster, namespace, name } of accounts) {
    const clusters = cluster === '' ? [...domains.keys()] : [cluster]
    const found = new Set<string>()
    for (const each of clusters) {
      // Istio has no principal for an account of any namespace, and a wider one would let others in.
      const homes = namespace === '' && name !== '' ? namespacesOf(name, each) : [namespace]
      for (const domain of domains.get(each) ?? [])
        for (const home of homes) found.add(home === '' ? `${domain}/ns/*` : `${domain}/ns/${home}/sa/${name || '*'}`)
    }
    if (!clusters.some((each) => (domains.get(each) ?? []).length > 0)) unknown.add(cluster)
    else if (found.size === 0) homeless.add(cluster === '' ? name : `${name} (cluster ${cluster})`)
    for (const principal of found) principals.add(principal)
  }
  return { principals: [...principals], unknown: [...unknown], homeless: [...homeless] }
}

/** The AuthorizationPolicies of a service. `policies`: those in force for it, senior first. */
export function accessObjects(
  service: Service,
  policies: readonly AccessPolicy[],
  identities: Identities,
): ClusterObject[] {
  const made: ClusterObject[] = []
  const { cluster, namespace, name } = service.ref
  const perService = policies.filter(({ dialect }) => dialect.accessObjects === 'one-per-service')
  const first = perService[0]
  const spec = (rules: readonly object[]): object =>
    compact({ selector: compact({ matchLabels: service.selector }), action: 'ALLOW', rules })
  if (first !== undefined) {
    const origin = { dialect: first.dialect, parents: [service.object] }
    const rules = perService.map((policy) => ruleOf(policy, identities))
    made.push(istioObject('AuthorizationPolicy', { cluster, namespace, name }, origin, spec(rules)))
  }
  for (const policy of policies) {
    if (policy.dialect.accessObjects !== 'one-per-policy') continue
    const place = { cluster, namespace, name: `${policy.object.name}-${service.object.name}` }
    const origin = { dialect: policy.dialect, parents: [policy.object] }
    made.push(istioObject('AuthorizationPolicy', place, origin, spec([ruleOf(policy, identities)])))
  }
  return made
}

function ruleOf(policy: AccessPolicy, identities: Identities): object {
  const sources = policy.sources.map((source) => sourceOf(source, identities).source)
  // One selector that means anybody makes the others moot; Istio refuses an empty source.
  const from = sources.some((source) => Object.keys(source).length === 0) ? [] : sources.map((source) => ({ source }))
  const { paths, methods } = policy
  const operation = compact({ paths, methods, ports: policy.ports.map(String) })
  return compact({ from, to: Object.keys(operation).length > 0 ? [{ operation }] : [] })
}
