// The scale subresource: replicas of any kind that has them, in one form.

import { DecodeError, decodeBuiltin } from '../codec/builtin.ts'
import type { Call } from '../core.ts'
import { badRequest, invalid, invalidObject, methodNotAllowed, noSuchResource, notFound } from '../errors.ts'
import { asObject, parseBody, readBytes } from '../http/body.ts'
import type { Exchange } from '../http/resources.ts'
import {
  at,
  clone,
  ensureObject,
  isObject,
  type JsonObject,
  type JsonValue,
  metaOf,
  nameOf,
  namespaceOf,
  numberAt,
  textAt,
} from '../json.ts'
import { applyJsonPatch } from '../patch/json-patch.ts'
import { mergePatch } from '../patch/merge-patch.ts'
import { qualified, type ScalePaths } from '../resource.ts'
import { ageOf, table } from '../table/columns.ts'
import { includeObjectIn, tableOfOne } from '../table/table.ts'
import { writeOptions } from './options.ts'
import { patchTypeOf } from './patch.ts'
import { get } from './read.ts'
import { selectorText } from './selectors.ts'
import { shownObject, update } from './write.ts'

const type = 'autoscaling.v1.Scale'

const scaleTable = table('Desired:integer, Available:integer, Age', (scale) => [
  numberAt(scale, 'spec', 'replicas') ?? 0,
  numberAt(scale, 'status', 'replicas') ?? 0,
  ageOf(scale),
])

function selectorOf(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value
  if (!isObject(value)) return ''
  // ReplicationControllers have a plain map of labels.
  const isPlain = Object.values(value).every((v) => typeof v === 'string')
  return selectorText(isPlain ? { matchLabels: value } : value)
}

/** The scale of an object. */
export function scaleOf(object: JsonObject, paths: ScalePaths): JsonObject {
  const selector = paths.selector ? selectorOf(at(object, ...paths.selector)) : ''
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name: nameOf(object),
      ...(namespaceOf(object) ? { namespace: namespaceOf(object) } : {}),
      uid: textAt(object, 'metadata', 'uid'),
      resourceVersion: textAt(object, 'metadata', 'resourceVersion'),
      creationTimestamp: textAt(object, 'metadata', 'creationTimestamp'),
    },
    spec: { replicas: numberAt(object, ...paths.specReplicas) ?? 0 },
    status: { replicas: numberAt(object, ...paths.statusReplicas) ?? 0, ...(selector ? { selector } : {}) },
  }
}

/** The object with the replicas that a changed scale wants. Throws ApiError. */
function withScale(object: JsonObject, scale: JsonObject, paths: ScalePaths): JsonObject {
  let decoded: JsonObject
  try {
    decoded = decodeBuiltin(type, scale, [])
  } catch (error) {
    if (error instanceof DecodeError)
      throw badRequest(`Scale in version "v1" cannot be handled as a Scale: ${error.message}`)
    throw error
  }
  const replicas = numberAt(decoded, 'spec', 'replicas') ?? 0
  if (replicas < 0) {
    throw invalidObject({ group: 'autoscaling', name: 'Scale' }, nameOf(object), [
      invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ])
  }
  const next = clone(object)
  const [last = ''] = paths.specReplicas.slice(-1)
  ensureObject(next, ...paths.specReplicas.slice(0, -1))[last] = replicas
  const version = textAt(scale, 'metadata', 'resourceVersion')
  if (version) metaOf(next)['resourceVersion'] = version
  return next
}

export async function serveScale(call: Call, exchange: Exchange): Promise<void> {
  const { request, answer, format } = exchange
  const show = (object: JsonObject, paths: ScalePaths): void => {
    const scale = scaleOf(object, paths)
    const isTable = format.as === 'Table'
    answer.object(
      200,
      isTable ? tableOfOne({ table: scaleTable }, scale, includeObjectIn(call.query)) : scale,
      format.media,
    )
  }
  const paths = call.resource.scale
  if (!paths) {
    if (call.resource.custom) throw notFound(qualified(call.resource), call.name)
    throw noSuchResource()
  }
  if (request.method === 'GET') {
    show(shownObject(call.resource, get(call)), paths)
    return
  }
  const contentType = request.headers['content-type'] ?? ''
  const isPut = request.method === 'PUT'
  if (!isPut && request.method !== 'PATCH') throw methodNotAllowed()
  const options = writeOptions(call, isPut ? 'UpdateOptions' : 'PatchOptions')
  const body = parseBody(await readBytes(request), isPut ? contentType : 'application/json').value
  const kind = isPut ? undefined : patchTypeOf(contentType)
  const change = (old: JsonObject): JsonObject => {
    const scale = scaleOf(old, paths)
    if (isPut) return withScale(old, asObject({ value: body, text: '', problems: [] }), paths)
    const patched = kind === 'json' ? applyJsonPatch(scale, body) : mergePatch(scale, body)
    return withScale(old, patched as JsonObject, paths)
  }
  const done = await update(call, change, options)
  show(done, paths)
}
