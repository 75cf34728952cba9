// Which pods are to restart next, by a PodBounceDirective. Pure.
import type { KubeObject } from '../resources/index.ts'
import type { PodBounceDirective, Secret } from './objects.ts'

type Selector = NonNullable<PodBounceDirective['spec']['podsToBounce']>[number]

/** What the cluster holds, as far as a directive must know it. */
export interface Surroundings {
  readonly pods: readonly KubeObject[]
  readonly configMap: (namespace: string, name: string) => KubeObject | undefined
  readonly secret: (namespace: string, name: string) => Secret | undefined
}

export type BounceStep =
  | { readonly kind: 'done' }
  | { readonly kind: 'wait'; readonly why: string }
  /** Delete these pods; `count` selectors are done then. */
  | { readonly kind: 'delete'; readonly pods: readonly KubeObject[]; readonly count: number }

/** Selectors are worked off in their order: a gateway or workload must not come up before istiod has the new root. */
export function nextBounce({ spec, status }: PodBounceDirective, around: Surroundings): BounceStep {
  const bounced = status?.podsBounced ?? []
  for (const [index, selector] of (spec.podsToBounce ?? []).entries()) {
    const done = bounced[index]
    if (done === undefined) {
      const why = notInSync(selector, around)
      if (why !== undefined) return { kind: 'wait', why }
      return { kind: 'delete', pods: around.pods.filter((pod) => isSelected(pod, selector)), count: index + 1 }
    }
    const wanted = isVague(selector) ? 0 : (selector.waitForReplicas ?? 0)
    const ready = around.pods.filter(
      (pod) => isSelected(pod, selector) && isReady(pod) && !done.bouncedPods?.includes(pod.metadata.name),
    )
    if (ready.length < wanted)
      return { kind: 'wait', why: `${ready.length} of ${wanted} pods ${textOf(selector)} are ready again` }
  }
  return { kind: 'done' }
}

/** Without labels it would be every pod of the namespace: where there is no istiod, there is none to restart. */
const isVague = ({ labels = {} }: Selector): boolean => Object.keys(labels).length === 0

function isSelected({ metadata }: KubeObject, selector: Selector): boolean {
  const { namespace, labels = {} } = selector
  return (
    !isVague(selector) &&
    metadata.namespace === namespace &&
    Object.entries(labels).every(([name, value]) => metadata.labels?.[name] === value)
  )
}

function isReady({ metadata, status }: KubeObject): boolean {
  const { conditions = [] } = (status ?? {}) as {
    conditions?: readonly { readonly type?: string; readonly status?: string }[]
  }
  return (
    metadata.deletionTimestamp === undefined &&
    conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True')
  )
}

/** Why the pods of a selector would come up with the old root. */
function notInSync({ rootCertSync: sync }: Selector, around: Surroundings): string | undefined {
  if (sync === undefined) return undefined
  const { secretRef, configMapRef, secretKey = '', configMapKey = '' } = sync
  const { namespace = '', name = '' } = configMapRef ?? {}
  const map = around.configMap(namespace, name) as { readonly data?: Readonly<Record<string, string>> } | undefined
  const root = around.secret(secretRef?.namespace ?? '', secretRef?.name ?? '')?.data?.[secretKey]
  if (map === undefined) return `ConfigMap ${namespace}/${name} is not there yet`
  if (root === undefined) return `Secret ${secretRef?.namespace}/${secretRef?.name} has no ${secretKey}`
  const wanted = Buffer.from(root, 'base64').toString('utf8').trim()
  return map.data?.[configMapKey]?.trim() === wanted
    ? undefined
    : `ConfigMap ${namespace}/${name} does not have the new root yet`
}

function textOf({ namespace, labels = {} }: Selector): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  return `of ${namespace} with ${pairs.join(', ')}`
}
