// PATCH in its four kinds. Server-side apply is here too: it creates what is not there.
import { applyConfig } from '../apply/managed-fields.ts'
import { DecodeError } from '../codec/builtin.ts'
import type { Call } from '../core.ts'
import { ApiError, badRequest, invalid, invalidObject } from '../errors.ts'
import { isObject, type JsonObject, type JsonValue, metaOf, nameOf, textAt, writeJson } from '../json.ts'
import { goFormat } from '../patch/go-format.ts'
import { applyJsonPatch } from '../patch/json-patch.ts'
import { mergePatch } from '../patch/merge-patch.ts'
import { strategicMerge } from '../patch/strategic.ts'
import { apiVersionOf } from '../resource.ts'
import { reportFields, typeMeta } from './object-in.ts'
import { flag, type WriteOptions, writeOptions } from './options.ts'
import { create, emptyObject, stored, update } from './write.ts'

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply'

/** The patch kind of a content type; undefined for what is none. */
export function patchTypeOf(contentType: string): PatchType | undefined {
  const type = contentType.split(';')[0]?.trim()
  if (type === 'application/json-patch+json') return 'json'
  if (type === 'application/merge-patch+json') return 'merge'
  if (type === 'application/strategic-merge-patch+json') return 'strategic'
  if (type === 'application/apply-patch+yaml' || type === 'application/apply-patch+cbor') return 'apply'
  return undefined
}

export interface Patch {
  readonly type: PatchType
  readonly value: JsonValue
  readonly text: string
  /** Keys given twice in the text. */
  readonly problems: readonly string[]
}

export async function patch(call: Call, given: Patch): Promise<{ object: JsonObject; created: boolean }> {
  const options = writeOptions(call, 'PatchOptions')
  if (given.type === 'apply') return apply(call, given, options)
  if (given.type === 'strategic' && call.resource.custom) {
    throw new ApiError(
      415,
      'UnsupportedMediaType',
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
    )
  }
  let warned = false
  const change = (old: JsonObject): JsonObject => {
    const patched = patchedObject(call, old, given)
    const next = readPatched(call, patched, given, warned ? { ...options, fieldValidation: 'Ignore' } : options)
    warned = true
    return next
  }
  return { object: await update(call, change, options), created: false }
}

function patchedObject(call: Call, old: JsonObject, given: Patch): JsonObject {
  if (given.type === 'json') return applyJsonPatch(old, given.value)
  if (!isObject(given.value)) {
    const what = Array.isArray(given.value) ? 'array' : given.value === null ? 'null' : goKind(given.value)
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${what} into Go value of type map[string]interface {}`,
    )
  }
  if (given.type === 'strategic') return strategicMerge(old, given.value, call.resource.schema)
  return mergePatch(old, given.value) as JsonObject
}

/** What Go's decoder calls a plain value. */
const goKind = (value: JsonValue): string => (typeof value === 'boolean' ? 'bool' : typeof value)

/** The patched object, read as if it had been sent whole. */
function readPatched(call: Call, patched: JsonObject, given: Patch, options: WriteOptions): JsonObject {
  const { resource } = call
  const shown = given.type === 'strategic' ? goFormat(given.value) : given.text
  const refuse = (why: string): ApiError => invalidObject({ group: '', name: '' }, '', [invalid('patch', shown, why)])
  const unknown: string[] = []
  let next: JsonObject
  try {
    next = resource.decode({ ...patched, ...typeMeta(resource) }, unknown)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw refuse(given.type === 'strategic' ? `error decoding from json: ${error.message}` : error.message)
  }
  const problems = [...given.problems, ...unknown.map((field) => `unknown field "${field}"`)]
  reportFields(call, problems, options, refuse)
  resource.strategy.defaults?.(next)
  return next
}

async function apply(
  call: Call,
  given: Patch,
  options: WriteOptions,
): Promise<{ object: JsonObject; created: boolean }> {
  const { resource, query } = call
  if (!query.get('fieldManager')) {
    throw invalidObject({ group: 'meta.k8s.io', name: 'PatchOptions' }, '', [
      { field: 'fieldManager', reason: 'FieldValueRequired', detail: 'Required value: is required for apply patch' },
    ])
  }
  const config = checkConfig(call, given, options)
  const force = flag(query, 'force')
  const writer = {
    manager: options.manager,
    apiVersion: apiVersionOf(resource),
    subresource: call.subresource,
    schema: resource.schema,
  }
  if (!stored(call)) {
    if (call.subresource) throw await missing(call)
    const object = applyConfig(emptyObject(resource), config, writer, force)
    metaOf(object)['name'] = call.name
    return { object: await create(call, read(call, object), { ...options, tracked: true }), created: true }
  }
  const change = (old: JsonObject): JsonObject => read(call, applyConfig(old, config, writer, force))
  return { object: await update(call, change, { ...options, tracked: true }), created: false }
}

/** The error that an update of the missing object gives. */
async function missing(call: Call): Promise<unknown> {
  try {
    await update(call, (old) => old, { dryRun: true, manager: '', fieldValidation: 'Ignore' })
  } catch (error) {
    return error
  }
  return new ApiError(500, '', `${call.name} appeared while it was looked for`)
}

function read(call: Call, object: JsonObject): JsonObject {
  const { resource } = call
  try {
    const next = resource.decode(object, [])
    resource.strategy.defaults?.(next)
    return next
  } catch (error) {
    if (error instanceof DecodeError)
      throw new ApiError(500, '', `failed to convert new typed object: ${error.message}`)
    throw error
  }
}

function checkConfig(call: Call, given: Patch, options: WriteOptions): JsonObject {
  const { resource } = call
  if (!isObject(given.value)) throw badRequest(`error decoding YAML: ${writeJson(given.value)} is no object`)
  const config = { ...given.value }
  if (given.problems.length > 0) {
    reportFields(call, given.problems, options, (why) =>
      invalidObject({ group: '', name: '' }, '', [invalid('patch', given.text, `error decoding YAML: ${why}`)]),
    )
  }
  const expected = apiVersionOf(resource)
  const version = textAt(config, 'apiVersion')
  if (version !== expected) {
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${version}, expected: ${expected}`,
    )
  }
  if (metaOf(config)['managedFields'] !== undefined && metaOf(config)['managedFields'] !== null) {
    throw badRequest('metadata.managedFields must be nil')
  }
  const name = nameOf(config)
  if (name && name !== call.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${call.name})`)
  }
  if (resource.hasStatus) {
    if (call.subresource === 'status')
      for (const key of Object.keys(config)) {
        if (!['apiVersion', 'kind', 'metadata', 'status'].includes(key)) delete config[key]
      }
    else delete config['status']
  }
  const meta = { ...metaOf(config) }
  if (resource.namespaced && call.namespace) meta['namespace'] ??= call.namespace
  config['metadata'] = meta
  return config
}
