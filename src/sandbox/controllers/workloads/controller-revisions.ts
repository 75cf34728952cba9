// The history of StatefulSets and DaemonSets: a ControllerRevision per template, which `kubectl rollout undo` reads.

import { type LabelSelector, matchesSelector } from '../../../lib/index.ts'
import type { KubeObject } from '../../../resources/index.ts'
import { isApiError, resources, type Store } from '../client/index.ts'
import type { ControllerRevision, PodTemplate } from '../kinds.ts'
import type { ControllerContext } from '../runtime/controller.ts'
import { equalJson } from '../runtime/equal.ts'
import { claim, controllerOf, controllerRef } from '../runtime/owners.ts'
import { hashName } from './hash.ts'

export const revisionHashLabel = 'controller-revision-hash'
const hashLabel = 'controller.kubernetes.io/hash'

interface Owner
  extends KubeObject<
    { selector: LabelSelector; template: PodTemplate; revisionHistoryLimit?: number },
    { collisionCount?: number }
  > {}

interface RevisionData {
  spec: { template: PodTemplate & { $patch?: string } }
}

export interface History {
  /** The revision of the present template. */
  readonly update: ControllerRevision
  /** All, oldest first. */
  readonly all: readonly ControllerRevision[]
}

/** The template that a revision keeps. */
export function templateOf(revision: ControllerRevision): PodTemplate {
  const { $patch: _patch, ...template } = (revision.data as RevisionData).spec.template
  return template
}

/** Makes sure that the present template has a revision, and that it is the newest. */
export async function syncHistory(
  context: ControllerContext,
  revisions: Store<ControllerRevision>,
  owner: Owner,
): Promise<History> {
  const claimed = await claim(context.api, revisions, {
    owner,
    resource: resources.controllerRevisions,
    matches: (revision) =>
      revision.metadata.namespace === owner.metadata.namespace &&
      matchesSelector(owner.spec?.selector, revision.metadata.labels),
  })
  const all = claimed.sort((a, b) => a.revision - b.revision)
  const data: RevisionData = { spec: { template: { ...(owner.spec?.template as PodTemplate), $patch: 'replace' } } }
  const newest = (all.at(-1)?.revision ?? 0) + 1
  const equal = all.findLast((revision) => equalJson(revision.data, data))
  if (!equal) {
    const update = await createRevision(context, revisions, { owner, data, revision: newest })
    return { update, all: [...all, update] }
  }
  if (equal.revision === newest - 1) return { update: equal, all }
  // An undo: the old revision becomes the newest.
  const update = await context.api.patch<ControllerRevision>(resources.controllerRevisions, equal.metadata, {
    type: 'merge',
    body: { revision: newest },
  })
  revisions.put(update)
  return { update, all: [...all.filter((revision) => revision !== equal), update] }
}

async function createRevision(
  context: ControllerContext,
  revisions: Store<ControllerRevision>,
  wanted: { owner: Owner; data: RevisionData; revision: number },
): Promise<ControllerRevision> {
  const { owner, data, revision } = wanted
  for (let collisions = owner.status?.collisionCount ?? 0; ; collisions++) {
    const hash = hashName(data, collisions)
    const name = `${owner.metadata.name}-${hash}`
    const { namespace = '' } = owner.metadata
    const object: ControllerRevision = {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name,
        namespace,
        labels: { ...owner.spec?.template.metadata?.labels, [hashLabel]: hash },
        ownerReferences: [controllerRef(owner)],
      },
      data,
      revision,
    }
    try {
      const created = await context.api.create(resources.controllerRevisions, object)
      revisions.put(created)
      return created
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error
      const other = await context.api.find<ControllerRevision>(resources.controllerRevisions, namespace, name)
      if (other && controllerOf(other)?.uid === owner.metadata.uid && equalJson(other.data, data)) return other
    }
  }
}

/** Deletes the oldest revisions beyond the limit that no pod has. */
export async function trimHistory(
  context: ControllerContext,
  owner: Owner,
  history: History,
  inUse: ReadonlySet<string>,
): Promise<void> {
  const unused = history.all.filter((r) => r !== history.update && !inUse.has(r.metadata.name))
  const surplus = unused.length - (owner.spec?.revisionHistoryLimit ?? 10)
  for (const revision of unused.slice(0, Math.max(0, surplus))) {
    await context.api.delete(resources.controllerRevisions, revision.metadata)
  }
}
