// A rule of an AuthorizationPolicy → a policy of Envoy's RBAC filter.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { PolicySchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js'
import type { AuthorizationAction } from '../../../../mesh/security/index.ts'
import type { AuthorizationRule } from '../../../../resources/istio/index.ts'
import { type Condition, type ConditionContext, conditionsOf } from './conditions.ts'
import type { PermissionInit } from './permissions.ts'
import type { PrincipalInit } from './principals.ts'

export type PolicyInit = MessageInitShape<typeof PolicySchema>

/** What a filter sees: requests, or only connections. */
export type FilterLevel = 'http' | 'tcp'

const anyPermission: PermissionInit = { rule: { case: 'any', value: true } }
const anyPrincipal: PrincipalInit = { identifier: { case: 'any', value: true } }

/** Stands for a policy without rules. */
export const neverMatches: PolicyInit = {
  permissions: [{ rule: { case: 'notRule', value: anyPermission } }],
  principals: [{ identifier: { case: 'notId', value: anyPrincipal } }],
}

interface Algebra<M> {
  readonly any: M
  and(parts: M[]): M
  or(parts: M[]): M
  not(part: M): M
}

const permissionAlgebra: Algebra<PermissionInit> = {
  any: anyPermission,
  and: (rules) => ({ rule: { case: 'andRules', value: { rules } } }),
  or: (rules) => ({ rule: { case: 'orRules', value: { rules } } }),
  not: (value) => ({ rule: { case: 'notRule', value } }),
}

const principalAlgebra: Algebra<PrincipalInit> = {
  any: anyPrincipal,
  and: (ids) => ({ identifier: { case: 'andIds', value: { ids } } }),
  or: (ids) => ({ identifier: { case: 'orIds', value: { ids } } }),
  not: (value) => ({ identifier: { case: 'notId', value } }),
}

/**
 * The policy of a rule; undefined if it cannot match. Where only connections are seen, conditions on requests make an
 * ALLOW rule void, and vanish from all others: an unanswerable condition must never let somebody in.
 */
export function rulePolicy(
  rule: AuthorizationRule,
  action: AuthorizationAction,
  context: ConditionContext & { readonly level: FilterLevel },
): PolicyInit | undefined {
  const { level } = context
  const conditions = conditionsOf(rule, context)
  const unanswerable = [...conditions.permissions, ...conditions.principals].flat().some(({ http }) => http)
  if (level === 'tcp' && action === 'ALLOW' && unanswerable) return undefined
  return {
    permissions: conditions.permissions.map((list) => together(list, level, permissionAlgebra)),
    principals: conditions.principals.map((list) => together(list, level, principalAlgebra)),
  }
}

function together<M>(conditions: readonly Condition<M>[], level: FilterLevel, algebra: Algebra<M>): M {
  const parts = conditions
    .filter(({ http }) => level === 'http' || !http)
    .flatMap(({ values, notValues, match }) => [
      ...(values.length > 0 ? [algebra.or([...match(values)])] : []),
      ...(notValues.length > 0 ? [algebra.not(algebra.or([...match(notValues)]))] : []),
    ])
  return algebra.and(parts.length > 0 ? parts : [algebra.any])
}
