import { compareText } from '../lib/index.ts'
import type { Engine } from './engine.ts'
import { Cell, type QueryNode } from './node.ts'

/** What an engine holds, as `fairlead debug pipeline` shows it. Plain data, sorted. */
export interface PipelineDump {
  readonly tables: readonly { readonly name: string; readonly rows: number; readonly waiting: number }[]
  readonly queries: readonly QuerySummary[]
  readonly lastRebuild:
    | {
        readonly number: number
        readonly durationMs: number
        readonly tables: Readonly<Record<string, number>>
        readonly recomputed: Readonly<Record<string, number>>
        readonly observersTold: number
        readonly forgotten: number
      }
    | undefined
  /** Only if asked for by `nodes`. */
  readonly nodes?: readonly NodeDump[]
}

export interface QuerySummary {
  readonly name: string
  /** Values held. */
  readonly values: number
  readonly observed: number
  /** In the last rebuild and since. */
  readonly recomputed: number
  /** Of these, how many gave another value. */
  readonly changed: number
  readonly recomputedEver: number
  readonly failedEver: number
  /** Names of the tables and queries that its values read: the graph in small. */
  readonly reads: readonly string[]
}

export interface NodeDump {
  readonly query: string
  readonly key: string
  readonly state: string
  readonly changedIn: number
  readonly failure?: string
  /** `table: cell` and `query(key)`, in the order of reading. */
  readonly reads: readonly string[]
  readonly readBy: readonly string[]
}

export interface DumpOptions {
  /** Which single values to show besides the summary. */
  readonly nodes?: { readonly query?: string; readonly keyContains?: string; readonly limit?: number }
}

export function dump(engine: Engine, options: DumpOptions = {}): PipelineDump {
  const queries = [...engine.queries].sort((a, b) => compareText(a.name, b.name))
  const last = engine.lastRebuild
  const summary: PipelineDump = {
    tables: [...engine.tables]
      .map((table) => ({ name: table.name, rows: table.size, waiting: table.pending }))
      .sort((a, b) => compareText(a.name, b.name)),
    queries: queries.map((query) => {
      const reads = new Set<string>()
      let observed = 0
      for (const node of query.nodes.values()) {
        if (node.watchers.size > 0) observed++
        for (const read of node.reads) reads.add(read instanceof Cell ? read.table.name : read.query.name)
      }
      const { name, nodes, counts } = query
      return { name, values: nodes.size, observed, ...counts, reads: [...reads].sort(compareText) }
    }),
    lastRebuild: last && {
      ...last,
      tables: Object.fromEntries(last.tables),
      recomputed: Object.fromEntries(last.recomputed),
    },
  }
  const wanted = options.nodes
  if (wanted === undefined) return summary
  const nodes: NodeDump[] = []
  for (const query of queries) {
    if (wanted.query !== undefined && wanted.query !== query.name) continue
    for (const text of [...query.nodes.keys()].sort(compareText)) {
      if (nodes.length >= (wanted.limit ?? 100)) return { ...summary, nodes }
      const node = query.nodes.get(text)
      if (node !== undefined && text.includes(wanted.keyContains ?? '')) nodes.push(dumpNode(node))
    }
  }
  return { ...summary, nodes }
}

function dumpNode(node: QueryNode): NodeDump {
  const name = (one: QueryNode): string => `${one.query.name}(${one.text})`
  return {
    query: node.query.name,
    key: node.text,
    state: node.state,
    changedIn: node.changedIn,
    ...(node.failure === undefined
      ? {}
      : { failure: node.failure instanceof Error ? node.failure.message : 'threw no Error' }),
    reads: node.reads.map((read) =>
      read instanceof Cell ? `${read.table.name}: ${read.kind} ${read.text}` : name(read),
    ),
    readBy: [...node.dependents].map(name).sort(compareText),
  }
}
