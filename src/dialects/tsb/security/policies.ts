// A setting in force, for a namespace or for some workloads of it → Istio's objects.
import { asText, type ClusterObject, compact, type Plain } from '../../shared/index.ts'
import { externalAuthorization } from '../filters/external-authorization.ts'
import type { ServerProblem } from '../filters/server.ts'
import { written } from '../written.ts'
import { type CalledPlace, type CallerContext, callersOf } from './callers.ts'
import { type Allowance, allowancesOf, type Condition, ruleOf, rulesAgainst } from './requests.ts'
import { type SecuritySetting, tokensOf } from './setting.ts'
import { jwtRules } from './tokens.ts'

/** Which workloads of a namespace are meant, and how the objects for them are called. */
export interface Target {
  readonly place: CalledPlace
  /** Undefined: all of the namespace. */
  readonly labels: Readonly<Record<string, string>> | undefined
  readonly name: string
}

/** Everything but who may call: mutual TLS, tokens, the server that is asked. */
export function authenticationObjects(
  { place, labels, name }: Target,
  setting: SecuritySetting,
  tell: ServerProblem,
): ClusterObject[] {
  const { cluster, namespace } = place
  const at = { cluster: cluster.name, namespace }
  const selector = labels && { matchLabels: labels }
  const objects: ClusterObject[] = []
  if (setting.trafficMode !== 'UNSET') {
    const mode = setting.trafficMode === 'REQUIRED' ? 'STRICT' : 'PERMISSIVE'
    objects.push(written({ ...at, kind: 'PeerAuthentication', name, spec: compact({ selector, mtls: { mode } }) }))
  }
  const tokens = tokensOf(setting.authentication)
  if (tokens.length > 0) {
    const rules = jwtRules(tokens, isTokenRequired(setting))
    objects.push(written({ ...at, kind: 'RequestAuthentication', name, spec: compact({ selector, jwtRules: rules }) }))
  }
  const external = setting.requests?.['external']
  if (external !== undefined)
    objects.push(
      ...externalAuthorization(external, { cluster, namespace, labels, name, context: 'SIDECAR_INBOUND', tell }),
    )
  return objects
}

const isTokenRequired = ({ authentication }: SecuritySetting): boolean => authentication?.['requireJwt'] === true

/** What a setting lets in, and what it keeps out whatever else lets it in. */
interface Verdicts {
  /** Undefined: everything. */
  readonly allowances: readonly Allowance[] | undefined
  readonly refused: readonly object[]
}

function verdictsOf(setting: SecuritySetting, place: CalledPlace, context: CallerContext): Verdicts {
  const { allowed, denied } = callersOf(setting.mode, setting.authorization, place, context)
  const requests = allowancesOf(setting.requests)
  const source: Allowance = allowed === undefined ? [] : [principals(allowed)]
  const allowances =
    allowed === undefined && requests === undefined
      ? undefined
      : allowed?.length === 0
        ? []
        : (requests ?? [[]]).map((each) => [...source, ...each])
  const refused: object[] = denied.length === 0 ? [] : [{ from: [{ source: { principals: denied } }] }]
  if (isTokenRequired(setting)) refused.push(withoutToken(tokensOf(setting.authentication)))
  // Nobody can log in; so nobody gets in either.
  if (setting.authentication?.['oidc'] !== undefined) refused.push({})
  return { allowances, refused }
}

const principals = (values: readonly string[]): Condition => ({ place: 'source', field: 'principals', values })

/** Requests without a token of any of these issuers. */
export function withoutToken(tokens: readonly Plain[]): object {
  const issuers = tokens.map((token) => `${asText(token['issuer'])}/*`)
  return { from: [{ source: { notRequestPrincipals: issuers.length === 0 ? ['*'] : issuers } }] }
}

/** Who may call the workloads of a namespace. */
export function namespacePolicies(target: Target, setting: SecuritySetting, context: CallerContext): ClusterObject[] {
  const { allowances, refused } = verdictsOf(setting, target.place, context)
  return [
    ...policy(target, 'ALLOW', allowances?.map(ruleOf)),
    ...policy(target, 'DENY', refused.length === 0 ? undefined : refused),
  ]
}

/** Whether the workloads of a namespace are closed to some. */
export function isClosed(place: CalledPlace, setting: SecuritySetting, context: CallerContext): boolean {
  return verdictsOf(setting, place, context).allowances !== undefined
}

/**
 * Who may call some workloads of a namespace, whatever holds for the namespace: what that lets in beyond is refused here.
 * `tooMany` is told where the rules for this do not fit; then all calls are refused.
 */
export function workloadPolicies(
  target: Target,
  setting: SecuritySetting,
  context: CallerContext & { readonly namespaceIsClosed: boolean; readonly tooMany: () => void },
): ClusterObject[] {
  const { allowances, refused } = verdictsOf(setting, target.place, context)
  if (!context.namespaceIsClosed)
    return [
      ...policy(target, 'ALLOW', allowances?.map(ruleOf)),
      ...policy(target, 'DENY', refused.length === 0 ? undefined : refused),
    ]
  const against = allowances === undefined ? [] : rulesAgainst(allowances)
  if (against === undefined) context.tooMany()
  const deny = [...refused, ...(against ?? [{}])]
  return [
    ...policy(target, 'ALLOW', allowances?.map(ruleOf) ?? [{}]),
    ...policy(target, 'DENY', deny.length === 0 ? undefined : deny),
  ]
}

/** Without rules nothing is matched: of ALLOW, that means that nobody may. */
function policy({ place, labels, name }: Target, action: 'ALLOW' | 'DENY', rules: readonly object[] | undefined) {
  if (rules === undefined) return []
  const spec = compact({ selector: labels && { matchLabels: labels }, action, rules })
  const { cluster, namespace } = place
  const object = {
    cluster: cluster.name,
    kind: 'AuthorizationPolicy',
    namespace,
    name: `${name}-${action.toLowerCase()}`,
  }
  return [written({ ...object, spec })]
}
