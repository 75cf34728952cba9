// Watches: what happened since a version, then what happens, one JSON line each.
import type { ServerResponse } from 'node:http'
import type { Call } from './core.ts'
import type { Format } from './http/accept.ts'
import { type JsonObject, writeJson } from './json.ts'
import type { Resource } from './resource.ts'
import { typeMeta } from './rest/object-in.ts'
import { flag, integer } from './rest/options.ts'
import { checkListOptions, type Selected, selection, versionIn } from './rest/read.ts'
import { shownObject } from './rest/write.ts'
import type { Stored, StoreEvent } from './store.ts'
import { includeObjectIn, partial, tableOfOne } from './table/table.ts'

const bookmarkEveryMs = 60_000
/** A bookmark comes this long before the watch ends by its own timeout. */
const lastBookmarkMs = 2_000
/** A watcher that leaves more than this unread is cut off; it may resume. */
const backlogLimit = 64 * 1024 * 1024

const encodings = new WeakMap<Stored, Map<Resource, string>>()

/** The JSON of a stored object as a resource's version shows it, made once for all watchers and readers. */
export function encoded(resource: Resource, stored: Stored): string {
  let versions = encodings.get(stored)
  if (!versions) {
    versions = new Map()
    encodings.set(stored, versions)
  }
  let text = versions.get(resource)
  if (text === undefined) {
    text = writeJson(shownObject(resource, stored))
    versions.set(resource, text)
  }
  return text
}

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED'

/** How an event looks to a watcher that sees only some objects; undefined where it sees nothing. */
function eventFor(
  resource: Resource,
  event: StoreEvent,
  selected: Selected,
): { type: EventType; stored: Stored } | undefined {
  const { previous, stored } = event
  const had = previous !== undefined && selected(shownObject(resource, previous))
  if (event.type === 'DELETED') return had ? { type: 'DELETED', stored } : undefined
  const has = selected(shownObject(resource, stored))
  if (has) return { type: had ? 'MODIFIED' : 'ADDED', stored }
  return had ? { type: 'DELETED', stored: lastSeen(previous, event) } : undefined
}

const lastSeenCache = new WeakMap<StoreEvent, Stored>()

/** What left the selection, as it was last seen, at the version of its leaving. */
function lastSeen(previous: Stored, event: StoreEvent): Stored {
  let last = lastSeenCache.get(event)
  if (!last) {
    const metadata = { ...(previous.object['metadata'] as JsonObject), resourceVersion: String(event.version) }
    last = { key: previous.key, version: event.version, object: { ...previous.object, metadata } }
    lastSeenCache.set(event, last)
  }
  return last
}

interface Watching {
  /** Ends the stream in good order. */
  end(): void
}

/** Streams events into the response until the client goes, time is up, or `end` is called. Throws ApiError before. */
export function watch(call: Call, format: Format, response: ServerResponse, onEnd: () => void): Watching {
  const { core, resource, query } = call
  checkListOptions(call, true)
  const selected = selection(call)
  const namespace = resource.namespaced && call.namespace ? call.namespace : undefined
  const inScope: Selected =
    namespace === undefined ? selected : (object) => inNamespace(object, namespace) && selected(object)
  const since = versionIn(query.get('resourceVersion'))
  const timeoutMs = (integer(query, 'timeoutSeconds') ?? 0) * 1000 || (1800 + Math.random() * 1800) * 1000
  const stream = new EventStream(call, format, response)

  const initial = flag(query, 'sendInitialEvents')
  const fromState = initial || since === 0
  if (!fromState && (since > core.store.version || !core.store.remembers(resource.storage, since))) {
    stream.expired(since, core.store.version)
    response.end()
    onEnd()
    return { end: () => undefined }
  }
  response.cork()
  if (fromState) {
    for (const item of core.store.list(resource.storage, namespace)) {
      if (selected(shownObject(resource, item))) stream.event('ADDED', item)
    }
    if (initial) stream.bookmark(core.store.version, { 'k8s.io/initial-events-end': 'true' })
  } else {
    for (const event of core.store.eventsSince(resource.storage, since)) {
      const seen = eventFor(resource, event, inScope)
      if (seen) stream.event(seen.type, seen.stored)
    }
  }
  response.uncork()
  let ended = false
  const unsubscribe = core.store.subscribe(resource.storage, (event) => {
    const seen = eventFor(resource, event, inScope)
    if (seen) stream.event(seen.type, seen.stored)
  })
  const bookmarks = setInterval(() => stream.bookmark(core.store.version), bookmarkEveryMs)
  const lastBookmark =
    timeoutMs > lastBookmarkMs
      ? setTimeout(() => stream.bookmark(core.store.version), timeoutMs - lastBookmarkMs)
      : undefined
  const finish = (): void => {
    if (ended) return
    ended = true
    unsubscribe()
    clearInterval(bookmarks)
    clearTimeout(lastBookmark)
    clearTimeout(timeout)
    onEnd()
  }
  const end = (): void => {
    finish()
    response.end()
  }
  const timeout = setTimeout(end, timeoutMs)
  response.on('close', finish)
  return { end }
}

const inNamespace = (object: JsonObject, namespace: string): boolean =>
  (object['metadata'] as JsonObject)['namespace'] === namespace

class EventStream {
  readonly #call: Call
  readonly #format: Format
  readonly #response: ServerResponse

  constructor(call: Call, format: Format, response: ServerResponse) {
    this.#call = call
    this.#format = format
    this.#response = response
    response.writeHead(200, { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' })
    response.flushHeaders()
  }

  event(type: EventType, stored: Stored): void {
    this.#write(`{"type":"${type}","object":${this.#body(stored)}}\n`)
  }

  #body(stored: Stored): string {
    const { resource, query } = this.#call
    if (this.#format.as === 'Object') return encoded(resource, stored)
    const object = shownObject(resource, stored)
    if (this.#format.as === 'Table') return writeJson(tableOfOne(resource, object, includeObjectIn(query)))
    return writeJson(partial(object))
  }

  bookmark(version: number, annotations?: Record<string, string>): void {
    const { resource, query } = this.#call
    if (!flag(query, 'allowWatchBookmarks')) return
    const metadata: JsonObject = { resourceVersion: String(version), ...(annotations ? { annotations } : {}) }
    const object: JsonObject =
      this.#format.as === 'Table'
        ? { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata, columnDefinitions: [], rows: [] }
        : this.#format.as === 'Object'
          ? { ...typeMeta(resource), metadata }
          : { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }
    this.#write(`{"type":"BOOKMARK","object":${writeJson(object)}}\n`)
  }

  expired(since: number, current: number): void {
    const object: JsonObject = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: `too old resource version: ${since} (${current})`,
      reason: 'Expired',
      code: 410,
    }
    this.#write(`{"type":"ERROR","object":${writeJson(object)}}\n`)
  }

  #write(line: string): void {
    this.#response.write(line)
    if (this.#response.writableLength > backlogLimit) this.#response.destroy()
  }
}
