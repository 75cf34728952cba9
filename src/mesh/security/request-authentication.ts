import { textQuery, type World } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import { checkObject, type KubeObject, refOf } from '../../resources/index.ts'
import { type JwtRule, requestAuthenticationKind } from '../../resources/istio/index.ts'
import { applies, byAge, policyNamespaces, type Scope, type SecuredWorkload, scopeOf } from './workload.ts'

/** A token that a workload accepts. */
export interface TokenRule {
  readonly rule: JwtRule
  /** The rule cannot be read in full: tokens of its issuer must not count as verified. */
  readonly broken: boolean
  readonly origin: ObjectRef
  /** Where the rule stands in its object. */
  readonly path: string
}

interface Policy {
  readonly name: string
  readonly createdAt: string
  readonly scope: Scope
  readonly rules: readonly TokenRule[]
}

export const requestAuthenticationKindName = 'security.istio.io/RequestAuthentication'

const policiesOfNamespace = textQuery(
  'mesh/security/request-authentications',
  (world, namespace): readonly Policy[] =>
    world
      .objects(world.primary, requestAuthenticationKindName)
      .filter(({ metadata }) => metadata.namespace === namespace)
      .map((object) => readPolicy(object, world.primary))
      .sort(byAge),
  { equals: sameStructure },
)

function readPolicy(object: KubeObject, cluster: string): Policy {
  const { object: sound, problems } = checkObject(requestAuthenticationKind, object, cluster)
  const { spec = {}, metadata } = sound
  const origin = refOf(cluster, object)
  return {
    name: metadata.name,
    createdAt: metadata.creationTimestamp ?? '',
    scope: scopeOf(metadata.namespace ?? '', spec),
    rules: (spec.jwtRules ?? []).map((rule, index) => {
      const path = `spec.jwtRules[${index}]`
      const broken = problems.some((p) => p.severity === 'error' && (p.path === path || p.path.startsWith(`${path}.`)))
      return { rule, broken, origin, path }
    }),
  }
}

/** The rules of one RequestAuthentication. */
export function tokenRulesOf(object: KubeObject, cluster: string): readonly TokenRule[] {
  return readPolicy(object, cluster).rules
}

/** The tokens that a workload accepts, by issuer: all policies that apply to it hold together. */
export function workloadTokens(world: World, workload: SecuredWorkload): readonly TokenRule[] {
  const found = policyNamespaces(world, workload)
    .flatMap((namespace) => world.get(policiesOfNamespace, namespace))
    .filter(({ scope }) => applies(scope, workload))
    .flatMap(({ rules }) => rules)
  const issuer = ({ rule }: TokenRule): string => rule.issuer ?? ''
  return found.sort((a, b) => (issuer(a) < issuer(b) ? -1 : issuer(a) > issuer(b) ? 1 : 0))
}
