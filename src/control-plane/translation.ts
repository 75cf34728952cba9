import type { LoweredFailovers } from '../backends/istio/index.ts'
import { type ClusterObject, createTranslator, type StatusObject, type TranslateResult } from '../dialects/index.ts'
import { addressesIn, gatewayNamePlace } from '../discovery/index.ts'
import { sameStructure } from '../lib/index.ts'
import type { Engine, Query, Table } from '../pipeline/index.ts'
import type { Problem } from '../report/index.ts'
import type { KubeObject } from '../resources/index.ts'
import type { ClusterRow } from './cluster-rows.ts'
import { defineKindMaps, type TableOf, trackedSnapshot } from './tracked-snapshot.ts'

/** Second stage: what users said in their dialects → what is to be on each cluster, and what users are told. */
export interface Translation {
  readonly result: Query<string, TranslateResult>
  /** By cluster. */
  readonly objects: Query<string, readonly KubeObject[]>
  readonly statuses: Query<string, readonly StatusObject[]>
  readonly trust: Query<string, TranslateResult['trust']>
  /** As in `TranslateResult`; also while the management cluster has not been read. */
  readonly isTrustUnsettled: Query<string, boolean>
}

/** Dialects know a cluster by any of its names. */
const failuresOf = ({ name, aliases }: ClusterRow, failure: string | undefined): [string, string][] =>
  failure === undefined ? [] : [name, ...aliases].map((each) => [each, failure])

const empty: TranslateResult = {
  objects: [],
  secrets: [],
  statuses: [],
  problems: [],
  trust: [],
  isTrustUnsettled: true,
  names: [],
}

/** What is known beside the objects. */
export interface KnownFacts {
  /** Pairs of clusters whose proxies cannot verify each other yet. */
  readonly strangers: Query<string, readonly string[]>
  /** What proxies refuse, by object. */
  readonly refusals: Query<string, readonly Problem[]>
  /** What Failovers become, by cluster. */
  readonly lowered: Query<string, LoweredFailovers>
  /** Drains of other meshes, by cluster. */
  readonly drains: Query<string, readonly KubeObject[]>
  /** What was fetched from outside of the clusters, by place. */
  readonly documents: Table<string>
  /** Why a cluster has not the trust that is wanted of it, by cluster. */
  readonly trustFailures: Table<string>
}

export function defineTranslation(
  engine: Engine,
  clusters: Table<ClusterRow>,
  tableOf: TableOf,
  { strangers, refusals, lowered, drains, trustFailures, documents }: KnownFacts,
): Translation {
  const management = engine.define<string, string | undefined>(
    'management cluster',
    (read) => read.all(clusters).find((row) => row.isManagement && row.isKnown)?.name,
  )
  const kindMaps = defineKindMaps(engine, tableOf)
  const translator = createTranslator()
  const result = engine.define<string, TranslateResult>('translation', (read) => {
    const name = read.query(management, '')
    if (name === undefined) return empty
    const apart = new Set(read.query(strangers, ''))
    const verifies = (one: string, other: string): boolean => !apart.has(`${one} ${other}`)
    return translator.translate({
      snapshot: trackedSnapshot(read, clusters, kindMaps),
      management: name,
      refusals: read.query(refusals, ''),
      verifies,
      resolved: (name) => addressesIn(read.get(documents, gatewayNamePlace(name))),
      trustFailures: new Map(read.all(clusters).flatMap((row) => failuresOf(row, read.get(trustFailures, row.name)))),
    })
  })
  const equals = sameStructure
  const byCluster = engine.define<string, ReadonlyMap<string, KubeObject[]>>('translation by cluster', (read) => {
    const objects = new Map<string, KubeObject[]>()
    for (const { cluster, object } of read.query(result, '').objects) {
      const own = objects.get(cluster)
      if (own === undefined) objects.set(cluster, [object])
      else own.push(object)
    }
    return objects
  })
  return {
    result,
    objects: engine.define<string, readonly KubeObject[]>(
      'desired objects',
      (read, cluster) => [
        ...(read.query(byCluster, '').get(cluster) ?? []),
        ...read.query(lowered, cluster).objects,
        ...read.query(drains, cluster),
      ],
      { equals },
    ),
    statuses: engine.define<string, readonly ClusterObject[]>(
      'desired statuses',
      (read) => read.query(result, '').statuses,
      { equals },
    ),
    isTrustUnsettled: engine.define<string, boolean>(
      'trust unsettled',
      (read) => read.query(result, '').isTrustUnsettled,
    ),
    trust: engine.define<string, TranslateResult['trust']>('trust', (read) => read.query(result, '').trust, { equals }),
  }
}
