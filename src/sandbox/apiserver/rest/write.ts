// Create and update: the one path that every change of an object takes.
import { randomBytes, randomUUID } from 'node:crypto'
import { admitCreate, admitUpdate } from '../admission/index.ts'
import { sameButTimes, trackUpdate } from '../apply/managed-fields.ts'
import { timestamp } from '../codec/time.ts'
import type { Call } from '../core.ts'
import {
  ApiError,
  alreadyExists,
  badRequest,
  conflict,
  type FieldError,
  invalidObject,
  modified,
  notFound,
} from '../errors.ts'
import { clone, equal, type JsonObject, listAt, metaOf, nameOf, namespaceOf, numberAt, textAt } from '../json.ts'
import { apiVersionOf, qualified, qualifiedKind, type Resource } from '../resource.ts'
import type { Stored } from '../store.ts'
import { checkMeta, checkMetaUpdate } from './names.ts'
import type { WriteOptions } from './options.ts'

/** The object as the call's version shows it. */
export const shownObject = (resource: Resource, stored: Stored): JsonObject =>
  resource.fromStorage?.(stored.object) ?? stored.object

export const stored = (call: Call, name = call.name): Stored | undefined =>
  call.core.store.get(call.resource.storage, call.namespace, name)

const writer = (call: Call, options: WriteOptions) => ({
  manager: options.manager,
  apiVersion: apiVersionOf(call.resource),
  subresource: call.subresource,
  schema: call.resource.schema,
})

const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

/** A name from `generateName`: the prefix, shortened if need be, and five random characters. */
export function generatedName(prefix: string): string {
  const suffix = [...randomBytes(5)].map((b) => alphabet[b % alphabet.length]).join('')
  return prefix.slice(0, 63 - suffix.length) + suffix
}

/** The empty object of a resource: what a create is compared with. */
export function emptyObject(resource: Resource): JsonObject {
  const empty = resource.decode({ apiVersion: apiVersionOf(resource), kind: resource.names.kind }, [])
  return { ...empty, metadata: metaOf(empty) }
}

function resetStatus(resource: Resource, object: JsonObject): void {
  if (!resource.hasStatus || resource.strategy.keepsStatus) return
  const status = emptyObject(resource)['status']
  if (status === undefined) delete object['status']
  else object['status'] = status
}

/** Creates the object (decoded, with defaults). Returns it as stored. Throws ApiError. */
export async function create(call: Call, object: JsonObject, options: UpdateOptions): Promise<JsonObject> {
  const { resource, core } = call
  const next = clone(object)
  const meta = metaOf(next)
  if (meta['resourceVersion']) throw new ApiError(500, '', 'resourceVersion should not be set on objects to be created')
  matchNamespace(call, next)
  delete meta['selfLink']
  resetStatus(resource, next)
  if (!options.tracked) trackUpdate(emptyObject(resource), next, writer(call, options))
  if (!meta['name'] && meta['generateName']) meta['name'] = generatedName(textAt(meta, 'generateName'))
  await admitCreate(call, next, options)
  const now = timestamp()
  Object.assign(meta, { uid: randomUUID(), creationTimestamp: now })
  for (const key of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink']) delete meta[key]
  if (resource.strategy.generation) meta['generation'] = 1
  resource.strategy.prepareCreate?.(next, { now })
  const errors = [
    ...checkMeta(next, resource.namespaced, resource.strategy.nameRule),
    ...(resource.strategy.validate?.(next, undefined) ?? []),
  ]
  if (errors.length > 0) throw invalidObject(qualifiedKind(resource), nameOf(next), errors)
  for (const warning of resource.strategy.warnings?.(next, undefined) ?? []) call.warn(warning)
  const existing = core.store.get(resource.storage, namespaceOf(next), nameOf(next))
  if (existing) throw alreadyExists(qualified(resource), nameOf(next))
  allocate(call, next, undefined, options.dryRun)
  if (options.dryRun) return next
  const written = core.store.write(resource.storage, resource.toStorage?.(next) ?? next)
  return shownObject(resource, written)
}

function matchNamespace(call: Call, object: JsonObject): void {
  const meta = metaOf(object)
  if (!call.resource.namespaced) {
    delete meta['namespace']
    return
  }
  const given = textAt(meta, 'namespace')
  if (given && given !== call.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
  if (call.namespace) meta['namespace'] = call.namespace
}

/** What an update is made of: the object of before (as the call's version shows it) → the object wanted. */
export type Change = (old: JsonObject) => JsonObject

export interface UpdateOptions extends WriteOptions {
  /** Set where the change brings its own managedFields (server-side apply). */
  readonly tracked?: true
  /** Fails with a conflict where the object's uid is another. */
  readonly uid?: string
}

/** Updates an existing object. Returns it as stored. Throws ApiError. */
export async function update(call: Call, change: Change, options: UpdateOptions): Promise<JsonObject> {
  for (;;) {
    const current = stored(call)
    if (!current) throw notFound(qualified(call.resource), call.name)
    const old = shownObject(call.resource, current)
    if (options.uid) checkUid(call, old, options.uid)
    const next = change(old)
    const unconditional = !textAt(next, 'metadata', 'resourceVersion')
    const done = await tryUpdate(call, current, old, next, options)
    if (done) return done
    if (!unconditional && textAt(next, 'metadata', 'resourceVersion') !== String(current.version)) {
      throw modified(qualified(call.resource), call.name)
    }
  }
}

/** As etcd's layer of a real server says it. */
function checkUid(call: Call, old: JsonObject, uid: string): void {
  const own = textAt(old, 'metadata', 'uid')
  if (uid === own) return
  const key = ['/registry', call.resource.names.plural, ...(call.namespace ? [call.namespace] : []), call.name].join(
    '/',
  )
  const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${own}`
  throw conflict(
    qualified(call.resource),
    call.name,
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`,
  )
}

function checkIdentity(call: Call, old: JsonObject, next: JsonObject): void {
  const name = nameOf(next)
  if (!name)
    throw badRequest(`the name of the object (${call.name} based on URL) was undeterminable: name must be provided`)
  if (name !== call.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${call.name})`)
  }
  matchNamespace(call, next)
  const version = textAt(next, 'metadata', 'resourceVersion')
  if (version && version !== textAt(old, 'metadata', 'resourceVersion')) {
    throw modified(qualified(call.resource), call.name)
  }
  if (!version && call.resource.strategy.needsVersion) {
    const { group, name: kind } = qualified(call.resource)
    throw invalidObject({ group, name: kind }, call.name, [
      {
        field: 'metadata.resourceVersion',
        reason: 'FieldValueInvalid',
        detail: 'Invalid value: 0: must be specified for an update',
      },
    ])
  }
}

/** One attempt; undefined where somebody else wrote in between. */
async function tryUpdate(
  call: Call,
  current: Stored,
  old: JsonObject,
  change: JsonObject,
  options: UpdateOptions,
): Promise<JsonObject | undefined> {
  const { resource } = call
  const next = clone(change)
  checkIdentity(call, old, next)
  const meta = metaOf(next)
  const oldMeta = metaOf(old)
  for (const key of ['uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds']) {
    if ((meta[key] === undefined || meta[key] === null) && oldMeta[key] !== undefined) meta[key] = oldMeta[key]
  }
  meta['resourceVersion'] = textAt(oldMeta, 'resourceVersion')
  delete meta['selfLink']
  if (oldMeta['generation'] === undefined) delete meta['generation']
  else meta['generation'] = oldMeta['generation']
  separateStatus(call, old, next)
  if (!options.tracked) trackUpdate(old, next, writer(call, options))
  await admitUpdate(call, old, next, options)
  resource.strategy.prepareUpdate?.(next, old, { now: timestamp() })
  if (resource.strategy.generation && call.subresource !== 'status' && specChanged(old, next, resource)) {
    meta['generation'] = (numberAt(oldMeta, 'generation') ?? 0) + 1
  }
  const errors = updateErrors(call, old, next)
  if (errors.length > 0) throw invalidObject(qualifiedKind(resource), nameOf(next), errors)
  for (const warning of resource.strategy.warnings?.(next, old) ?? []) call.warn(warning)
  if (stored(call) !== current) return undefined
  if (sameButTimes(old, next, equal)) return old
  allocate(call, next, old, options.dryRun)
  if (options.dryRun) return next
  return commit(call, current, next)
}

/** The main resource does not write status, the status subresource nothing else. */
function separateStatus(call: Call, old: JsonObject, next: JsonObject): void {
  if (!call.resource.hasStatus) return
  if (call.subresource !== 'status') {
    if (old['status'] === undefined) delete next['status']
    else next['status'] = old['status']
    return
  }
  for (const key of Object.keys(next)) if (key !== 'metadata' && key !== 'status') delete next[key]
  for (const [key, value] of Object.entries(old)) if (key !== 'metadata' && key !== 'status') next[key] = value
  const meta = metaOf(next)
  const oldMeta = metaOf(old)
  const kept = call.resource.custom
    ? ['labels', 'annotations', 'finalizers', 'ownerReferences']
    : call.resource.group === ''
      ? ['ownerReferences']
      : ['labels']
  for (const key of kept) {
    if (oldMeta[key] === undefined) delete meta[key]
    else meta[key] = oldMeta[key]
  }
}

function specChanged(old: JsonObject, next: JsonObject, { hasStatus, strategy }: Resource): boolean {
  const spec = ({ metadata: _meta, status, ...rest }: JsonObject): JsonObject =>
    hasStatus || status === undefined ? rest : { ...rest, status }
  if (strategy.generation === 'annotations') {
    const annotations = (o: JsonObject) => metaOf(o)['annotations']
    if (!equal(annotations(old) ?? {}, annotations(next) ?? {})) return true
  }
  const deleting = (o: JsonObject): boolean => textAt(o, 'metadata', 'deletionTimestamp') !== ''
  return !equal(spec(old), spec(next)) || deleting(old) !== deleting(next)
}

function updateErrors(call: Call, old: JsonObject, next: JsonObject): FieldError[] {
  const { strategy, namespaced } = call.resource
  const common = [...checkMeta(next, namespaced, strategy.nameRule), ...checkMetaUpdate(next, old)]
  const own =
    call.subresource === 'status'
      ? (strategy.validateStatus?.(next, old) ?? [])
      : (strategy.validate?.(next, old) ?? [])
  return [...common, ...own]
}

/** Takes what the object needs of what all share: service addresses and node ports. Throws ApiError. */
function allocate(call: Call, next: JsonObject, old: JsonObject | undefined, dryRun: boolean): void {
  if (call.resource.storage === '/services') call.core.services.allocate(next, old, dryRun)
}

/** Gives back what a removed object had. */
export function release(call: Call, object: JsonObject): void {
  if (call.resource.storage === '/services') call.core.services.release(object)
}

/** Writes the object, or removes it where it was only waiting for its last finalizer. */
function commit(call: Call, current: Stored, next: JsonObject): JsonObject {
  const { store } = call.core
  const { resource } = call
  const kept = resource.toStorage?.(next) ?? next
  if (isFinished(kept)) {
    release(call, current.object)
    return shownObject(resource, store.remove(resource.storage, current, kept))
  }
  return shownObject(resource, store.write(resource.storage, kept))
}

/** Whether a deleted object has nothing left to wait for. */
export function isFinished(object: JsonObject): boolean {
  return (
    textAt(object, 'metadata', 'deletionTimestamp') !== '' &&
    listAt(object, 'metadata', 'finalizers').length === 0 &&
    (numberAt(object, 'metadata', 'deletionGracePeriodSeconds') ?? 0) === 0 &&
    !(
      object['apiVersion'] === 'v1' &&
      object['kind'] === 'Namespace' &&
      listAt(object, 'spec', 'finalizers').length > 0
    )
  )
}
