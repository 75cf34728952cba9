// Keeps a store equal to a resource of an API server: list, then watch, and again whenever the watch cannot go on.
import { setTimeout as delay } from 'node:timers/promises'
import type { KubeObject } from '../../../resources/index.ts'
import { errorOf, type KubeApi, readAll } from './api.ts'
import { ApiError } from './connection.ts'
import { pathOf, type Resource } from './resources.ts'
import type { Store } from './store.ts'

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  object: KubeObject & { code?: number; message?: string; reason?: string }
}

export interface WatchOptions<T extends KubeObject> {
  readonly resource: Resource
  readonly store: Store<T>
  readonly signal: AbortSignal
  /** What is kept of each object; the whole by default. */
  readonly keep?: (object: T) => T
  /** Told each time that the list has been read. */
  readonly onSynced: () => void
  /** Told of failures; the watch goes on by itself. */
  readonly onError: (error: unknown) => void
}

/** Runs until the signal aborts. */
export async function keepStore<T extends KubeObject>(api: KubeApi, options: WatchOptions<T>): Promise<void> {
  const { resource, store, signal } = options
  const keep = options.keep ?? ((object: T) => object)
  let failures = 0
  let resourceVersion: string | undefined
  while (!signal.aborted) {
    try {
      if (resourceVersion === undefined) {
        const page = await api.list<T>(resource)
        store.replace(page.items.map((item) => keep(typed(resource, item))))
        resourceVersion = page.resourceVersion
        options.onSynced()
      }
      await follow(api, options, resourceVersion, (event) => {
        failures = 0
        const version = event.object.metadata.resourceVersion
        if (event.type === 'ADDED' || event.type === 'MODIFIED') store.put(keep(event.object as T))
        else if (event.type === 'DELETED') remove(store, event.object)
        if (version !== undefined) resourceVersion = version
      })
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof ApiError && error.status === 404) {
        // The resource is not served (any more): it has no objects, until it comes back.
        store.replace([])
        resourceVersion = undefined
        options.onSynced()
      } else if (error instanceof ApiError && error.status === 410) resourceVersion = undefined
      else options.onError(error)
      failures++
      const pauseMs = Math.min(10_000, 50 * 2 ** Math.min(failures, 8)) * (0.5 + Math.random() / 2)
      await delay(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }
}

function remove<T extends KubeObject>(store: Store<T>, object: KubeObject): void {
  const { namespace, name, uid } = object.metadata
  store.remove(namespace === undefined || namespace === '' ? name : `${namespace}/${name}`, uid)
}

/** Items of a list carry no kind of their own. */
function typed<T extends KubeObject>(resource: Resource, item: T): T {
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
  return { ...item, apiVersion, kind: resource.kind }
}

async function follow<T extends KubeObject>(
  api: KubeApi,
  { resource, signal }: WatchOptions<T>,
  resourceVersion: string,
  onEvent: (event: WatchEvent) => void,
): Promise<void> {
  const query = new URLSearchParams({
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion,
    timeoutSeconds: String(240 + Math.floor(Math.random() * 120)),
  })
  const call = { method: 'GET', path: `${pathOf(resource, '')}?${query.toString()}`, timeoutMs: 0, signal }
  const answer = await api.connection.send(call)
  if (answer.statusCode !== 200) throw errorOf(answer.statusCode ?? 0, await readAll(answer), call)
  answer.setEncoding('utf8')
  let rest = ''
  for await (const chunk of answer) {
    const lines = (rest + (chunk as string)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') continue
      const event = JSON.parse(line) as WatchEvent
      if (event.type === 'ERROR') {
        throw new ApiError(event.object.code ?? 500, event.object.reason ?? '', event.object.message ?? line)
      }
      onEvent(event)
    }
  }
}
