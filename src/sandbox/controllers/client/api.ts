import { ApiError, isNotFound, type KubeClient, pathOf } from '../../../clusters/index.ts'
import type { KubeObject } from '../../../resources/index.ts'
import type { Resource } from './resources.ts'

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

const contentTypes: Readonly<Record<PatchType, string>> = {
  merge: 'application/merge-patch+json',
  'strategic-merge': 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
}

/** The verbs of the Kubernetes API on any resource, typed, under one field manager. Throws as `KubeClient` does. */
export class KubeApi {
  readonly client: KubeClient
  private readonly fieldManager: string

  constructor(client: KubeClient, fieldManager: string) {
    this.client = client
    this.fieldManager = fieldManager
  }

  async get<T extends KubeObject>(resource: Resource, namespace: string, name: string): Promise<T> {
    return this.client.request<T>('GET', pathOf(resource, namespace, name))
  }

  /** The object, or undefined if there is none of this name. */
  async find<T extends KubeObject>(resource: Resource, namespace: string, name: string): Promise<T | undefined> {
    try {
      return await this.get<T>(resource, namespace, name)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** All objects of a resource, in one namespace or in all. */
  async list(resource: Resource, namespace = ''): Promise<KubeObject[]> {
    const items: KubeObject[] = []
    let next = ''
    do {
      const page = await this.client.list(resource, { namespace, limit: 500, continue: next })
      items.push(...page.items)
      next = page.continue
    } while (next !== '')
    return items
  }

  async create<T extends KubeObject>(resource: Resource, object: T): Promise<T> {
    const path = this.written(pathOf(resource, object.metadata.namespace))
    return this.client.request<T>('POST', path, { body: object })
  }

  async createSub<T>(resource: Resource, namespace: string, name: string, sub: string, body: unknown): Promise<T> {
    return this.client.request<T>('POST', this.written(pathOf(resource, namespace, name, sub)), { body })
  }

  /** Replaces an object, or a subresource of it. */
  async update<T extends KubeObject>(resource: Resource, object: T, subresource?: string): Promise<T> {
    const { namespace, name } = object.metadata
    const path = this.written(pathOf(resource, namespace, name, subresource))
    return this.client.request<T>('PUT', path, { body: object })
  }

  async patch<T extends KubeObject>(
    resource: Resource,
    target: { namespace?: string; name: string },
    patch: { type: PatchType; body: unknown; subresource?: string; force?: boolean },
  ): Promise<T> {
    const path = this.written(pathOf(resource, target.namespace, target.name, patch.subresource))
    return this.client.request<T>('PATCH', patch.force ? `${path}&force=true` : path, {
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
    const body = {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      ...rest,
      ...(Object.keys(preconditions).length > 0 ? { preconditions } : {}),
    }
    try {
      const path = pathOf(resource, target.namespace, target.name)
      const answer = await this.client.request<KubeObject>('DELETE', path, { body })
      return answer.kind === 'Status' ? undefined : answer
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  async deleteCollection(resource: Resource, namespace: string): Promise<void> {
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' }
    await this.client.request('DELETE', pathOf(resource, namespace), { body })
  }

  private written(path: string): string {
    return `${path}?fieldManager=${encodeURIComponent(this.fieldManager)}`
  }
}

/** Whether the server refused with one of these words (`Conflict`, `NotFound`, …). */
export function isApiError(error: unknown, ...reasons: string[]): error is ApiError {
  return error instanceof ApiError && (reasons.length === 0 || reasons.includes(error.reason))
}

/** What the server said, without what it was asked. */
export function answerOf(error: ApiError): string {
  return error.message.replace(/^[A-Z]+ \/\S+: /, '')
}
