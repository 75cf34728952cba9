import { setTimeout as delay } from 'node:timers/promises'
import { contentAnnotation, instanceLabel, isOwned, planWrites } from '../backends/istio/index.ts'
import type { FleetCluster } from '../clusters/index.ts'
import { sameStructure } from '../lib/index.ts'
import type { Engine, Observer, Query } from '../pipeline/index.ts'
import type { Problem } from '../report/index.ts'
import { allKinds, groupKind, type KubeObject, objectKey } from '../resources/index.ts'
import type { Inputs } from './inputs.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { defineObjectStatuses, type ObjectStatusInputs, stampedStatus } from './object-status.ts'
import { ObjectWriter } from './object-writer.ts'
import { rowOf, seenMark, seenUid, uidAnnotation } from './seen-clusters.ts'
import type { Translation } from './translation.ts'
import { type Followed, WriteOrder } from './write-order.ts'
import { type Write, WriteQueue } from './write-queue.ts'
import type { ObjectTables } from './xds/object-tables.ts'

export interface WriterOptions {
  readonly engine: Engine
  readonly tables: ObjectTables
  readonly inputs: Inputs
  readonly translation: Translation
  /** What all stages found. */
  readonly problems: Query<string, readonly Problem[]>
  /** What statuses say beside problems. */
  readonly details: ObjectStatusInputs['details']
  readonly followed: Followed
  readonly log: Log
  readonly metrics: Metrics
}

/** What is due on one cluster. */
export interface ClusterPlan {
  readonly apply: readonly KubeObject[]
  readonly shrink: readonly KubeObject[]
  readonly remove: readonly KubeObject[]
  /** Each has the fields that name the object, and its new status. */
  readonly statuses: readonly KubeObject[]
  /** The same for Istio's kinds, with the resourceVersion that it is based on: others write there, too. */
  readonly objectStatuses: readonly KubeObject[]
  /** Each has the fields that name a registration, and the annotation that says which cluster it was seen to be. */
  readonly seen: readonly KubeObject[]
  readonly problems: readonly Problem[]
}

const nothing: ClusterPlan = {
  apply: [],
  shrink: [],
  remove: [],
  statuses: [],
  objectStatuses: [],
  seen: [],
  problems: [],
}

/** Kinds of Kubernetes that dialects write: records, and gateways that users install by an object of the dialect. */
const writtenKubernetesKinds = ['/ConfigMap', '/ServiceAccount', '/Service', 'apps/Deployment']

/** Kinds among which we look for what we wrote. */
const writtenKinds: readonly string[] = [
  ...writtenKubernetesKinds,
  ...allKinds.map(({ group, kind }) => `${group}/${kind}`),
]

const idOf = (object: KubeObject): string => `${groupKind(object)} ${objectKey(object)}`

const isRoute = (object: KubeObject): boolean => groupKind(object) === 'networking.istio.io/VirtualService'

/** A cluster that is left is cleaned up after this at most, whatever happens on the others. */
const unreferredMs = 5000

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
  readonly #order: WriteOrder
  readonly #ending = new Map<string, Promise<unknown>>()
  readonly #single: ObjectWriter
  readonly #observer: Observer
  readonly #watched = new Set<string>()
  readonly #clusterNames: Query<string, readonly string[]>
  readonly #instance: Query<string, string>
  #active = false

  constructor(options: WriterOptions) {
    this.#options = options
    const { engine, inputs } = options
    this.#single = new ObjectWriter(options)
    this.#order = new WriteOrder(this.#queues, options.followed, () => performance.now())
    this.#instance = engine.define(
      'instance',
      (read) => read.all(inputs.clusters).find((c) => c.isManagement)?.uid ?? '',
    )
    this.#clusterNames = engine.define('cluster names', (read) => read.keys(inputs.clusters))
    this.plan = this.#definePlan()
    // Translating takes long in a large mesh, and writing takes a round trip anyway: proxies go first.
    this.#observer = engine.observe(() => this.#planned(), { canWait: true })
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
    await this.#endQueue(name)
    await this.#untilUnreferred(name)
    const seen = writtenKinds
      .flatMap((kind) => [...connection.objects(kind).values()])
      .filter((object) => isOwned(object, instance))
    const known = new Set(seen.map(idOf))
    const unseen = this.#single.forget(name, known)
    const plan = planWrites(name, [], { get: () => undefined, owned: [...seen, ...unseen] }, instance)
    log.info({ cluster: name, objects: plan.remove.length }, 'cluster removed: cleaning up what was written there')
    for (const object of plan.remove) {
      try {
        await this.#single.remove(cluster, object)
      } catch (error) {
        log.warn({ cluster: name, err: error }, 'cluster removed: what was written there stays')
        return
      }
    }
  }

  /** Waits until no other cluster routes to this one any more, as far as that can be brought about; not for ever. */
  async #untilUnreferred(cluster: string): Promise<void> {
    const { engine } = this.#options
    const until = performance.now() + unreferredMs
    const isDue = (): boolean => engine.dirty || engine.hasLater || !this.#order.mayBegin(cluster, 'unreferred')
    while (this.#active && isDue() && performance.now() < until) await delay(50)
  }

  #definePlan(): Query<string, ClusterPlan> {
    const { engine, tables, inputs, translation, problems, details } = this.#options
    const objectStatusesOf = defineObjectStatuses({ engine, tables, instance: this.#instance, problems, details })
    return engine.define<string, ClusterPlan>(
      'plan',
      (read, cluster) => {
        const instance = read.query(this.#instance, '')
        const rows = read.all(inputs.clusters)
        const row = rowOf(rows, cluster)
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
        const registered = read
          .query(inputs.registered, '')
          .map((member) => ({ member, row: rowOf(rows, member.name) }))
        // A cluster that an earlier process has seen and this one has not (its API is away, and no state was kept):
        // what was made for it stays as it is. A cluster that nobody has ever seen holds nothing up.
        const partial = registered.some(({ member, row }) => row?.isKnown !== true && seenUid(member) !== undefined)
        const seen = row.isManagement ? registered.flatMap(({ member, row }) => seenMark(member, row)) : []
        const objectStatuses = read.query(objectStatusesOf, cluster)
        if (!partial) return { ...plan, statuses, objectStatuses, seen }
        const isNew = (object: KubeObject): boolean => get(groupKind(object), objectKey(object)) === undefined
        return {
          ...plan,
          apply: plan.apply.filter(isNew),
          shrink: [],
          remove: [],
          statuses: [],
          objectStatuses: [],
          seen,
        }
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
        void this.#endQueue(name)
      }
    for (const name of names) {
      const plan = this.#observer.watch(this.plan, name)
      this.#watched.add(name)
      if (this.#active) this.#queue(name).set(this.#writes(name, plan))
    }
  }

  /** Ends the writing to a cluster; done when what was under way is done, too. */
  async #endQueue(cluster: string): Promise<void> {
    const queue = this.#queues.get(cluster)
    this.#queues.delete(cluster)
    const before = this.#ending.get(cluster)
    const ending = Promise.all([before, queue?.drain()])
    this.#ending.set(cluster, ending)
    await ending
    if (this.#ending.get(cluster) === ending) this.#ending.delete(cluster)
  }

  #queue(cluster: string): WriteQueue {
    let queue = this.#queues.get(cluster)
    if (queue === undefined) {
      const { log, metrics } = this.#options
      queue = new WriteQueue({
        mayBegin: ({ phase }) => phase === undefined || this.#order.mayBegin(cluster, phase),
        done: ({ phase }) => phase && this.#order.done(cluster, phase),
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
    const found = this.#options.inputs.fleet.find(cluster)
    if (found === undefined) return []
    const steps = [...new Set(plan.apply.map((object) => groupKind(object)))]
    return [
      ...plan.apply.map((object) => ({
        id: idOf(object),
        content: object.metadata.annotations?.[contentAnnotation] ?? '',
        step: steps.indexOf(groupKind(object)),
        phase: isRoute(object) ? 'routes' : 'referred',
        run: () => this.#single.apply(found, object, 'object'),
      })),
      ...plan.shrink.map((object) => ({
        id: `${idOf(object)} shrunk`,
        content: object.metadata.annotations?.[contentAnnotation] ?? '',
        step: removeStep + plan.remove.length,
        phase: 'unreferred' as const,
        run: () => this.#single.apply(found, object, 'object'),
      })),
      ...plan.statuses.map((object) => ({
        id: `${idOf(object)} status`,
        content: JSON.stringify(object.status),
        step: statusStep,
        run: () => this.#single.apply(found, object, 'status'),
      })),
      ...plan.objectStatuses.map((object) => ({
        id: `${idOf(object)} status`,
        content: JSON.stringify(object),
        step: statusStep,
        run: () =>
          this.#single.patch(
            found,
            object,
            {
              metadata: { resourceVersion: object.metadata.resourceVersion },
              status: stampedStatus(object, new Date().toISOString()),
            },
            'status',
          ),
      })),
      ...plan.seen.map((object) => ({
        id: `${idOf(object)} seen`,
        content: object.metadata.annotations?.[uidAnnotation] ?? '',
        step: statusStep,
        run: () => this.#single.patch(found, object, { metadata: { annotations: object.metadata.annotations } }),
      })),
      ...plan.remove.map((object, at) => ({
        id: `${idOf(object)} removed`,
        content: object.metadata.uid ?? '',
        step: removeStep + at,
        phase: isRoute(object) ? 'routes' : 'unreferred',
        run: () => this.#single.remove(found, object),
      })),
    ]
  }
}
