// Single writes to API servers, with what can happen to each.
import { ApiError, type FleetCluster, fieldManager, isConflict, isNotFound } from '../clusters/index.ts'
import { formatRef } from '../report/index.ts'
import { groupKind, type KubeObject, objectKey, refOf } from '../resources/index.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

/** Namespaces that are made if they are missing: those that dialects keep their own objects in. */
const ownNamespaces = new Set(['service-mesh-hub', 'gloo-mesh', 'xcp-multicluster'])

const idOf = (object: KubeObject): string => `${groupKind(object)} ${objectKey(object)}`

export class ObjectWriter {
  readonly #options: { readonly log: Log; readonly metrics: Metrics }
  /** What was sent to each cluster since we began: the watch may not have brought all of it back yet. */
  readonly #sent = new Map<string, Map<string, KubeObject>>()

  constructor(options: { readonly log: Log; readonly metrics: Metrics }) {
    this.#options = options
  }

  /** What was sent to a cluster and is not among these; nothing of it is remembered any more. */
  forget(cluster: string, known: ReadonlySet<string>): KubeObject[] {
    const unseen = [...(this.#sent.get(cluster) ?? [])].flatMap(([id, object]) => (known.has(id) ? [] : [object]))
    this.#sent.delete(cluster)
    return unseen
  }

  /** Writes an object, or its status, as ours. */
  async apply(cluster: FleetCluster, object: KubeObject, what: 'object' | 'status'): Promise<void> {
    const { log, metrics } = this.#options
    const { connection, name } = cluster
    const type = await connection.resourceOf(object)
    const ref = formatRef(refOf(name, object))
    if (type === undefined) throw new ApiError(404, 'NotServed', `${ref}: the cluster does not serve this kind yet`)
    const body = { ...object, apiVersion: type.group === '' ? type.version : `${type.group}/${type.version}` }
    const options = { manager: fieldManager, force: true, ...(what === 'status' && { subresource: 'status' as const }) }
    const { namespace } = object.metadata
    if (what === 'object') this.#remember(name, object)
    try {
      await connection.client.apply(type, body, options)
    } catch (error) {
      if (what === 'status' && isNotFound(error)) return // Deleted meanwhile: nobody is left to be told.
      const missing = isNotFound(error) && namespace !== undefined && ownNamespaces.has(namespace)
      if (!missing) throw error
      await connection.client.apply(namespaceType, namespaceObject(namespace), { ...options, force: false })
      await connection.client.apply(type, body, options)
    }
    metrics.writes.inc({ cluster: name, what })
    log.debug({ cluster: name, object: ref }, `${what} written`)
  }

  /**
   * For objects that are not ours. Server-side apply would make one anew that a user has just removed, and would own
   * lists as a whole that others write to.
   */
  async patch({ connection }: FleetCluster, object: KubeObject, patch: unknown, subresource?: 'status'): Promise<void> {
    const type = await connection.resourceOf(object)
    if (type === undefined) return
    const { name, namespace } = object.metadata
    const at = { name, ...(namespace !== undefined && { namespace }), ...(subresource && { subresource }) }
    try {
      await connection.client.mergePatch(type, at, patch)
    } catch (error) {
      // Gone, or changed meanwhile: the watch brings the news, and the plan follows it.
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
  }

  #remember(cluster: string, object: KubeObject): void {
    const sent = this.#sent.get(cluster) ?? new Map<string, KubeObject>()
    this.#sent.set(cluster, sent.set(idOf(object), object))
  }

  async remove(cluster: FleetCluster, object: KubeObject): Promise<void> {
    const { log, metrics } = this.#options
    const { connection, name } = cluster
    this.#sent.get(name)?.delete(idOf(object))
    const type = await connection.resourceOf(object)
    if (type === undefined) return
    try {
      const { metadata } = object
      await connection.client.delete(type, metadata.name, metadata.namespace, metadata.uid)
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    metrics.writes.inc({ cluster: name, what: 'removal' })
    log.debug({ cluster: name, object: formatRef(refOf(name, object)) }, 'removed')
  }
}

const namespaceType = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }

function namespaceObject(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}
