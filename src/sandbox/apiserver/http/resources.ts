// Requests to resources: from method and path to reading, writing, watching.
import type { IncomingMessage } from 'node:http'
import type { Call } from '../core.ts'
import { ApiError, methodNotAllowed, noSuchResource } from '../errors.ts'
import { isObject, type JsonObject, textAt, writeJson } from '../json.ts'
import { apiVersionOf } from '../resource.ts'
import { deleteCollection, deletedStatus, deleteOne, deleteOptions } from '../rest/delete.ts'
import { objectIn } from '../rest/object-in.ts'
import { writeOptions } from '../rest/options.ts'
import { patch, patchTypeOf } from '../rest/patch.ts'
import { get, type ListResult, list, wantsWatch } from '../rest/read.ts'
import { create, shownObject, stored, update } from '../rest/write.ts'
import { includeObjectIn, partial, tableOf, tableOfOne } from '../table/table.ts'
import { encoded, watch } from '../watch.ts'
import { type Format, negotiate } from './accept.ts'
import type { Answer } from './answer.ts'
import { asObject, parseBody, parseJsonBody, parseYaml, readBytes } from './body.ts'

/** What a handler gets beside the call. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly answer: Answer
  readonly format: Format
  /** Keeps count of open watches, so that closing the server ends them. */
  onWatch(watching: { readonly storage: string; end(): void }): () => void
}

const contentType = (request: IncomingMessage): string => request.headers['content-type'] ?? ''

export function formatOf(request: IncomingMessage): Format {
  return negotiate(request.headers.accept)
}

/** Answers with one object, in the form that was asked for. */
export function answerObject(call: Call, exchange: Exchange, code: number, object: JsonObject): void {
  const { format, answer } = exchange
  const body =
    format.as === 'Table'
      ? tableOfOne(call.resource, object, includeObjectIn(call.query))
      : format.as === 'PartialObjectMetadata'
        ? partial(object)
        : object
  answer.object(code, body, format.media)
}

function answerList(call: Call, { format, answer }: Exchange, result: ListResult): void {
  const { resource } = call
  const metadata: JsonObject = {
    resourceVersion: String(result.version),
    ...(result.continue ? { continue: result.continue } : {}),
    ...(result.remaining ? { remainingItemCount: result.remaining } : {}),
  }
  if (format.as === 'Object') {
    const items = result.items.map((item) => encoded(resource, item)).join(',')
    const head = writeJson({ kind: resource.names.listKind, apiVersion: apiVersionOf(resource), metadata })
    answer.json(200, `${head.slice(0, -1)},"items":[${items}]}\n`, format.media)
    return
  }
  const objects = result.items.map((item) => shownObject(resource, item))
  const body =
    format.as === 'Table'
      ? tableOf(resource, objects, metadata, includeObjectIn(call.query))
      : { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items: objects.map(partial) }
  answer.object(200, body, format.media)
}

async function deleteBody({ request }: Exchange): Promise<JsonObject | undefined> {
  const bytes = await readBytes(request)
  if (bytes.length === 0) return undefined
  const { value } = parseBody(bytes, contentType(request))
  return isObject(value) ? value : undefined
}

function readOne(call: Call, exchange: Exchange): void {
  const found = get(call)
  if (exchange.format.as === 'Object')
    exchange.answer.json(200, `${encoded(call.resource, found)}\n`, exchange.format.media)
  else answerObject(call, exchange, 200, shownObject(call.resource, found))
}

async function replace(call: Call, exchange: Exchange): Promise<void> {
  const options = writeOptions(call, 'UpdateOptions')
  const parsed = parseBody(await readBytes(exchange.request), contentType(exchange.request))
  const object = objectIn(call, { value: asObject(parsed), problems: parsed.problems }, options)
  if (!stored(call) && call.resource.strategy.createOnUpdate && !call.subresource) {
    answerObject(call, exchange, 201, await create(call, object, options))
    return
  }
  const uid = textAt(object, 'metadata', 'uid')
  answerObject(call, exchange, 200, await update(call, () => object, { ...options, uid }))
}

async function patchObject(call: Call, exchange: Exchange): Promise<void> {
  const type = patchTypeOf(contentType(exchange.request))
  if (!type) throw new ApiError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {})
  const bytes = await readBytes(exchange.request)
  const text = bytes.toString('utf8')
  const parsed = type === 'apply' ? parseYaml(text) : parseJsonBody(text, '')
  const done = await patch(call, { type, value: parsed.value, text, problems: parsed.problems })
  answerObject(call, exchange, done.created ? 201 : 200, done.object)
}

async function remove(call: Call, exchange: Exchange): Promise<void> {
  const options = deleteOptions(call, await deleteBody(exchange))
  const { object, gone } = await deleteOne(call, options)
  if (gone && !call.resource.strategy.returnsDeleted)
    exchange.answer.object(200, deletedStatus(call, object), exchange.format.media)
  else answerObject(call, exchange, 200, object)
}

async function removeAll(call: Call, exchange: Exchange): Promise<void> {
  const options = deleteOptions(call, await deleteBody(exchange))
  const states = await deleteCollection(call, options)
  const { names } = call.resource
  const metadata = { resourceVersion: String(call.core.store.version) }
  exchange.answer.object(
    200,
    { kind: names.listKind, apiVersion: apiVersionOf(call.resource), metadata, items: states },
    exchange.format.media,
  )
}

async function createObject(call: Call, exchange: Exchange): Promise<void> {
  const options = writeOptions(call, 'CreateOptions')
  const parsed = parseBody(await readBytes(exchange.request), contentType(exchange.request))
  const object = objectIn(call, { value: asObject(parsed), problems: parsed.problems }, options)
  answerObject(call, exchange, 201, await create(call, object, options))
}

const verbOf: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch' }

function requireVerb(call: Call, verb: string): void {
  if (!call.resource.verbs.includes(verb)) throw methodNotAllowed()
}

/** Serves a request to a resource itself or to its status. */
export async function serveResource(call: Call, exchange: Exchange, watchPath: boolean): Promise<void> {
  const { request } = exchange
  const method = request.method ?? 'GET'
  if (method === 'GET' || method === 'HEAD') {
    if (call.name && !watchPath && !wantsWatch(call.query)) {
      requireVerb(call, 'get')
      readOne(call, exchange)
    } else if (watchPath || wantsWatch(call.query)) {
      requireVerb(call, 'watch')
      exchange.answer.setWarnings()
      let release = (): void => undefined
      const watching = watch(call, exchange.format, exchange.answer.response, () => release())
      release = exchange.onWatch({ storage: call.resource.storage, end: () => watching.end() })
    } else {
      requireVerb(call, 'list')
      answerList(call, exchange, list(call))
    }
    return
  }
  if (method === 'DELETE') {
    if (call.subresource) throw methodNotAllowed()
    requireVerb(call, call.name ? 'delete' : 'deletecollection')
    await (call.name ? remove(call, exchange) : removeAll(call, exchange))
    return
  }
  const verb = verbOf[method]
  if (!verb) throw methodNotAllowed()
  requireVerb(call, verb)
  if (verb === 'create') {
    if (call.name) throw methodNotAllowed()
    await createObject(call, exchange)
  } else if (!call.name) throw methodNotAllowed()
  else await (verb === 'update' ? replace(call, exchange) : patchObject(call, exchange))
}

export function checkSubresource(call: Call): void {
  if (call.subresource === '') return
  if (call.subresource === 'status' && call.resource.hasStatus) return
  throw noSuchResource()
}
