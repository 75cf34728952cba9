import { Cell, inputLevel, QueryNode } from './node.ts'
import type { Query, Read } from './query.ts'

export interface QueryFailure {
  readonly query: string
  readonly key: string
  readonly error: unknown
}

/** What a graph asks of its engine. */
export interface GraphHost {
  /** A watched value may have changed. */
  stirred(node: QueryNode): void
  failed(failure: QueryFailure): void
}

type Dependency = Cell | QueryNode

/**
 * Memoised values and what they read: marks what a change may reach, brings values up to date when they are asked for,
 * forgets what nobody uses. The states of a node and who moves it:
 *
 *     clean ──mark──► check / dirty ──update──► verifying ──► clean, or computing ──► clean
 */
export class Graph {
  /** Number of the rebuild that runs, or ran last. */
  generation = 0
  /** Tables of this level and above are not up to date yet (finite only while derived tables are refreshed). */
  horizon = Number.POSITIVE_INFINITY
  /** The one reader, handed to every query: it writes down reads for the computation that runs. */
  readonly read: Read
  readonly #host: GraphHost
  /** Running computations, innermost last. */
  readonly #running: { readonly node: QueryNode; readonly reads: Dependency[]; readonly stamp: number }[] = []
  #stamps = 0
  /** Nodes that may have lost their last user. */
  readonly #suspects = new Set<QueryNode>()

  constructor(host: GraphHost) {
    this.#host = host
    this.read = this.#makeRead()
  }

  /** The node of one key, brought up to date. */
  bring<K, V>(query: Query<K, V>, key: K): QueryNode {
    const node = this.#nodeOf(query, key)
    this.update(node)
    return node
  }

  /** Marks a node, and what rests on it, as possibly out of date. Stops where that has been done already. */
  mark(node: QueryNode, state: 'dirty' | 'check'): void {
    const wasClean = node.state === 'clean'
    if (wasClean || node.state === 'check') node.state = state
    if (!wasClean) return
    if (node.watchers.size > 0) this.#host.stirred(node)
    for (const reader of node.dependents) this.mark(reader, 'check')
  }

  update(node: QueryNode): void {
    if (node.state === 'clean') return
    if (node.state === 'computing') throw new Error(`BUG: ${this.#cycle(node)}`)
    if (node.state === 'check') {
      this.#verify(node)
      if (this.#isClean(node)) return
    }
    this.#compute(node)
  }

  /** Forgets the node in the next sweep if it is unused by then. */
  suspect(node: QueryNode): void {
    if (node.unused) this.#suspects.add(node)
  }

  /** Forgets what nobody uses; returns how many values. */
  sweep(): number {
    let forgotten = 0
    for (const node of this.#suspects) {
      // Taken out first: a node that is still used now may become a suspect again before the loop ends.
      this.#suspects.delete(node)
      if (!node.unused || node.query.nodes.get(node.text) !== node) continue
      node.query.nodes.delete(node.text)
      forgotten++
      // May add to the set, which the loop then reaches.
      for (const read of node.reads) this.#unlink(node, read)
    }
    return forgotten
  }

  #nodeOf<K, V>(query: Query<K, V>, key: K): QueryNode {
    const text = query.keyText(key)
    let node = query.nodes.get(text)
    if (node === undefined) {
      node = new QueryNode(query as unknown as Query<unknown, unknown>, key, text) // Keys and values stay opaque here.
      query.nodes.set(text, node)
    }
    return node
  }

  /** Brings reads up to date in the order of reading: a later one may make sense only with what an earlier one gave. */
  #verify(node: QueryNode): void {
    node.state = 'verifying'
    try {
      for (const read of node.reads) {
        if (read instanceof QueryNode) this.update(read)
        if (node.state !== 'verifying') return // A read changed; or a read's new computation has run this node.
      }
      node.state = 'clean'
    } catch {
      // A cycle. The node's own computation meets it again, and reports it.
      node.state = 'dirty'
    }
  }

  #isClean(node: QueryNode): boolean {
    return node.state === 'clean'
  }

  #compute(node: QueryNode): void {
    const before = node.reads
    const frame = { node, reads: [] as Dependency[], stamp: ++this.#stamps }
    const { query } = node
    node.state = 'computing'
    query.counts.recomputed++
    query.counts.recomputedEver++
    this.#running.push(frame)
    try {
      this.#settle(node, query.compute(this.read, node.key))
    } catch (error) {
      node.failure = error
      query.counts.failedEver++
      this.#host.failed({ query: query.name, key: node.text, error })
    } finally {
      this.#running.pop()
      this.#link(node, before, frame.reads)
      node.state = 'clean'
    }
  }

  #settle(node: QueryNode, value: unknown): void {
    node.failure = undefined
    if (node.hasValue && node.query.equals(node.value, value)) return
    node.value = value
    node.hasValue = true
    node.changedIn = this.generation
    node.query.counts.changed++
    for (const reader of node.dependents)
      if (reader.state === 'check' || reader.state === 'verifying') reader.state = 'dirty'
  }

  #link(node: QueryNode, before: readonly Dependency[], after: Dependency[]): void {
    const stamp = ++this.#stamps
    node.reads = after
    node.level = inputLevel
    for (const read of after) {
      read.stamp = stamp
      read.addReader(node)
      node.level = Math.max(node.level, read instanceof Cell ? read.table.level : read.level)
    }
    for (const read of before) if (read.stamp !== stamp) this.#unlink(node, read)
  }

  #unlink(node: QueryNode, read: Dependency): void {
    read.removeReader(node)
    if (read instanceof QueryNode) this.suspect(read)
  }

  #cycle(node: QueryNode): string {
    const names = this.#running.map((frame) => `${frame.node.query.name}(${frame.node.text})`)
    const from = this.#running.findIndex((frame) => frame.node === node)
    return `a query depends on itself: ${[...names.slice(from), `${node.query.name}(${node.text})`].join(' → ')}`
  }

  #within(level: number): void {
    if (level < this.horizon) return
    const reader = this.#running.at(-1)?.node.query.name
    throw new Error(`BUG: ${reader} reads a derived table that is made after the one it is computed for`)
  }

  #note(read: Dependency): void {
    const frame = this.#running.at(-1)
    if (frame === undefined) throw new Error('BUG: a query read something after it had returned')
    if (read.stamp === frame.stamp) return
    read.stamp = frame.stamp
    frame.reads.push(read)
  }

  #makeRead(): Read {
    const note = (cell: Cell): void => {
      this.#within(cell.table.level)
      this.#note(cell)
    }
    return {
      get: (table, key) => {
        note(table.keyCell(key))
        return table.rows.get(key)
      },
      all: (table) => {
        note(table.allCell())
        return table.sorted().values()
      },
      keys: (table) => {
        note(table.keysCell())
        return table.sorted().keys()
      },
      by: (index, value) => {
        note(index.membersCell(value))
        return index.bucket(value)?.values() ?? []
      },
      keysBy: (index, value) => {
        note(index.keysCell(value))
        return index.bucket(value)?.keys() ?? []
      },
      query: <K, V>(query: Query<K, V>, key: K): V => {
        const node = this.#nodeOf(query, key)
        this.#note(node) // Before it runs: should it fail, the reader has read the failure.
        this.update(node)
        this.#within(node.level)
        return valueOf<V>(node)
      },
    }
  }
}

/** The node's value; throws if its query has failed and never succeeded. */
export function valueOf<V>(node: QueryNode): V {
  if (node.hasValue) return node.value as V // Made by the query's own function.
  throw new Error(`${node.query.name}(${node.text}) has failed`, { cause: node.failure })
}
