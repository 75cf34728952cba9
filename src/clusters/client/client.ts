import type { IncomingMessage } from 'node:http'
import type { KubeObject } from '../../resources/index.ts'
import { ApiError, UnreachableError } from './errors.ts'
import type { Access } from './kubeconfig.ts'
import { Transport } from './transport.ts'
import { type WatchEvent, watchEvents } from './watch-stream.ts'

/** How the API server names a kind. */
export interface ResourceType {
  /** "" for the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
}

export interface ListOptions {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly limit?: number
  readonly continue?: string
}

export interface WatchOptions extends Omit<ListOptions, 'limit' | 'continue'> {
  readonly resourceVersion: string
  /** The server ends the watch after this time. */
  readonly timeoutSeconds?: number
  readonly signal?: AbortSignal
}

export interface ObjectList {
  readonly items: KubeObject[]
  readonly resourceVersion: string
  /** Token of the next page; "" after the last one. */
  readonly continue: string
}

export interface ApplyOptions {
  readonly manager: string
  /** Takes fields over that another manager owns; without it, that is a 409. */
  readonly force: boolean
  readonly subresource?: 'status'
}

const requestTimeoutMs = 30_000

/** `/api/v1/namespaces/default/pods/a`, or less of it. */
export function pathOf(type: ResourceType, namespace?: string, name?: string, subresource?: string): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`
  const scope = type.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}${subresource ? `/${subresource}` : ''}`
  return `${root}${scope}/${type.plural}${object}`
}

/** A client of one Kubernetes API server. Methods throw ApiError (it said no) and UnreachableError (it said nothing). */
export class KubeClient {
  readonly server: string
  readonly #transport: Transport
  readonly #userAgent: string

  constructor(access: Access, userAgent = 'fairlead') {
    this.server = access.server
    this.#transport = new Transport(access)
    this.#userAgent = userAgent
  }

  /** Any request whose answer is JSON. */
  async request<T>(
    method: string,
    path: string,
    options: { body?: unknown; contentType?: string; signal?: AbortSignal; timeoutMs?: number } = {},
  ): Promise<T> {
    const timeoutMs = options.timeoutMs ?? requestTimeoutMs
    const response = await this.#transport.send({
      method,
      path,
      timeoutMs,
      headers: this.#headers(options.body === undefined ? undefined : (options.contentType ?? 'application/json')),
      ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
      ...(options.signal && { signal: options.signal }),
    })
    const text = await readAll(response, timeoutMs)
    return checked<T>(response, text, `${method} ${path}`)
  }

  get(type: ResourceType, name: string, namespace?: string): Promise<KubeObject> {
    return this.request('GET', pathOf(type, namespace, name))
  }

  /** One page. */
  async list(type: ResourceType, options: ListOptions = {}, signal?: AbortSignal): Promise<ObjectList> {
    const { namespace, ...query } = options
    const list = await this.request<{
      metadata?: { resourceVersion?: string; continue?: string }
      items?: KubeObject[] | null
    }>('GET', pathOf(type, namespace) + queryOf(query), signal ? { signal } : {})
    const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`
    // Items of typed lists come without their type.
    for (const item of list.items ?? []) {
      item.apiVersion ??= apiVersion
      item.kind ??= type.kind
    }
    return {
      items: list.items ?? [],
      resourceVersion: list.metadata?.resourceVersion ?? '',
      continue: list.metadata?.continue ?? '',
    }
  }

  /** Events from `resourceVersion` on, until the server or the signal ends it. Bookmarks are asked for. */
  async watch(type: ResourceType, options: WatchOptions): Promise<AsyncIterable<WatchEvent>> {
    const { namespace, signal, ...query } = options
    const path = pathOf(type, namespace) + queryOf({ watch: 'true', allowWatchBookmarks: 'true', ...query })
    const response = await this.#transport.send({
      method: 'GET',
      path,
      timeoutMs: requestTimeoutMs,
      headers: this.#headers(undefined),
      ...(signal && { signal }),
    })
    if (response.statusCode !== 200) checked(response, await readAll(response, requestTimeoutMs), `watch ${path}`)
    return watchEvents(response, `watch ${path}`)
  }

  create(type: ResourceType, object: KubeObject): Promise<KubeObject> {
    return this.request('POST', pathOf(type, object.metadata.namespace), { body: object })
  }

  /** Replaces an object; 409 if its resourceVersion is not the newest. */
  update(type: ResourceType, object: KubeObject): Promise<KubeObject> {
    return this.request('PUT', pathOf(type, object.metadata.namespace, object.metadata.name), { body: object })
  }

  /** Server-side apply: makes the object, or the fields of it that `object` has. */
  apply(type: ResourceType, object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    const { namespace, name } = object.metadata
    const query = queryOf({ fieldManager: options.manager, force: options.force ? 'true' : undefined })
    return this.request('PATCH', pathOf(type, namespace, name, options.subresource) + query, {
      body: object,
      contentType: 'application/apply-patch+yaml',
    })
  }

  mergePatch(
    type: ResourceType,
    at: { name: string; namespace?: string; subresource?: string },
    patch: unknown,
  ): Promise<KubeObject> {
    return this.request('PATCH', pathOf(type, at.namespace, at.name, at.subresource), {
      body: patch,
      contentType: 'application/merge-patch+json',
    })
  }

  /** With `uid`, only that very object. */
  async delete(type: ResourceType, name: string, namespace?: string, uid?: string): Promise<void> {
    await this.request('DELETE', pathOf(type, namespace, name), {
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Background',
        ...(uid !== undefined && { preconditions: { uid } }),
      },
    })
  }

  /** Ends kept connections. */
  close(): void {
    this.#transport.close()
  }

  #headers(contentType: string | undefined): Record<string, string> {
    return {
      Accept: 'application/json',
      'User-Agent': this.#userAgent,
      ...(contentType && { 'Content-Type': contentType }),
    }
  }
}

function queryOf(fields: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined && value !== '') query.set(name, `${value}`)
  return query.size === 0 ? '' : `?${query.toString()}`
}

async function readAll(response: IncomingMessage, timeoutMs: number): Promise<string> {
  const chunks: Buffer[] = []
  const timer = setTimeout(() => response.destroy(new Error(`the answer stopped for ${timeoutMs / 1000} s`)), timeoutMs)
  try {
    for await (const chunk of response) {
      timer.refresh()
      chunks.push(chunk as Buffer) // No encoding is set: chunks are Buffers.
    }
  } catch (error) {
    throw new UnreachableError((error as Error).message, { cause: error })
  } finally {
    clearTimeout(timer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function checked<T>(response: IncomingMessage, text: string, what: string): T {
  const status = response.statusCode ?? 0
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    if (status < 300) throw new UnreachableError(`${what}: the answer is not JSON (is this a Kubernetes API server?)`)
    throw new ApiError(status, '', `${what}: HTTP ${status} ${text.slice(0, 200).trim()}`)
  }
  if (status >= 300) throw ApiError.from(status, body, what)
  return body as T // What the caller asked for; Kubernetes' own schema guarantees it.
}
