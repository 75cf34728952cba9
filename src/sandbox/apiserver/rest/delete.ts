// DELETE of one object and of a collection: preconditions, propagation, grace, finalizers.
import { admitDelete } from '../admission/index.ts'
import { timestamp } from '../codec/time.ts'
import type { Call } from '../core.ts'
import { ApiError, invalidObject, notFound, notSupported } from '../errors.ts'
import { equal, type JsonObject, listAt, metaOf, nameOf, namespaceOf, numberAt, objectAt, textAt } from '../json.ts'
import { qualified } from '../resource.ts'
import type { Stored } from '../store.ts'
import { integer } from './options.ts'
import { selection } from './read.ts'
import { isFinished, release, shownObject, stored } from './write.ts'

export interface DeleteOptions {
  readonly dryRun: boolean
  readonly propagation: 'Foreground' | 'Background' | 'Orphan' | undefined
  readonly gracePeriodSeconds: number | undefined
  readonly uid: string
  readonly resourceVersion: string
}

/** Options of a deletion: those of the body, else those of the query. */
export function deleteOptions(call: Call, body: JsonObject | undefined): DeleteOptions {
  const { query } = call
  const kind = { group: 'meta.k8s.io', name: 'DeleteOptions' }
  const policy = textAt(body, 'propagationPolicy') || (query.get('propagationPolicy') ?? '')
  const policies = ['Foreground', 'Background', 'Orphan'] as const
  const propagation = policies.find((p) => p === policy)
  if (policy && !propagation) {
    throw invalidObject(kind, '', [notSupported('propagationPolicy', policy, [...policies, 'nil'])])
  }
  const orphan =
    body?.['orphanDependents'] ?? (query.get('orphanDependents') ? query.get('orphanDependents') === 'true' : undefined)
  const dryRun = [...listAt(body, 'dryRun'), ...query.getAll('dryRun')].filter((v) => v !== '')
  if (dryRun.some((v) => v !== 'All')) throw invalidObject(kind, '', [notSupported('dryRun', dryRun, ['All'])])
  const grace = numberAt(body, 'gracePeriodSeconds') ?? integer(query, 'gracePeriodSeconds')
  return {
    dryRun: dryRun.length > 0,
    propagation: propagation ?? (orphan === true ? 'Orphan' : orphan === false ? 'Background' : undefined),
    gracePeriodSeconds: grace,
    uid: textAt(body, 'preconditions', 'uid'),
    resourceVersion: textAt(body, 'preconditions', 'resourceVersion'),
  }
}

/** What a deletion left: the last state, and whether the object is gone already. */
export interface Deletion {
  readonly object: JsonObject
  readonly gone: boolean
}

export async function deleteOne(call: Call, options: DeleteOptions): Promise<Deletion> {
  const current = stored(call)
  if (!current) throw notFound(qualified(call.resource), call.name)
  return deleteStored(call, current, options)
}

/** Deletes what is stored, or marks it where it has to wait. */
export async function deleteStored(call: Call, current: Stored, options: DeleteOptions): Promise<Deletion> {
  const { core, resource } = call
  checkPreconditions(call, current, options)
  await admitDelete(call, current.object, options)
  const marked = mark(call, current.object, options)
  const done = isFinished(marked)
  if (options.dryRun) return { object: marked, gone: done }
  if (done) {
    const gone = core.store.remove(resource.storage, current, current.object === marked ? undefined : marked)
    release(call, current.object)
    return { object: shownObject(resource, gone), gone: true }
  }
  const unchanged = marked === current.object
  const kept = unchanged ? current : core.store.write(resource.storage, marked)
  return { object: shownObject(resource, kept), gone: false }
}

function checkPreconditions(call: Call, current: Stored, { uid, resourceVersion }: DeleteOptions): void {
  const kind = { group: call.resource.group, name: call.resource.names.kind }
  const name = nameOf(current.object)
  const fail = (why: string): ApiError =>
    new ApiError(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${kind.name}${kind.group ? `.${kind.group}` : ''} "${name}": ${why}`,
      {
        name,
        group: kind.group,
        kind: kind.name,
      },
    )
  const own = textAt(current.object, 'metadata', 'uid')
  if (uid && uid !== own) {
    throw fail(
      `the UID in the precondition (${uid}) does not match the UID in record (${own}). The object might have been deleted and then recreated`,
    )
  }
  if (resourceVersion && resourceVersion !== String(current.version)) {
    throw fail(
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${current.version}). The object might have been modified`,
    )
  }
}

/** The object with its deletion marked: time, grace, finalizers of the propagation policy. */
function mark(call: Call, object: JsonObject, options: DeleteOptions): JsonObject {
  const { resource } = call
  const grace = resource.strategy.grace?.(object, options.gracePeriodSeconds) ?? 0
  const finalizers = finalizersFor(object, options.propagation ?? resource.strategy.defaultPropagation)
  const meta = { ...metaOf(object) }
  const already = textAt(meta, 'deletionTimestamp') !== ''
  const before = numberAt(meta, 'deletionGracePeriodSeconds') ?? 0
  if (already && grace >= before && equal(finalizers, listAt(meta, 'finalizers'))) return object
  if (finalizers.length > 0) meta['finalizers'] = finalizers
  else delete meta['finalizers']
  if (!already || grace < before) {
    const since = already ? Date.parse(textAt(meta, 'deletionTimestamp')) - before * 1000 : Date.now()
    meta['deletionTimestamp'] = timestamp(new Date(since + grace * 1000))
    meta['deletionGracePeriodSeconds'] = grace
    if (!already && numberAt(meta, 'generation') !== undefined)
      meta['generation'] = (numberAt(meta, 'generation') ?? 0) + 1
  }
  const next = { ...object, metadata: meta }
  resource.strategy.onDelete?.(next)
  return next
}

function finalizersFor(object: JsonObject, propagation: DeleteOptions['propagation']): string[] {
  const own = listAt(object, 'metadata', 'finalizers').filter((f) => typeof f === 'string')
  if (propagation === undefined) return own
  const others = own.filter((f) => f !== 'orphan' && f !== 'foregroundDeletion')
  if (propagation === 'Orphan') return [...others, 'orphan']
  return propagation === 'Foreground' ? [...others, 'foregroundDeletion'] : others
}

/** Deletes every selected object; returns their last states. */
export async function deleteCollection(call: Call, options: DeleteOptions): Promise<JsonObject[]> {
  const selected = selection(call)
  const all = call.core.store.list(
    call.resource.storage,
    call.resource.namespaced && call.namespace ? call.namespace : undefined,
  )
  const states: JsonObject[] = []
  for (const item of all) {
    if (!selected(shownObject(call.resource, item))) continue
    const one: Call = {
      ...call,
      warn: (text) => call.warn(text),
      name: nameOf(item.object),
      namespace: namespaceOf(item.object),
    }
    try {
      states.push((await deleteStored(one, item, options)).object)
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 404)) throw error
    }
  }
  return states
}

/** What a deletion that is over answers: a Status that names the object. */
export function deletedStatus(call: Call, object: JsonObject): JsonObject {
  const { group, names } = call.resource
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: nameOf(object),
      ...(group ? { group } : {}),
      kind: names.plural,
      uid: textAt(objectAt(object, 'metadata'), 'uid'),
    },
  }
}
