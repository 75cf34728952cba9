import type { KubeObject } from '../resources/index.ts'

/**
 * How objects of one kind are found by something other than their name. `keys` is pure, and cheap: it runs once per
 * object and change.
 */
export interface Index {
  readonly name: string
  /** `group/Kind`, as in a Snapshot. */
  readonly kind: string
  keys(object: KubeObject): readonly string[]
}

/**
 * A named pure function of a key over the world, whose result may be kept for as long as nothing that it read has
 * changed. Everything worth keeping (and everything several results share) is a query; plain functions do the rest.
 */
export interface Query<K, V> {
  readonly name: string
  /** Two keys with equal text are the same key. */
  readonly keyOf: (key: K) => string
  readonly compute: (world: World, key: K) => V
  /** Whether a new result says the same as the old one, so that nothing that read it has to be done again. */
  readonly equals?: (a: V, b: V) => boolean
  /** True if the result is the same in every world that holds the clusters it reads: such results are shared. */
  readonly anyWorld?: boolean
}

/**
 * What one proxy's control plane knows: the reads that discovery, mesh and backends are made of. It is bound either to
 * a Snapshot (`staticWorld`) or to tracked tables, where each read is remembered as a dependency of the query that
 * made it. So read as little as possible: one object, or the objects under one index key, before a whole kind.
 */
export interface World {
  /** The cluster that Istio configuration is read from; its Services come first where clusters are merged. */
  readonly primary: string
  /** Names of all clusters of the mesh, the primary first. */
  clusters(): readonly string[]
  /** Whether the cluster's API is away, so that its objects are the last known ones (RFC 3339; undefined = fresh). */
  staleSince(cluster: string): string | undefined
  /** One object by `namespace/name`, or `name`. */
  object(cluster: string, kind: string, key: string): KubeObject | undefined
  /** All objects of a kind, by key. Depends on each of them: for kinds that are few, or lists of names. */
  objects(cluster: string, kind: string): readonly KubeObject[]
  /** The objects under one key of an index, by key of the object. */
  lookup(cluster: string, index: Index, key: string): readonly KubeObject[]
  /** A document from outside of the clusters, by the name of its place; undefined while it is not known. */
  document(place: string): string | undefined
  get<K, V>(query: Query<K, V>, key: K): V
}

const itself = (key: string): string => key

/** Declares a query whose keys are texts. */
export function textQuery<V>(
  name: string,
  compute: (world: World, key: string) => V,
  options?: Pick<Query<string, V>, 'equals' | 'anyWorld'>,
): Query<string, V> {
  return { name, keyOf: itself, compute, ...options }
}

/** Declares a query without a key: one result per world. */
export function worldQuery<V>(
  name: string,
  compute: (world: World) => V,
  options?: Pick<Query<undefined, V>, 'equals' | 'anyWorld'>,
): Query<undefined, V> {
  return { name, keyOf: () => '', compute: (world) => compute(world), ...options }
}

/** A name within a cluster. */
export interface InCluster {
  readonly cluster: string
  readonly key: string
}

/** Declares a query about one thing of one cluster. Such results do not depend on the world they are asked in. */
export function clusterQuery<V>(
  name: string,
  compute: (world: World, key: InCluster) => V,
  options?: Pick<Query<InCluster, V>, 'equals' | 'anyWorld'>,
): Query<InCluster, V> {
  return { name, keyOf: (key) => `${key.cluster}|${key.key}`, compute, anyWorld: true, ...options }
}
