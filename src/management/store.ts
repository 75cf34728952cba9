// Where the objects of the hierarchy are: the API server of the management cluster.
import { ApiError, isConflict, isNotFound, type KubeClient, type ResourceType } from '../clusters/index.ts'
import type { KindDefinition, KubeObject } from '../resources/index.ts'
import { auditLog, managementKinds, managementNamespace } from '../resources/tsb/index.ts'
import { ManagementError } from './findings.ts'

/** What is asked of the place where objects are stored. */
export interface Store {
  /** All objects of these kinds, whatever their namespace; every kind of the hierarchy if none is named. */
  list(kinds?: readonly KindDefinition[]): Promise<KubeObject[]>
  create(kind: KindDefinition, object: KubeObject): Promise<KubeObject>
  /** Throws a ManagementError of code Aborted if the object is not the one that was read. */
  update(kind: KindDefinition, object: KubeObject): Promise<KubeObject>
  remove(kind: KindDefinition, object: KubeObject): Promise<void>
  /** Names of the clusters under management; empty if that cannot be known. */
  clusters(): Promise<string[]>
}

const registrations = ['multicluster.solo.io', 'discovery.zephyr.solo.io'].map((group) => ({
  group,
  version: 'v1alpha1',
  plural: 'kubernetesclusters',
  kind: 'KubernetesCluster',
  namespaced: true,
}))

export function resourceType({ group, versions, plural, kind }: KindDefinition): ResourceType {
  return { group, version: versions[0]?.name ?? '', plural, kind, namespaced: true }
}

export class KubeStore implements Store {
  readonly #client: KubeClient

  constructor(client: KubeClient) {
    this.#client = client
  }

  async list(kinds: readonly KindDefinition[] = managementKinds): Promise<KubeObject[]> {
    const lists = await Promise.all([...new Set(kinds)].map((kind) => this.#listKind(resourceType(kind))))
    if (lists.length > 0 && lists.every((each) => each === undefined))
      throw new ManagementError(
        'Unavailable',
        `${this.#client.server} does not know TSB's kinds; is it the management cluster, and has fairlead serve run there?`,
      )
    return lists.flatMap((each) => each ?? [])
  }

  /** Undefined if the server does not know the kind. */
  async #listKind(type: ResourceType): Promise<KubeObject[] | undefined> {
    const found: KubeObject[] = []
    let from = ''
    try {
      do {
        const page = await this.#client.list(type, { limit: 500, ...(from !== '' && { continue: from }) })
        found.push(...page.items)
        from = page.continue
      } while (from !== '')
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
    return found
  }

  async create(kind: KindDefinition, object: KubeObject): Promise<KubeObject> {
    try {
      return await this.#client.create(resourceType(kind), object)
    } catch (error) {
      if (isConflict(error)) throw aborted()
      if (!isNotFound(error)) throw refusal(error)
    }
    await this.#makeNamespace()
    return this.#client.create(resourceType(kind), object)
  }

  async #makeNamespace(): Promise<void> {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: managementNamespace } }
    try {
      await this.#client.request('POST', '/api/v1/namespaces', { body: namespace })
    } catch (error) {
      if (!isConflict(error)) throw error
    }
  }

  async update(kind: KindDefinition, object: KubeObject): Promise<KubeObject> {
    try {
      return await this.#client.update(resourceType(kind), object)
    } catch (error) {
      if (isConflict(error)) throw aborted()
      throw refusal(error)
    }
  }

  async remove(kind: KindDefinition, { metadata }: KubeObject): Promise<void> {
    try {
      await this.#client.delete(resourceType(kind), metadata.name, metadata.namespace, metadata.uid)
    } catch (error) {
      if (isConflict(error)) throw aborted()
      if (!isNotFound(error)) throw error
    }
  }

  async clusters(): Promise<string[]> {
    const lists = await Promise.all(registrations.map((type) => this.#listKind(type)))
    return [...new Set(lists.flatMap((each) => each ?? []).map(({ metadata }) => metadata.name))].sort()
  }

  /** Appends to the audit log, and reads it. */
  audit(): AuditStore {
    return {
      append: async (object) => void (await this.create(auditLog, object)),
      list: async () => (await this.#listKind(resourceType(auditLog))) ?? [],
    }
  }
}

export interface AuditStore {
  append(object: KubeObject): Promise<void>
  list(): Promise<KubeObject[]>
}

function aborted(): ManagementError {
  return new ManagementError(
    'Aborted',
    'the object was changed by someone else in the meantime; get it, and apply again',
  )
}

/** What the API server itself finds wrong is the user's; everything else goes on as it is. */
function refusal(error: unknown): unknown {
  if (error instanceof ApiError && (error.status === 422 || error.status === 400))
    return new ManagementError('InvalidArgument', error.message)
  if (error instanceof ApiError && error.status === 403) return new ManagementError('PermissionDenied', error.message)
  return error
}
