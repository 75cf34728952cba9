// The dependency graph: [Cell] ← [QueryNode] ← [QueryNode] … Arrows point to what was read; each end knows the other.
import type { Query } from './query.ts'
import type { AnyTable } from './table.ts'

/** Level of a table that is written from outside; derived tables have 0, 1, … in order of definition. */
export const inputLevel = -1

/** What a cell stands for: one key, the rows or keys of one index value, all rows, all keys. */
export type CellKind = 'key' | 'members' | 'member keys' | 'all' | 'keys'

/**
 * One tracked way to read a table. Made by the first read, dropped with its last reader, so that a change costs
 * nothing where nobody looks.
 */
export class Cell {
  readonly dependents = new Set<QueryNode>()
  readonly table: AnyTable
  readonly kind: CellKind
  /** Key or index value; the kind again for cells of the whole table. */
  readonly text: string
  readonly #siblings: Map<string, Cell>
  stamp = 0

  constructor(table: AnyTable, kind: CellKind, text: string, siblings: Map<string, Cell>) {
    this.table = table
    this.kind = kind
    this.text = text
    this.#siblings = siblings
  }

  addReader(reader: QueryNode): void {
    this.dependents.add(reader)
  }

  removeReader(reader: QueryNode): void {
    this.dependents.delete(reader)
    if (this.dependents.size === 0) this.#siblings.delete(this.text)
  }
}

/** The cell of `text` among its siblings, made if it is missing. */
export function cellIn(siblings: Map<string, Cell>, table: AnyTable, kind: CellKind, text: string): Cell {
  let cell = siblings.get(text)
  if (cell === undefined) {
    cell = new Cell(table, kind, text, siblings)
    siblings.set(text, cell)
  }
  return cell
}

/**
 * clean: the value is right. check: something further down changed, perhaps to an equal value. dirty: a read value
 * changed. verifying: its reads are being brought up to date. computing: its function runs.
 */
export type NodeState = 'clean' | 'check' | 'dirty' | 'verifying' | 'computing'

/** Who wants to hear of changes of a query's values. */
export interface Watcher {
  /** It can wait: what only such watchers want is computed apart from rebuilds. */
  readonly canWait: boolean
  changed(node: QueryNode): void
}

const nobody: ReadonlySet<never> = new Set()

/** One memoised value of one query. */
export class QueryNode {
  readonly query: Query<unknown, unknown>
  readonly key: unknown
  readonly text: string
  // Made when first needed: of many thousand nodes, most have either readers or watchers.
  #readers: Set<QueryNode> | undefined
  #watchers: Set<Watcher> | undefined
  state: NodeState = 'dirty'
  value: unknown
  hasValue = false
  /** The last computation threw this; `value` is still the one before it. */
  failure: unknown
  /** What the last computation read, in order. May name one dependency twice. */
  reads: (Cell | QueryNode)[] = []
  /** Highest level among the tables it rests on. */
  level = inputLevel
  stamp = 0
  /** Number of the rebuild in which the value last changed. */
  changedIn = 0

  constructor(query: Query<unknown, unknown>, key: unknown, text: string) {
    this.query = query
    this.key = key
    this.text = text
  }

  get dependents(): ReadonlySet<QueryNode> {
    return this.#readers ?? nobody
  }

  get watchers(): ReadonlySet<Watcher> {
    return this.#watchers ?? nobody
  }

  /** Nothing rests on it: it may be forgotten. */
  get unused(): boolean {
    return this.dependents.size === 0 && this.watchers.size === 0
  }

  addReader(reader: QueryNode): void {
    this.#readers ??= new Set()
    this.#readers.add(reader)
  }

  removeReader(reader: QueryNode): void {
    this.#readers?.delete(reader)
  }

  addWatcher(watcher: Watcher): void {
    this.#watchers ??= new Set()
    this.#watchers.add(watcher)
  }

  removeWatcher(watcher: Watcher): void {
    this.#watchers?.delete(watcher)
  }
}
