// AuthorizationPolicies of a workload → filters, in the order CUSTOM, AUDIT, DENY, ALLOW. CUSTOM stands apart, since it
// comes before the filters that authenticate.
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { RBAC_Action, type RBACSchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js'
import { ExtAuthzSchema as HttpExtAuthzSchema } from '#gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js'
import { RBACSchema as HttpRbacSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js'
import { ExtAuthzSchema as NetworkExtAuthzSchema } from '#gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js'
import { RBACSchema as NetworkRbacSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js'
import { meshConfigOf, type World } from '../../../discovery/index.ts'
import {
  type Authorization,
  type AuthorizationAction,
  authorizationsOf,
  type SecuredWorkload,
  workloadAuthorization,
} from '../../../mesh/security/index.ts'
import type { ObjectRef, Problem } from '../../../report/index.ts'
import type { ExtensionProvider } from '../../../resources/istio/index.ts'
import { extensionConfig } from '../proto.ts'
import { externalAuthorizer } from './ext-authz.ts'
import { filterNames } from './names.ts'
import type { ConditionContext } from './rbac/conditions.ts'
import { metadataMatcher, prefix, textValue } from './rbac/matchers.ts'
import { type FilterLevel, neverMatches, type PolicyInit, rulePolicy } from './rbac/policy.ts'

/** A filter as both kinds of filter chains take it: a name and its configuration. */
export type FilterInit = ReturnType<typeof extensionConfig<DescMessage>>

export interface AuthorizationFilters {
  /** To stand before authentication. */
  readonly custom: readonly FilterInit[]
  /** To stand behind it: they may ask who the caller is. */
  readonly local: readonly FilterInit[]
  readonly problems: readonly Problem[]
  /** The policies that the filters were made from. */
  readonly origin: readonly ObjectRef[]
}

/** What rules are read with. */
type MeshFacts = Omit<ConditionContext, 'namespace'> & { readonly level: FilterLevel }

type RbacInit = MessageInitShape<typeof RBACSchema>
type Policies = Record<string, PolicyInit>

const authorizerPrefix = 'istio-ext-authz'
const authorizerStatPrefix = 'istio_ext_authz_'
const badCustomSuffix = '-deny-due-to-bad-CUSTOM-action'
const dryRunStatPrefix = { ALLOW: 'istio_dry_run_allow_', DENY: 'istio_dry_run_deny_' } as const

/**
 * The filters that enforce a workload's authorization policies on requests (`http`) or connections (`tcp`). `ports`:
 * ports as policies name them → ports at which connections arrive, where they differ.
 */
export function authorizationFilters(
  world: World,
  workload: SecuredWorkload,
  level: FilterLevel,
  ports: ReadonlyMap<number, number> = new Map(),
): AuthorizationFilters {
  const policies = workloadAuthorization(world, workload)
  const mesh = meshConfigOf(world)
  const trustDomains = [mesh.trustDomain || 'cluster.local', ...(mesh.trustDomainAliases ?? [])]
  const facts: MeshFacts = { level, trustDomains, ports }
  const custom = customFilters(world, policies.CUSTOM, facts)
  const local = (['AUDIT', 'DENY', 'ALLOW'] as const).flatMap((action) =>
    policies[action].length === 0 ? [] : [localFilter(action, policies[action], facts)],
  )
  const origin = Object.values(policies).flatMap((list) => list.map((policy: Authorization) => policy.origin))
  return { custom: custom.filters, local, problems: custom.problems, origin }
}

const actions: Readonly<Record<AuthorizationAction, RBAC_Action>> = {
  ALLOW: RBAC_Action.ALLOW,
  DENY: RBAC_Action.DENY,
  AUDIT: RBAC_Action.LOG,
  CUSTOM: RBAC_Action.DENY,
}

function envoyPolicies(authorizations: readonly Authorization[], facts: MeshFacts, namePrefix = ''): Policies {
  const made: Policies = {}
  for (const { namespace, name, action, rules } of authorizations) {
    const nameOf = (index: number): string => `${namePrefix}ns[${namespace}]-policy[${name}]-rule[${index}]`
    if (rules.length === 0) made[nameOf(0)] = neverMatches
    for (const { index, rule } of rules) {
      const policy = rulePolicy(rule, action, { ...facts, namespace })
      if (policy !== undefined) made[nameOf(index)] = policy
    }
  }
  return made
}

/** One filter for all policies of an action; those in dry run are its shadow rules. */
function localFilter(
  action: 'AUDIT' | 'DENY' | 'ALLOW',
  authorizations: readonly Authorization[],
  facts: MeshFacts,
): FilterInit {
  const rulesOf = (dryRun: boolean): RbacInit | undefined => {
    const own = authorizations.filter((each) => each.dryRun === dryRun)
    return own.length === 0 ? undefined : { action: actions[action], policies: envoyPolicies(own, facts) }
  }
  const [rules, shadowRules] = [rulesOf(false), rulesOf(true)]
  return rbacFilter(facts.level, {
    ...(rules === undefined ? {} : { rules }),
    ...(shadowRules === undefined || action === 'AUDIT'
      ? {}
      : { shadowRules, shadowRulesStatPrefix: dryRunStatPrefix[action] }),
  })
}

interface RbacRules {
  readonly rules?: RbacInit
  readonly shadowRules?: RbacInit
  readonly shadowRulesStatPrefix?: string
}

function rbacFilter(level: FilterLevel, rules: RbacRules): FilterInit {
  return level === 'http'
    ? extensionConfig(filterNames.httpRbac, HttpRbacSchema, rules)
    : extensionConfig(filterNames.networkRbac, NetworkRbacSchema, { ...rules, statPrefix: 'tcp.' })
}

/**
 * For each authorizer a pair of filters: RBAC that only notes which policy matches, and the question to the authorizer,
 * asked where it noted one. What matches policies of an authorizer that cannot be asked is denied.
 */
function customFilters(
  world: World,
  authorizations: readonly Authorization[],
  facts: MeshFacts,
): { filters: FilterInit[]; problems: Problem[] } {
  const filters: FilterInit[] = []
  const problems: Problem[] = []
  const providers = (meshConfigOf(world).extensionProviders ?? []) as readonly ExtensionProvider[]
  for (const name of [...new Set(authorizations.map(({ provider }) => provider))].sort()) {
    const own = authorizations.filter(({ provider }) => provider === name)
    const policies = envoyPolicies(own, facts, `${authorizerPrefix}-${name}-`)
    const authorizer = externalAuthorizer(world, providers, name)
    if ('fault' in authorizer) {
      filters.push(rbacFilter(facts.level, { rules: { action: RBAC_Action.DENY, policies: renamed(policies) } }))
      problems.push(...own.map((policy) => providerProblem(policy, authorizer.fault)))
      continue
    }
    const ask = questionFilter(facts.level, name, authorizer)
    if (ask === undefined) continue
    const shadowRules: RbacInit = { action: RBAC_Action.DENY, policies }
    filters.push(rbacFilter(facts.level, { shadowRules, shadowRulesStatPrefix: authorizerStatPrefix }), ask)
  }
  return { filters, problems }
}

/** Policies of a world whose authorizers cannot be asked. */
export function authorizerProblems(world: World): Problem[] {
  const providers = (meshConfigOf(world).extensionProviders ?? []) as readonly ExtensionProvider[]
  return authorizationsOf(world)
    .filter(({ action }) => action === 'CUSTOM')
    .flatMap((policy) => {
      const authorizer = externalAuthorizer(world, providers, policy.provider)
      return 'fault' in authorizer ? [providerProblem(policy, authorizer.fault)] : []
    })
}

/** Undefined: the authorizer understands HTTP only. */
function questionFilter(
  level: FilterLevel,
  name: string,
  { http, tcp }: Exclude<ReturnType<typeof externalAuthorizer>, { fault: string }>,
): FilterInit | undefined {
  const path = [`${authorizerStatPrefix}shadow_effective_policy_id`]
  const noted = textValue(prefix(`${authorizerPrefix}-${name}-ns[`))
  const filterEnabledMetadata = (filter: string) => metadataMatcher(filter, path, noted)
  if (level === 'http')
    return extensionConfig(filterNames.httpExtAuthz, HttpExtAuthzSchema, {
      ...http,
      filterEnabledMetadata: filterEnabledMetadata(filterNames.httpRbac),
    })
  if (tcp === undefined) return undefined
  return extensionConfig(filterNames.networkExtAuthz, NetworkExtAuthzSchema, {
    ...tcp,
    filterEnabledMetadata: filterEnabledMetadata(filterNames.networkRbac),
  })
}

function renamed(policies: Policies): Policies {
  return Object.fromEntries(Object.entries(policies).map(([name, policy]) => [name + badCustomSuffix, policy]))
}

function providerProblem(policy: Authorization, fault: string): Problem {
  return {
    code: 'reference-not-found',
    severity: 'error',
    object: policy.origin,
    path: 'spec.provider.name',
    message: `provider ${JSON.stringify(policy.provider)} cannot be asked, so what the policy matches is denied: ${fault}`,
  }
}
