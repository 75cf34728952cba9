import type { IncomingMessage } from 'node:http'
import type { KubeObject } from '../../../resources/index.ts'
import { ApiError, type Call, type Connection } from './connection.ts'
import { pathOf, type Resource } from './resources.ts'

export type PatchType = 'merge' | 'strategic-merge' | 'json' | 'apply'
export type Propagation = 'Background' | 'Foreground' | 'Orphan'

export interface DeleteOptions {
  readonly propagationPolicy?: Propagation
  readonly gracePeriodSeconds?: number
  /** Only if the object still is this one. */
  readonly uid?: string
  /** Only if the object is unchanged since this version. */
  readonly resourceVersion?: string
}

export interface ListPage<T> {
  readonly items: T[]
  readonly resourceVersion: string
}

const contentTypes: Readonly<Record<PatchType, string>> = {
  merge: 'application/merge-patch+json',
  'strategic-merge': 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
}

/** The verbs of the Kubernetes API on any resource. Failures are thrown as `ApiError`. */
export class KubeApi {
  readonly connection: Connection
  readonly fieldManager: string

  constructor(connection: Connection, fieldManager: string) {
    this.connection = connection
    this.fieldManager = fieldManager
  }

  async get<T extends KubeObject>(resource: Resource, namespace: string, name: string): Promise<T> {
    return this.call<T>({ method: 'GET', path: pathOf(resource, namespace, name) })
  }

  /** The object, or undefined if there is none of this name. */
  async find<T extends KubeObject>(resource: Resource, namespace: string, name: string): Promise<T | undefined> {
    try {
      return await this.get<T>(resource, namespace, name)
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined
      throw error
    }
  }

  /** All objects of a resource, read page by page. */
  async list<T extends KubeObject>(resource: Resource, namespace = '', selector = ''): Promise<ListPage<T>> {
    const items: T[] = []
    let resourceVersion = ''
    let next: string | undefined
    do {
      const query = new URLSearchParams({ limit: '500' })
      if (selector !== '') query.set('labelSelector', selector)
      if (next !== undefined) query.set('continue', next)
      const page = await this.call<{ metadata: { resourceVersion: string; continue?: string }; items: T[] | null }>({
        method: 'GET',
        path: `${pathOf(resource, namespace)}?${query.toString()}`,
      })
      items.push(...(page.items ?? []))
      resourceVersion = page.metadata.resourceVersion
      next = page.metadata.continue === '' ? undefined : page.metadata.continue
    } while (next !== undefined)
    return { items, resourceVersion }
  }

  async create<T extends KubeObject>(resource: Resource, object: T): Promise<T> {
    const path = this.written(pathOf(resource, object.metadata.namespace ?? ''))
    return this.call<T>({ method: 'POST', path, body: object })
  }

  async createSub<T>(resource: Resource, namespace: string, name: string, sub: string, body: unknown): Promise<T> {
    return this.call<T>({ method: 'POST', path: this.written(pathOf(resource, namespace, name, sub)), body })
  }

  async update<T extends KubeObject>(resource: Resource, object: T, subresource?: string): Promise<T> {
    const { namespace, name } = object.metadata
    const path = this.written(pathOf(resource, namespace ?? '', name, subresource))
    return this.call<T>({ method: 'PUT', path, body: object })
  }

  async patch<T extends KubeObject>(
    resource: Resource,
    target: { namespace?: string; name: string },
    patch: { type: PatchType; body: unknown; subresource?: string; force?: boolean },
  ): Promise<T> {
    const path = this.written(pathOf(resource, target.namespace ?? '', target.name, patch.subresource))
    return this.call<T>({
      method: 'PATCH',
      path: patch.force ? `${path}&force=true` : path,
      body: patch.body,
      contentType: contentTypes[patch.type],
    })
  }

  /** Deletes; returns the object if it lingers (grace period, finalizers), undefined if it is gone or never was. */
  async delete(
    resource: Resource,
    target: { namespace?: string; name: string },
    options: DeleteOptions = {},
  ): Promise<KubeObject | undefined> {
    const { uid, resourceVersion, ...rest } = options
    const preconditions = { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) }
    try {
      const answer = await this.call<KubeObject>({
        method: 'DELETE',
        path: pathOf(resource, target.namespace ?? '', target.name),
        body: {
          kind: 'DeleteOptions',
          apiVersion: 'v1',
          ...rest,
          ...(Object.keys(preconditions).length > 0 ? { preconditions } : {}),
        },
      })
      return answer.kind === 'Status' ? undefined : answer
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined
      throw error
    }
  }

  async deleteCollection(resource: Resource, namespace: string): Promise<void> {
    await this.call({
      method: 'DELETE',
      path: pathOf(resource, namespace),
      body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' },
    })
  }

  /** Any request whose answer is JSON. */
  async call<T>(call: Call): Promise<T> {
    const answer = await this.connection.send(call)
    const text = await readAll(answer)
    const status = answer.statusCode ?? 0
    if (status >= 200 && status < 300) return JSON.parse(text === '' ? '{}' : text) as T
    throw errorOf(status, text, call)
  }

  private written(path: string): string {
    return `${path}?fieldManager=${encodeURIComponent(this.fieldManager)}`
  }
}

/** The error that an answer's `Status` body tells. */
export function errorOf(status: number, text: string, call: Pick<Call, 'method' | 'path'>): ApiError {
  try {
    const body = JSON.parse(text) as { reason?: string; message?: string; details?: unknown }
    return new ApiError(status, body.reason ?? '', body.message ?? text, body.details)
  } catch (cause) {
    const message = `${call.method} ${call.path}: status ${status}: ${text.slice(0, 200)}`
    return new ApiError(status, '', message, undefined, { cause })
  }
}

export async function readAll(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
