import { contentAnnotation, instanceLabel, isOwned, planWrites } from '../backends/istio/index.ts'
import { ApiError, type FleetCluster, fieldManager, isNotFound } from '../clusters/index.ts'
import { sameStructure } from '../lib/index.ts'
import type { Engine, Observer, Query } from '../pipeline/index.ts'
import { formatRef, type Problem } from '../report/index.ts'
import { groupKind, type KubeObject, objectKey, refOf } from '../resources/index.ts'
import type { Inputs } from './inputs.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import type { Translation } from './translation.ts'
import { ownKinds } from './watched-kinds.ts'
import { type Write, WriteQueue } from './write-queue.ts'
import type { ObjectTables } from './xds/object-tables.ts'

export interface WriterOptions {
  readonly engine: Engine
  readonly tables: ObjectTables
  readonly inputs: Inputs
  readonly translation: Translation
  readonly log: Log
  readonly metrics: Metrics
}

/** What is due on one cluster. */
export interface ClusterPlan {
  readonly apply: readonly KubeObject[]
  readonly remove: readonly KubeObject[]
  /** Each has the fields that name the object, and its new status. */
  readonly statuses: readonly KubeObject[]
  readonly problems: readonly Problem[]
}

const nothing: ClusterPlan = { apply: [], remove: [], statuses: [], problems: [] }

/** Kinds among which we look for what we wrote. */
const writtenKinds: readonly string[] = ['/ConfigMap', ...ownKinds.map(({ group, kind }) => `${group}/${kind}`)]

/** Namespaces that are made if they are missing: those that dialects keep their own objects in. */
const ownNamespaces = new Set(['service-mesh-hub', 'gloo-mesh'])

/** Removing waits for everything else; see `order` in backends/istio for the steps within. */
const statusStep = 100
const removeStep = 200

/**
 * Last stage of the written side: plans → API servers. Runs on the holder of the Lease only; every replica computes
 * the plans, so that the next holder goes on at once.
 */
export class Writer {
  readonly plan: Query<string, ClusterPlan>
  readonly #options: WriterOptions
  readonly #queues = new Map<string, WriteQueue>()
  readonly #observer: Observer
  readonly #watched = new Set<string>()
  readonly #clusterNames: Query<string, readonly string[]>
  readonly #instance: Query<string, string>
  #active = false

  constructor(options: WriterOptions) {
    this.#options = options
    const { engine, inputs } = options
    this.#instance = engine.define(
      'instance',
      (read) => read.all(inputs.clusters).find((c) => c.isManagement)?.uid ?? '',
    )
    this.#clusterNames = engine.define('cluster names', (read) => read.keys(inputs.clusters))
    this.plan = this.#definePlan()
    this.#observer = engine.observe(() => this.#planned())
    this.#observer.watch(this.#clusterNames, '')
    this.#planned()
  }

  /** Starts or stops to write: the Lease was won or lost. */
  setActive(active: boolean): void {
    this.#active = active
    if (active) return this.#planned()
    for (const queue of this.#queues.values()) queue.stop()
    this.#queues.clear()
  }

  /** A cluster's API is back: what failed there is tried again now. */
  kick(cluster: string): void {
    this.#queues.get(cluster)?.kick()
  }

  /** Writes that are due and not done, by cluster. */
  get waiting(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#queues].map(([name, queue]) => [name, queue.waiting]))
  }

  stop(): void {
    this.setActive(false)
    this.#observer.close()
  }

  /** Removes everything that we wrote to a cluster that is not wanted any more; gives up when it cannot be reached. */
  async cleanUp(cluster: FleetCluster): Promise<void> {
    const { engine, log } = this.#options
    const instance = engine.get(this.#instance, '')
    if (!this.#active || instance === '') return
    const { connection, name } = cluster
    const owned = writtenKinds
      .flatMap((kind) => [...connection.objects(kind).values()])
      .filter((object) => isOwned(object, instance))
    const plan = planWrites(name, [], { get: () => undefined, owned }, instance)
    log.info({ cluster: name, objects: plan.remove.length }, 'cluster removed: cleaning up what was written there')
    for (const object of plan.remove) {
      try {
        await this.#remove(cluster, object)
      } catch (error) {
        log.warn({ cluster: name, err: error }, 'cluster removed: what was written there stays')
        return
      }
    }
  }

  #definePlan(): Query<string, ClusterPlan> {
    const { engine, tables, inputs, translation } = this.#options
    return engine.define<string, ClusterPlan>(
      'plan',
      (read, cluster) => {
        const instance = read.query(this.#instance, '')
        const rows = read.all(inputs.clusters)
        const row = rows.find(({ name }) => name === cluster)
        if (row === undefined || !row.isKnown || instance === '') return nothing
        const keys = (object: KubeObject): string[] => {
          const owner = object.metadata.labels?.[instanceLabel]
          return owner === undefined ? [] : [owner]
        }
        const owned = writtenKinds.flatMap((kind) => [
          ...read.by(tables.index(cluster, { name: `instance ${kind}`, kind, keys }), instance),
        ])
        const get = (kind: string, key: string): KubeObject | undefined => read.get(tables.table(cluster, kind), key)
        const plan = planWrites(cluster, read.query(translation.objects, cluster), { get, owned }, instance)
        const statuses = read
          .query(translation.statuses, '')
          .filter((status) => status.cluster === cluster)
          .map(({ object }) => object)
          .filter((object) => {
            const there = get(groupKind(object), objectKey(object))
            return there !== undefined && !sameStructure(there.status, object.status)
          })
        // What is missing may belong to a cluster that we have not seen yet: nothing is removed on a partial view.
        const complete = rows.every(({ isKnown }) => isKnown)
        return { ...plan, remove: complete ? plan.remove : [], statuses }
      },
      { equals: sameStructure },
    )
  }

  #planned(): void {
    const { engine } = this.#options
    const names = engine.get(this.#clusterNames, '')
    for (const name of this.#watched)
      if (!names.includes(name)) {
        this.#watched.delete(name)
        this.#observer.unwatch(this.plan, name)
        this.#queues.get(name)?.stop()
        this.#queues.delete(name)
      }
    for (const name of names) {
      const plan = this.#observer.watch(this.plan, name)
      this.#watched.add(name)
      if (this.#active) this.#queue(name).set(this.#writes(name, plan))
    }
  }

  #queue(cluster: string): WriteQueue {
    let queue = this.#queues.get(cluster)
    if (queue === undefined) {
      const { log, metrics } = this.#options
      queue = new WriteQueue({
        failed: (write, error) => {
          metrics.writeFailures.inc({ cluster })
          log.warn({ cluster, write: write.id, err: error.message }, 'cannot write; will try again')
        },
      })
      this.#queues.set(cluster, queue)
    }
    return queue
  }

  #writes(cluster: string, plan: ClusterPlan): Write[] {
    const idOf = (object: KubeObject): string => `${groupKind(object)} ${objectKey(object)}`
    const found = this.#options.inputs.fleet.find(cluster)
    if (found === undefined) return []
    const steps = [...new Set(plan.apply.map((object) => groupKind(object)))]
    return [
      ...plan.apply.map((object) => ({
        id: idOf(object),
        content: object.metadata.annotations?.[contentAnnotation] ?? '',
        step: steps.indexOf(groupKind(object)),
        run: () => this.#apply(found, object, 'object'),
      })),
      ...plan.statuses.map((object) => ({
        id: `${idOf(object)} status`,
        content: JSON.stringify(object.status),
        step: statusStep,
        run: () => this.#apply(found, object, 'status'),
      })),
      ...plan.remove.map((object, at) => ({
        id: `${idOf(object)} removed`,
        content: object.metadata.uid ?? '',
        step: removeStep + at,
        run: () => this.#remove(found, object),
      })),
    ]
  }

  async #apply(cluster: FleetCluster, object: KubeObject, what: 'object' | 'status'): Promise<void> {
    const { log, metrics } = this.#options
    const { connection, name } = cluster
    const type = await connection.resourceOf(object)
    const ref = formatRef(refOf(name, object))
    if (type === undefined) throw new ApiError(404, 'NotServed', `${ref}: the cluster does not serve this kind yet`)
    const body = { ...object, apiVersion: type.group === '' ? type.version : `${type.group}/${type.version}` }
    const options = { manager: fieldManager, force: true, ...(what === 'status' && { subresource: 'status' as const }) }
    const { namespace } = object.metadata
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
    log.debug({ cluster: name, object: ref }, what === 'status' ? 'status written' : 'written')
  }

  async #remove(cluster: FleetCluster, object: KubeObject): Promise<void> {
    const { log, metrics } = this.#options
    const { connection, name } = cluster
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
