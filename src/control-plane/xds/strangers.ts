import { systemNamespace } from '../../discovery/index.ts'
import { trustMarks } from '../../identity/index.ts'
import type { Engine, Query, Read, Table } from '../../pipeline/index.ts'
import type { ClusterRow } from '../cluster-rows.ts'
import type { ObjectTables } from './object-tables.ts'
import { rootMapName } from './root-bundles.ts'
import type { TrackedWorlds } from './tracked-world.ts'
import { isOurs } from './wanted-trust.ts'

/** What is known of a cluster's roots, by fingerprint. */
interface Roots {
  readonly names: readonly string[]
  /** Undefined: it has none yet. */
  readonly trusted: readonly string[] | undefined
  readonly shown: readonly string[]
}

/**
 * Pairs of clusters (`a b`, in both orders, by name and alias) whose proxies are ours and cannot verify each other now: one
 * shows a certificate below a root that the other does not trust. The Secrets say so, so that all replicas agree, and a
 * restart changes nothing.
 */
export function defineStrangers(
  engine: Engine,
  tables: ObjectTables,
  worlds: TrackedWorlds,
  clusters: Table<ClusterRow>,
): Query<string, readonly string[]> {
  return engine.define<string, readonly string[]>(
    'xds/strangers',
    (read) => {
      const known = read
        .all(clusters)
        .filter(({ name, isKnown }) => isKnown && isOurs(read, worlds, name))
        .flatMap((row) => rootsOf(read, tables, row))
      return known.flatMap((a) =>
        known
          .filter((b) => a !== b && !(verifies(a, b) && verifies(b, a)))
          .flatMap((b) => a.names.flatMap((one) => b.names.map((other) => `${one} ${other}`))),
      )
    },
    { equals: (a, b) => a.join() === b.join() },
  )
}

function rootsOf(read: Read, tables: ObjectTables, { name, aliases }: ClusterRow): Roots[] {
  const names = [...new Set([name, ...aliases])]
  const secret = read.get(tables.table(name, '/Secret'), `${systemNamespace}/fairlead-ca`)
  if (!secret) {
    // Pods were told of a root, so there was one: the Secret was deleted and is about to come back.
    const wasThere = read.get(tables.table(name, '/ConfigMap'), `${systemNamespace}/${rootMapName}`) !== undefined
    return wasThere ? [] : [{ names, trusted: undefined, shown: [] }]
  }
  const { [trustMarks.trusted]: trusted, [trustMarks.shown]: shown } = secret.metadata.annotations ?? {}
  // Of a Secret that an older release has written nothing is known; it is left alone.
  return trusted === undefined ? [] : [{ names, trusted: trusted.split(','), shown: (shown ?? trusted).split(',') }]
}

const verifies = (a: Roots, b: Roots): boolean =>
  b.trusted !== undefined && a.trusted !== undefined && b.shown.every((root) => a.trusted?.includes(root))
