// AccessPolicies → AuthorizationPolicies of the services that they let be called. Enforced where the service runs: the
// caller's identity passes the east-west gateway unchanged.
import type { Code } from '../../report/index.ts'
import type { Fleet } from './fleet.ts'
import type { AccessPolicy, IdentitySelector, Mesh, Service } from './model.ts'
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
export function trustDomains(meshes: Iterable<Mesh>): TrustDomains {
  const found = new Map<string, string[]>()
  for (const { cluster, trustDomain, isIstio } of meshes) {
    if (!isIstio) continue
    const known = found.get(cluster) ?? []
    if (trustDomain !== '' && !known.includes(trustDomain)) known.push(trustDomain)
    found.set(cluster, known)
  }
  return found
}

/** Which services a policy is for, and what is wrong with its callers. */
export function examineAccess(policy: AccessPolicy, fleet: Fleet, domains: TrustDomains): AccessResult {
  const errors: AccessError[] = []
  const warnings: AccessError[] = []
  for (const [index, source] of policy.sources.entries()) {
    const path = policy.sources.length > 1 ? `spec.sourceSelector[${index}]` : 'spec.sourceSelector'
    const { unknown } = sourceOf(source, domains)
    for (const cluster of unknown)
      errors.push({
        code: 'reference-not-found',
        path,
        message: `trust domain not found for cluster ${cluster}${accountsOn(source, cluster)}: no Istio mesh is known there`,
      })
    const shared = sharedDomain(source, domains)
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

/** Istio's source of an identity selector; undefined fields for "any caller". */
function sourceOf(selector: IdentitySelector, domains: TrustDomains): { source: Source; unknown: readonly string[] } {
  const { namespaces, clusters, accounts, requestPrincipals, notRequestPrincipals } = selector
  const jwt = { requestPrincipals, notRequestPrincipals }
  if (selector.authenticated) return { source: compact({ principals: ['*'], ...jwt }), unknown: [] }
  if (accounts !== undefined) return accountSource(accounts, domains, jwt)
  const unknown = clusters.filter((cluster) => (domains.get(cluster) ?? []).length === 0)
  if (clusters.length === 0) return { source: compact({ namespaces, ...jwt }), unknown }
  const principals = clusters.flatMap((cluster) =>
    (domains.get(cluster) ?? []).flatMap((domain) =>
      namespaces.length === 0 ? [`${domain}/ns/*`] : namespaces.map((namespace) => `${domain}/ns/${namespace}/sa/*`),
    ),
  )
  return { source: compact({ principals: [...new Set(principals)], ...jwt }), unknown }
}

function accountSource(
  accounts: NonNullable<IdentitySelector['accounts']>,
  domains: TrustDomains,
  jwt: Source,
): { source: Source; unknown: readonly string[] } {
  const principals = new Set<string>()
  const unknown = new Set<string>()
  for (const { cluster, namespace, name } of accounts) {
    const found = cluster === '' ? [...new Set([...domains.values()].flat())] : (domains.get(cluster) ?? [])
    if (found.length === 0) unknown.add(cluster)
    for (const domain of found)
      principals.add(name === '' ? `${domain}/ns/${namespace}/sa/*` : `${domain}/ns/${namespace}/sa/${name}`)
  }
  return { source: compact({ principals: [...principals], ...jwt }), unknown: [...unknown] }
}

/** The AuthorizationPolicies of a service. `policies`: those in force for it, senior first. */
export function accessObjects(
  service: Service,
  policies: readonly AccessPolicy[],
  domains: TrustDomains,
): ClusterObject[] {
  const made: ClusterObject[] = []
  const { cluster, namespace, name } = service.ref
  const perService = policies.filter(({ dialect }) => dialect.accessObjects === 'one-per-service')
  const first = perService[0]
  const spec = (rules: readonly object[]): object =>
    compact({ selector: compact({ matchLabels: service.selector }), action: 'ALLOW', rules })
  if (first !== undefined) {
    const origin = { dialect: first.dialect, parents: [service.object] }
    const rules = perService.map((policy) => ruleOf(policy, domains))
    made.push(istioObject('AuthorizationPolicy', { cluster, namespace, name }, origin, spec(rules)))
  }
  for (const policy of policies) {
    if (policy.dialect.accessObjects !== 'one-per-policy') continue
    const place = { cluster, namespace, name: `${policy.object.name}-${service.object.name}` }
    const origin = { dialect: policy.dialect, parents: [policy.object] }
    made.push(istioObject('AuthorizationPolicy', place, origin, spec([ruleOf(policy, domains)])))
  }
  return made
}

function ruleOf(policy: AccessPolicy, domains: TrustDomains): object {
  const sources = policy.sources.map((source) => sourceOf(source, domains).source)
  // One selector that means anybody makes the others moot; Istio refuses an empty source.
  const from = sources.some((source) => Object.keys(source).length === 0) ? [] : sources.map((source) => ({ source }))
  const { paths, methods } = policy
  const operation = compact({ paths, methods, ports: policy.ports.map(String) })
  return compact({ from, to: Object.keys(operation).length > 0 ? [{ operation }] : [] })
}
