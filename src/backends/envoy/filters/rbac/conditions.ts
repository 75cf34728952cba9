// A rule of an AuthorizationPolicy as lists of conditions: those on what is asked for (Envoy's permissions), and those on
// who asks (its principals). Conditions of a list hold together; of several lists one has to hold.
import type { AuthorizationCondition, AuthorizationRule } from '../../../../resources/istio/index.ts'
import type { PermissionInit } from './permissions.ts'
import * as permissions from './permissions.ts'
import type { PrincipalInit } from './principals.ts'
import * as principals from './principals.ts'

/** One attribute and the values that it may and may not have. */
export interface Condition<M> {
  readonly values: readonly string[]
  readonly notValues: readonly string[]
  /** Can be asked of HTTP requests only, not of TCP connections. */
  readonly http: boolean
  /** Matchers for the values, any of which has to hold. */
  readonly match: (values: readonly string[]) => readonly M[]
}

/** What conditions mean depends on whose mesh they are in. */
export interface ConditionContext {
  /** Namespace of the policy: service accounts without namespace are of it. */
  readonly namespace: string
  /** The mesh's trust domain, then its aliases. */
  readonly trustDomains: readonly string[]
  /** Ports as policies name them → ports at which connections arrive, where they differ. */
  readonly ports: ReadonlyMap<number, number>
}

export interface RuleConditions {
  readonly permissions: readonly (readonly Condition<PermissionInit>[])[]
  readonly principals: readonly (readonly Condition<PrincipalInit>[])[]
}

export function conditionsOf(rule: AuthorizationRule, context: ConditionContext): RuleConditions {
  const when = rule.when ?? []
  const asked = when.flatMap((condition) => whenPermission(condition, context))
  const asking = when.flatMap((condition) => whenPrincipal(condition, context))
  const to = (rule.to ?? []).map(({ operation = {} }) => [
    ...given(operation.hosts, operation.notHosts, permissions.host),
    ...given(operation.methods, operation.notMethods, permissions.method),
    ...given(operation.paths, operation.notPaths, permissions.path),
    ...given(operation.ports, operation.notPorts, permissions.port(context)),
  ])
  const from = (rule.from ?? []).map(({ source = {} }) => [
    ...given(source.principals, source.notPrincipals, principals.principal(context)),
    ...given(source.requestPrincipals, source.notRequestPrincipals, principals.requestPrincipal),
    ...given(source.serviceAccounts, source.notServiceAccounts, principals.serviceAccount(context)),
    ...given(source.trustDomains, source.notTrustDomains, principals.trustDomain(context)),
    ...given(source.namespaces, source.notNamespaces, principals.namespace),
    ...given(source.remoteIpBlocks, source.notRemoteIpBlocks, principals.remoteIp),
    ...given(source.ipBlocks, source.notIpBlocks, principals.sourceIp),
  ])
  return {
    permissions: (to.length === 0 ? [[]] : to).map((own) => [...own, ...asked]),
    principals: (from.length === 0 ? [[]] : from).map((own) => [...own, ...asking]),
  }
}

/** An attribute: what its values mean, and whether it takes a request. */
export interface Attribute<M> {
  readonly http: boolean
  readonly match: (values: readonly string[]) => readonly M[]
}

function given<M>(
  values: readonly string[] = [],
  notValues: readonly string[] = [],
  attribute: Attribute<M>,
): Condition<M>[] {
  return values.length + notValues.length === 0 ? [] : [{ values, notValues, ...attribute }]
}

function whenPermission(condition: AuthorizationCondition, context: ConditionContext): Condition<PermissionInit>[] {
  const attribute = permissions.attributeOf(condition.key, context)
  return attribute === undefined ? [] : given(condition.values, condition.notValues, attribute)
}

function whenPrincipal(condition: AuthorizationCondition, context: ConditionContext): Condition<PrincipalInit>[] {
  const attribute = principals.attributeOf(condition.key, context)
  return attribute === undefined ? [] : given(condition.values, condition.notValues, attribute)
}
