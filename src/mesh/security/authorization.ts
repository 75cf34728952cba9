import { textQuery, type World } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import { checkObject, type KubeObject, refOf } from '../../resources/index.ts'
import {
  type AuthorizationPolicySpec,
  type AuthorizationRule,
  authorizationPolicyKind,
} from '../../resources/istio/index.ts'
import { openUp } from './broken-rules.ts'
import { applies, byAge, policyNamespaces, type Scope, type SecuredWorkload, scopeOf } from './workload.ts'

export type AuthorizationAction = 'CUSTOM' | 'AUDIT' | 'DENY' | 'ALLOW'

/** A rule with its number, by which Envoy's policies and their statistics are named. */
export interface NumberedRule {
  readonly index: number
  readonly rule: AuthorizationRule
}

/** An AuthorizationPolicy, made safe to translate. */
export interface Authorization {
  readonly namespace: string
  readonly name: string
  readonly createdAt: string
  readonly scope: Scope
  readonly action: AuthorizationAction
  /** Only recorded, not enforced. */
  readonly dryRun: boolean
  /** External authorizer, for CUSTOM. */
  readonly provider: string
  /** None: matches nothing, which for ALLOW means that nothing is allowed. */
  readonly rules: readonly NumberedRule[]
  readonly origin: ObjectRef
}

/** The policies of a workload by action, in the order in which Envoy is to ask them. */
export type WorkloadAuthorization = Readonly<Record<AuthorizationAction, readonly Authorization[]>>

const kind = 'security.istio.io/AuthorizationPolicy'
const dryRunAnnotation = 'istio.io/dry-run'

/** All AuthorizationPolicies of a world. */
export function authorizationsOf(world: World): Authorization[] {
  return world.objects(world.primary, kind).map((object) => readAuthorization(object, world.primary))
}

/** The AuthorizationPolicies of a namespace, oldest first. */
const policiesOfNamespace = textQuery(
  'mesh/security/authorization-policies',
  (world, namespace): readonly Authorization[] =>
    world
      .objects(world.primary, kind)
      .filter(({ metadata }) => metadata.namespace === namespace)
      .map((object) => readAuthorization(object, world.primary))
      .sort(byAge),
  { equals: sameStructure },
)

/**
 * Reads a policy so that what is wrong with it forbids rather than allows: broken ALLOW rules are left out, other broken
 * rules lose the conditions that cannot be read, and a policy whose action or scope cannot be read allows nothing to the
 * workloads that it may have been meant for.
 */
export function readAuthorization(object: KubeObject, cluster: string): Authorization {
  const { object: sound, problems } = checkObject(authorizationPolicyKind, object, cluster)
  const errors = problems.filter((p) => p.severity === 'error').map(({ path }) => path)
  const spec: AuthorizationPolicySpec = sound.spec ?? {}
  const { metadata } = sound
  const namespace = metadata.namespace ?? ''
  const fields = new Set(errors.map(specField))
  const unscoped = [...fields].some((field) => !['', 'action', 'provider', 'rules'].includes(field))
  const action = fields.has('action') ? 'ALLOW' : (spec.action ?? 'ALLOW')
  return {
    namespace,
    name: metadata.name,
    createdAt: metadata.creationTimestamp ?? '',
    scope: unscoped ? { namespace, selector: {}, gateways: undefined } : scopeOf(namespace, spec),
    action,
    dryRun: (action === 'ALLOW' || action === 'DENY') && isTrue(metadata.annotations?.[dryRunAnnotation]),
    provider: spec.provider?.name ?? '',
    rules: readRules(
      object,
      spec,
      errors,
      action === 'ALLOW' ? (unscoped || fields.has('action') ? 'none' : 'sound') : 'opened',
    ),
    origin: refOf(cluster, object),
  }
}

/** The field of `spec` that a path leads into; `?` for spec itself, '' for what is not in spec. */
function specField(path: string): string {
  return path === 'spec' ? '?' : (/^spec\.([^.[]+)/.exec(path)?.[1] ?? (path.startsWith('spec') ? '?' : ''))
}

/** `sound`: without those that have errors; `opened`: those without what has errors; `none`. */
function readRules(
  object: KubeObject,
  spec: AuthorizationPolicySpec,
  errors: readonly string[],
  which: 'none' | 'sound' | 'opened',
): NumberedRule[] {
  if (which === 'none') return []
  const written = (object.spec as { rules?: unknown } | undefined)?.rules
  if (written !== undefined && !Array.isArray(written)) return which === 'sound' ? [] : [{ index: 0, rule: {} }]
  return (spec.rules ?? []).flatMap((rule, index) => {
    const prefix = `spec.rules[${index}]`
    const own = errors.filter((path) => path === prefix || path.startsWith(`${prefix}.`))
    if (own.length === 0) return [{ index, rule }]
    return which === 'sound'
      ? []
      : [
          {
            index,
            rule: openUp(
              rule,
              own.map((path) => path.slice(prefix.length + 1)),
            ),
          },
        ]
  })
}

/** As Go's ParseBool. */
function isTrue(value: string | undefined): boolean {
  return value !== undefined && ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)
}

/** The policies that apply to a workload. */
export function workloadAuthorization(world: World, workload: SecuredWorkload): WorkloadAuthorization {
  const found = policyNamespaces(world, workload)
    .flatMap((namespace) => world.get(policiesOfNamespace, namespace))
    .filter(({ scope }) => applies(scope, workload))
  const of = (action: AuthorizationAction): Authorization[] => found.filter((policy) => policy.action === action)
  return { CUSTOM: of('CUSTOM'), AUDIT: of('AUDIT'), DENY: of('DENY'), ALLOW: of('ALLOW') }
}
