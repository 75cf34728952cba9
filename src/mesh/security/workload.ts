import { rootNamespaceOf, selects, type World } from '../../discovery/index.ts'
import type { Attachment } from '../../resources/istio/index.ts'

type Labels = Readonly<Record<string, string>>

/** The workload that policies are chosen for. */
export interface SecuredWorkload {
  readonly namespace: string
  readonly labels: Labels
}

/** What a policy applies to. */
export interface Scope {
  readonly namespace: string
  readonly selector: Labels
  /** Gateways (of the Gateway API) in the policy's namespace that it names; undefined: chosen by labels alone. */
  readonly gateways: readonly string[] | undefined
}

/** Label that pods of a Gateway (of the Gateway API) have; its value is the Gateway's name. */
const gatewayNameLabel = 'gateway.networking.k8s.io/gateway-name'

/** The scope that an object's attachment fields describe. */
export function scopeOf(namespace: string, attachment: Attachment): Scope {
  const { selector, targetRef, targetRefs = [] } = attachment
  const targets = targetRefs.length > 0 ? targetRefs : targetRef === undefined ? [] : [targetRef]
  const isGateway = (group = '', kind = ''): boolean => group === 'gateway.networking.k8s.io' && kind === 'Gateway'
  return {
    namespace,
    selector: selector?.matchLabels ?? {},
    gateways:
      targets.length === 0 ? undefined : targets.filter((t) => isGateway(t.group, t.kind)).map(({ name }) => name),
  }
}

/**
 * Whether a policy of the workload's namespace, or of the root namespace, applies to it. Policies that name targets
 * apply to pods of those Gateways only; pods of Gateways may be selected by labels too.
 */
export function applies(scope: Scope, workload: SecuredWorkload): boolean {
  if (scope.gateways === undefined) return selects(scope.selector, workload.labels)
  const gateway = workload.labels[gatewayNameLabel]
  return gateway !== undefined && scope.namespace === workload.namespace && scope.gateways.includes(gateway)
}

/** The namespaces whose policies apply to a workload: the root namespace, and its own. */
export function policyNamespaces(world: World, workload: SecuredWorkload): readonly string[] {
  return [...new Set([rootNamespaceOf(world), workload.namespace])]
}

/** Oldest first, then by name. */
export function byAge<T extends { readonly createdAt: string; readonly name: string }>(a: T, b: T): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}
