// Who owns which field: reads and writes `metadata.managedFields`, and does what server-side apply does with them.
// The steps are those of k8s.io/apimachinery/pkg/util/managedfields and structured-merge-diff/merge.
import { compareText } from '../../../lib/index.ts'
import { timestamp } from '../codec/time.ts'
import { ApiError } from '../errors.ts'
import { isObject, type JsonObject, type JsonValue, listAt, metaOf, textAt, writeJson } from '../json.ts'
import type { Schema } from '../schema/schema.ts'
import { FieldSet, type PathElement, pathText } from './field-set.ts'
import { lastAppliedFields, refreshLastApplied } from './last-applied.ts'
import { checkTyped, compareTyped, fieldSetOf, mergeTyped, removeItems, TypedError, withNamedFields } from './typed.ts'

/** One owner: a manager by name, operation, subresource (and, for updates, version). */
interface Entry {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly apiVersion: string
  readonly subresource: string
  readonly time: string | undefined
  readonly fields: FieldSet
}

type Managed = Map<string, Entry>

/** Who writes, and how the object looks to them. */
export interface Writer {
  readonly manager: string
  readonly apiVersion: string
  readonly subresource: string
  readonly schema: Schema
}

const maxUpdateManagers = 10

function identity(entry: Omit<Entry, 'fields' | 'time'>): string {
  const { manager, operation, apiVersion, subresource } = entry
  return writeJson({
    manager,
    operation,
    ...(operation === 'Update' ? { apiVersion } : {}),
    ...(subresource ? { subresource } : {}),
  })
}

/** Reads managedFields; undefined where an entry is malformed. */
function decode(object: JsonObject): Managed | undefined {
  const managed: Managed = new Map()
  for (const item of listAt(object, 'metadata', 'managedFields')) {
    const operation = textAt(item, 'operation')
    const apiVersion = textAt(item, 'apiVersion')
    const fields = FieldSet.fromFieldsV1(isObject(item) ? (item['fieldsV1'] ?? {}) : undefined)
    if ((operation !== 'Apply' && operation !== 'Update') || !apiVersion || !fields) return undefined
    if (textAt(item, 'fieldsType') !== 'FieldsV1') return undefined
    const time = textAt(item, 'time') || undefined
    const entry: Entry = {
      manager: textAt(item, 'manager'),
      operation,
      apiVersion,
      subresource: textAt(item, 'subresource'),
      time,
      fields,
    }
    managed.set(identity(entry), entry)
  }
  return managed
}

function encode(object: JsonObject, managed: Managed): void {
  const meta = metaOf(object)
  delete meta['managedFields']
  if (managed.size === 0) return
  const entries = [...managed.values()].sort(
    (a, b) =>
      compareText(a.operation, b.operation) ||
      compareText(a.time ?? '', b.time ?? '') ||
      compareText(a.manager, b.manager) ||
      compareText(a.apiVersion, b.apiVersion) ||
      compareText(a.subresource, b.subresource),
  )
  meta['managedFields'] = entries.map((e) => ({
    manager: e.manager,
    operation: e.operation,
    apiVersion: e.apiVersion,
    ...(e.time ? { time: e.time } : {}),
    fieldsType: 'FieldsV1',
    fieldsV1: e.fields.toFieldsV1(),
    ...(e.subresource ? { subresource: e.subresource } : {}),
  }))
}

const withoutManaged = (object: JsonObject): JsonObject => {
  const { managedFields: _, ...meta } = metaOf(object)
  return { ...object, metadata: meta }
}

const stripped: readonly (readonly PathElement[])[] = [
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((f) => ['f:metadata', `f:${f}`]),
]

/** Fields that nobody owns: the server writes them. */
function strip(set: FieldSet): FieldSet {
  const system = new FieldSet()
  for (const path of stripped) system.insert(path)
  return set.difference(system)
}

/** Whether the written managedFields ask to forget all owners: an empty list, or one empty entry. */
function isReset(object: JsonObject): boolean {
  const given = metaOf(object)['managedFields']
  if (!Array.isArray(given)) return false
  if (given.length === 0) return true
  const only = given.length === 1 ? given[0] : undefined
  return isObject(only) && Object.values(only).every((v) => v === '' || v === null)
}

/**
 * Records a create or update: what changed between `live` and `next` belongs to the writer from now on.
 * Changes `next`. For a create, `live` is the empty object of the kind.
 */
export function trackUpdate(live: JsonObject, next: JsonObject, writer: Writer): void {
  const created = !textAt(live, 'metadata', 'uid')
  if (!writer.subresource && isReset(next)) {
    delete metaOf(next)['managedFields']
    if (!created) return
  }
  const given = writer.subresource ? undefined : decode(next)
  const managed = given && given.size > 0 ? given : (decode(live) ?? new Map<string, Entry>())
  if (managed.size === 0 && !created) {
    delete metaOf(next)['managedFields']
    return
  }
  const right = withoutManaged(next)
  const { added, modified, removed } = compareTyped(withoutManaged(live), right, writer.schema)
  const taken = added.union(modified)
  for (const [id, entry] of managed) {
    const fields = entry.fields.difference(taken).difference(removed)
    if (fields.isEmpty) managed.delete(id)
    else managed.set(id, { ...entry, fields })
  }
  const own = strip(taken)
  if (!own.isEmpty) {
    const entry = { ...writer, manager: writer.manager || 'unknown', operation: 'Update' as const }
    const id = identity(entry)
    const fields = managed.get(id)?.fields.union(own) ?? own
    managed.set(id, { ...pick(entry), time: timestamp(), fields })
  }
  mergeOldest(managed)
  encode(next, managed)
}

const pick = (e: Omit<Entry, 'fields' | 'time'>): Omit<Entry, 'fields' | 'time'> => ({
  manager: e.manager,
  operation: e.operation,
  apiVersion: e.apiVersion,
  subresource: e.subresource,
})

/** Keeps the number of updaters bounded: the oldest of a version become one entry, `ancient-changes`. */
function mergeOldest(managed: Managed): void {
  const updaters = [...managed].filter(([, e]) => e.operation === 'Update')
  let surplus = updaters.length - maxUpdateManagers
  if (surplus <= 0) return
  updaters.sort(([idA, a], [idB, b]) => compareText(a.time ?? '', b.time ?? '') || compareText(idA, idB))
  const first = new Map<string, string>()
  for (const [id, entry] of updaters) {
    if (surplus <= 0) return
    const bucket = {
      manager: 'ancient-changes',
      operation: 'Update' as const,
      apiVersion: entry.apiVersion,
      subresource: '',
    }
    const bucketId = identity(bucket)
    const earlier = first.get(entry.apiVersion)
    if (earlier === undefined) {
      first.set(entry.apiVersion, id)
      continue
    }
    const held = managed.get(bucketId) ?? managed.get(earlier)
    managed.delete(earlier)
    managed.delete(id)
    managed.set(bucketId, {
      ...bucket,
      time: entry.time,
      fields: held ? held.fields.union(entry.fields) : entry.fields,
    })
    surplus--
  }
}

interface Conflict {
  readonly id: string
  readonly entry: Entry
  readonly path: readonly PathElement[]
}

const describe = ({ manager, operation, apiVersion, subresource }: Entry): string =>
  `"${manager}"${subresource ? ` with subresource "${subresource}"` : ''}${operation === 'Update' ? ` using ${apiVersion}` : ''}`

function conflictError(conflicts: readonly Conflict[]): ApiError {
  const causes = conflicts.map((c) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${describe(c.entry)}`,
    field: pathText(c.path),
  }))
  const [only] = conflicts
  if (conflicts.length === 1 && only) {
    const message = `Apply failed with 1 conflict: conflict with ${describe(only.entry)}: ${pathText(only.path)}`
    return new ApiError(409, 'Conflict', message, { causes })
  }
  const lines: string[] = []
  for (const id of [...new Set(conflicts.map((c) => c.id))].sort(compareText)) {
    const own = conflicts.filter((c) => c.id === id)
    lines.push(`conflicts with ${describe((own[0] as Conflict).entry)}:`, ...own.map((c) => `- ${pathText(c.path)}`))
  }
  return new ApiError(409, 'Conflict', `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`, {
    causes,
  })
}

/** Names an object in messages: `shop/two; c089.shop.example/v1, Kind=Parcel`. */
function title(object: JsonObject): string {
  const namespace = textAt(object, 'metadata', 'namespace')
  const name = textAt(object, 'metadata', 'name')
  return `${namespace}/${name}; ${textAt(object, 'apiVersion')}, Kind=${textAt(object, 'kind')}`
}

/**
 * Server-side apply: lays `config` over `live` and removes what this manager applied before and now leaves out.
 * Returns the new object, with its owners. Throws ApiError for conflicts (unless `force`) and for what fits no type.
 */
export function applyConfig(live: JsonObject, config: JsonObject, writer: Writer, force: boolean): JsonObject {
  const { schema } = writer
  try {
    checkTyped(config, schema)
  } catch (error) {
    if (!(error instanceof TypedError)) throw error
    throw new ApiError(500, '', `failed to create typed patch object (${title(config)}): ${error.message}`)
  }
  const managed = decode(live) ?? new Map<string, Entry>()
  const liveValue = withoutManaged(live)
  if (managed.size === 0 && textAt(live, 'metadata', 'uid')) claimUnowned(managed, liveValue, writer)
  const own = { ...writer, manager: writer.manager, operation: 'Apply' as const }
  const ownId = identity(own)
  const last = managed.get(ownId)
  managed.set(ownId, { ...pick(own), time: last?.time ?? timestamp(), fields: strip(fieldSetOf(config, schema)) })

  let next = mergeTyped(liveValue, config, schema) as JsonObject
  if (last && !last.fields.isEmpty) next = prune(next, managed, last.fields, schema)

  const { added, modified, removed } = compareTyped(liveValue, next, schema)
  // kubectl's move from client-side apply: fields that it applied before are no conflict.
  const excused =
    writer.manager === 'kubectl' && !writer.subresource ? lastAppliedFields(liveValue, schema) : new FieldSet()
  settle(managed, ownId, { taken: added.union(modified), removed, excused }, force)
  const entry = managed.get(ownId)
  const changed =
    !(added.isEmpty && modified.isEmpty && removed.isEmpty) || !last || !entry || !last.fields.equals(entry.fields)
  if (entry?.fields.isEmpty) managed.delete(ownId)
  else if (entry) managed.set(ownId, { ...entry, time: changed ? timestamp() : entry.time })
  const result = { ...next, metadata: { ...metaOf(next) } }
  if (writer.manager === 'kubectl' && !writer.subresource) refreshLastApplied(result, config)
  encode(result, managed)
  return result
}

/** Takes from the other owners what the apply changes; throws where it may not. */
function settle(
  managed: Managed,
  ownId: string,
  { taken, removed, excused }: { taken: FieldSet; removed: FieldSet; excused: FieldSet },
  force: boolean,
): void {
  const conflicts: Conflict[] = []
  for (const [id, entry] of managed) {
    if (id === ownId) continue
    for (const path of entry.fields.intersection(taken).paths()) conflicts.push({ id, entry, path })
  }
  const real = conflicts.filter((c) => !excused.has(c.path))
  if (real.length > 0 && !force) throw conflictError(real)
  for (const [id, entry] of managed) {
    if (id === ownId) continue
    const fields = entry.fields.difference(taken).difference(removed)
    if (fields.isEmpty) managed.delete(id)
    else managed.set(id, { ...entry, fields })
  }
}

/** An object without owners that meets its first apply: its fields belong to nobody in particular. */
function claimUnowned(managed: Managed, live: JsonObject, writer: Writer): void {
  const entry = {
    manager: 'before-first-apply',
    operation: 'Update' as const,
    apiVersion: writer.apiVersion,
    subresource: '',
  }
  const fields = strip(fieldSetOf(live, writer.schema))
  if (!fields.isEmpty) managed.set(identity(entry), { ...entry, time: timestamp(), fields })
}

/** Removes what was applied last time, unless somebody owns it now. */
function prune(merged: JsonObject, managed: Managed, last: FieldSet, schema: Schema): JsonObject {
  const named = (set: FieldSet): FieldSet => withNamedFields(set, schema)
  const without = (set: FieldSet): JsonObject => (removeItems(merged, set, schema) ?? {}) as JsonObject
  const mergedSet = named(fieldSetOf(merged, schema))
  const first = without(named(last))
  let owned = new FieldSet()
  for (const entry of managed.values()) owned = owned.union(entry.fields)
  const second = without(mergedSet.difference(named(fieldSetOf(first, schema)).union(named(owned))))
  return without(mergedSet.difference(named(fieldSetOf(second, schema))).intersection(named(last)))
}

/** Whether two objects are the same but for the times in their managedFields. */
export function sameButTimes(a: JsonObject, b: JsonObject, same: (x: JsonValue, y: JsonValue) => boolean): boolean {
  const timeless = (object: JsonObject): JsonObject => {
    const entries = listAt(object, 'metadata', 'managedFields')
    if (entries.length === 0) return object
    const plain = entries.map((e) => (isObject(e) ? { ...e, time: null } : e))
    return { ...object, metadata: { ...metaOf(object), managedFields: plain } }
  }
  return same(timeless(a), timeless(b))
}
