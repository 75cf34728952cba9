// What becomes of TSB's objects, in its own words. The status of a parent is the worst of what is below it; whoever
// asks (`tctl x status`) works that out.
import type { ObjectRef, Problem } from '../../report/index.ts'
import { type KubeObject, kindOf, readKind } from '../../resources/index.ts'
import type { StatusObject } from '../shared/index.ts'
import type { Hierarchy } from './hierarchy.ts'
import { type NamespacePattern, selectedBy } from './namespace-selector.ts'
import { type TsbKind, type TsbObject, workspaceKey } from './objects.ts'
import { kindsOfTenants } from './tenancy.ts'
import { withoutEffect } from './without-effect.ts'

/** Kinds that are in force in clusters; others are ready once they are stored. */
const configured: readonly TsbKind[] = [...kindsOfTenants, 'OrganizationSetting', 'TenantSetting']

/** A cluster, as far as it tells what is in force. */
export interface ClusterSight {
  readonly name: string
  /** Since when it cannot be reached; what was written before goes on there. */
  readonly staleSince?: string | undefined
}

/**
 * FAILED: an error keeps it from taking effect. PARTIAL: some of the clusters that it is for cannot be reached.
 * READY: in force in all of them. Objects that `written` has and the hierarchy has not were refused.
 */
export function statusesOf(
  hierarchy: Hierarchy,
  clusters: readonly ClusterSight[],
  problems: readonly Problem[],
): StatusObject[] {
  const byObject = Map.groupBy(problems, ({ object }) => idOf(object))
  const patterns = new Map(hierarchy.workspaces.map((workspace) => [workspace.key, workspace.patterns]))
  const shown = configured.flatMap((kind) => hierarchy.written(kind))
  return shown.map((object) => {
    const own = [...(byObject.get(idOf(object.ref)) ?? []), ...fieldProblems(object), ...withoutEffect(object)]
    const errors = textsOf(own, 'error')
    const warnings = textsOf(own, 'warning')
    const { workspace } = object.place
    const selected = patterns.get(workspaceKey(object.place, object.kind === 'Workspace' ? object.name : workspace))
    const cut = clusters.filter((cluster) => cluster.staleSince !== undefined && isFor(selected, cluster))
    return statusOf(object, errors, warnings, cut)
  })
}

const read = new WeakMap<KubeObject, readonly Problem[]>()

/** What is wrong with the fields of an object by themselves. */
function fieldProblems({ object, ref }: TsbObject): readonly Problem[] {
  const kind = kindOf(object)
  const known = read.get(object) ?? (kind === undefined ? [] : readKind(kind, object, ref.cluster).problems)
  read.set(object, known)
  return known
}

function isFor(patterns: readonly NamespacePattern[] | undefined, { name }: ClusterSight): boolean {
  if (patterns === undefined) return true
  return patterns.some(({ cluster }) => selectedBy([{ cluster, namespace: '*' }], name, 'any') !== undefined)
}

function statusOf(
  { ref, object }: TsbObject,
  errors: readonly string[],
  warnings: readonly string[],
  cut: readonly ClusterSight[],
): StatusObject {
  const unreachable = cut.map(({ name, staleSince }) => `cluster ${name} cannot be reached since ${staleSince}`)
  const status = errors.length > 0 ? 'FAILED' : cut.length > 0 ? 'PARTIAL' : 'READY'
  const message = [...errors, ...unreachable].join('; ')
  const { apiVersion, kind, namespace, name } = ref
  return {
    cluster: ref.cluster,
    object: {
      apiVersion,
      kind,
      metadata: { name, namespace },
      status: {
        observedGeneration: String(object.metadata.generation ?? 0),
        status,
        ...(message !== '' && { message }),
        ...(errors.length > 0 && { errors }),
        ...(warnings.length > 0 && { warnings }),
      },
    },
  }
}

function textsOf(problems: readonly Problem[], severity: Problem['severity']): string[] {
  const texts = problems
    .filter((each) => each.severity === severity)
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  return [...new Set(texts)]
}

const idOf = ({ cluster, apiVersion, kind, namespace, name }: ObjectRef): string =>
  [cluster, apiVersion, kind, namespace, name].join('|')
