import { compareText } from '../lib/index.ts'
import { type KubeObject, objectKey, objectsOf, type Snapshot } from '../resources/index.ts'
import { withDiscoverySelectors } from './discovery-selectors.ts'
import type { Index, Query, World } from './world.ts'

type Indexed = ReadonlyMap<string, readonly KubeObject[]>

const none: readonly KubeObject[] = []

export interface StaticWorldOptions {
  readonly primary: string
  /** The clusters of the mesh; without: all of the snapshot. */
  readonly clusters?: readonly string[]
  /** Documents from outside of the clusters, by place. */
  readonly documents?: ReadonlyMap<string, string>
}

/** A world over a snapshot that does not change: for commands on files, and as the oracle of incremental results. */
export function staticWorld(snapshot: Snapshot, options: StaticWorldOptions): World {
  const others = [...(options.clusters ?? snapshot.clusters.keys())].filter((name) => name !== options.primary)
  const clusters = [options.primary, ...others.sort(options.clusters ? () => 0 : compareText)]
  const lists = new Map<string, readonly KubeObject[]>()
  const indexes = new Map<string, Indexed>()
  const results = new Map<string, Map<string, unknown>>()

  const objects = (cluster: string, kind: string): readonly KubeObject[] =>
    remember(lists, `${cluster}|${kind}`, () => {
      const found = [...objectsOf(snapshot.clusters.get(cluster), kind)]
      return found.sort(([a], [b]) => compareText(a, b)).map(([, object]) => object)
    })

  const whole: World = {
    primary: options.primary,
    clusters: () => clusters,
    staleSince: (cluster) => snapshot.clusters.get(cluster)?.staleSince,
    object: (cluster, kind, key) => objectsOf(snapshot.clusters.get(cluster), kind).get(key),
    objects,
    lookup(cluster, index, key) {
      const indexed = remember(indexes, `${cluster}|${index.name}`, () => byKeys(objects(cluster, index.kind), index))
      return indexed.get(key) ?? none
    },
    document: (place) => options.documents?.get(place),
    get<K, V>(query: Query<K, V>, key: K): V {
      const own = remember(results, query.name, () => new Map<string, unknown>())
      // The map of a query holds results of that query only.
      return remember(own as Map<string, V>, query.keyOf(key), () =>
        query.compute(query.anyWorld === true ? whole : world, key),
      )
    },
  }
  const world = withDiscoverySelectors(whole)
  return world
}

function byKeys(objects: readonly KubeObject[], index: Index): Indexed {
  const found = new Map<string, KubeObject[]>()
  for (const object of objects) {
    for (const key of new Set(index.keys(object))) remember(found, key, () => []).push(object)
  }
  return found
}

function remember<V>(map: Map<string, V>, key: string, compute: () => V): V {
  const known = map.get(key)
  if (known !== undefined || map.has(key)) return known as V
  const made = compute()
  map.set(key, made)
  return made
}

/** A snapshot of the objects given, as files list them. Of objects with one name the last counts. */
export function snapshotOf(
  clusters: ReadonlyMap<string, readonly KubeObject[]>,
  kindOf: (o: KubeObject) => string,
): Snapshot {
  const made = new Map(
    [...clusters].map(([name, objects]) => {
      const kinds = new Map<string, Map<string, KubeObject>>()
      for (const object of objects) remember(kinds, kindOf(object), () => new Map()).set(objectKey(object), object)
      return [name, { name, objects: kinds }] as const
    }),
  )
  return { clusters: made }
}
