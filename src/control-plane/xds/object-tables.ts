import type { Index } from '../../discovery/index.ts'
import type { Engine, Index as PipelineIndex, Table } from '../../pipeline/index.ts'
import type { KubeObject } from '../../resources/index.ts'

/** What a world is, beside the objects: the clusters that share services, and which of them are out of sight. */
export interface ClusterFacts {
  /** Clusters whose services and endpoints proxies of this one see, beside its own; sorted. */
  readonly joined: readonly string[]
  /** Since when its API is away (RFC 3339). */
  readonly staleSince: string | undefined
}

/**
 * The objects of all clusters as input tables of the pipeline: one table for each cluster and kind. It can be written
 * to like a sink of `clusters/`; tables come into being when they are first written or read.
 */
export class ObjectTables {
  readonly engine: Engine
  readonly facts: Table<ClusterFacts>
  /** What was fetched from outside of the clusters, by place. */
  readonly documents: Table<string>
  readonly #tables = new Map<string, Table<KubeObject>>()
  readonly #indexes = new Map<string, PipelineIndex<KubeObject>>()

  constructor(engine: Engine) {
    this.engine = engine
    this.facts = engine.table<ClusterFacts>('cluster facts', { equals: sameFacts })
    this.documents = engine.table<string>('documents')
  }

  table(cluster: string, kind: string): Table<KubeObject> {
    const name = `${cluster} ${kind}`
    let table = this.#tables.get(name)
    if (table === undefined) {
      table = this.engine.table<KubeObject>(name, { equals: sameVersion })
      this.#tables.set(name, table)
    }
    return table
  }

  index(cluster: string, index: Index): PipelineIndex<KubeObject> {
    const name = `${cluster} ${index.name}`
    let made = this.#indexes.get(name)
    if (made === undefined) {
      made = this.table(cluster, index.kind).index(index.name, (object) => index.keys(object))
      this.#indexes.set(name, made)
    }
    return made
  }

  replace(cluster: string, kind: string, objects: ReadonlyMap<string, KubeObject>): void {
    this.table(cluster, kind).replace(objects)
  }

  set(cluster: string, kind: string, key: string, object: KubeObject): void {
    this.table(cluster, kind).set(key, object)
  }

  delete(cluster: string, kind: string, key: string): void {
    this.table(cluster, kind).delete(key)
  }

  /** Forgets all objects of a cluster. */
  forget(cluster: string): void {
    this.engine.batch(() => {
      for (const [name, table] of this.#tables) if (name.startsWith(`${cluster} `)) table.replace(new Map())
      this.facts.delete(cluster)
    })
  }
}

const sameFacts = (a: ClusterFacts, b: ClusterFacts): boolean =>
  a.staleSince === b.staleSince && a.joined.join() === b.joined.join()

/** A relist brings objects that we have: the API server gives a new resourceVersion with every change. */
const sameVersion = (a: KubeObject, b: KubeObject): boolean =>
  a === b ||
  (a.metadata.resourceVersion !== undefined &&
    a.metadata.resourceVersion === b.metadata.resourceVersion &&
    a.metadata.uid === b.metadata.uid)
