import { type ProxyNode, shortTypeName } from '../../ads/index.ts'
import type { Engine, Table } from '../../pipeline/index.ts'
import type { ObjectRef, Problem } from '../../report/index.ts'

/** Resources of one type that a proxy refuses, and the objects that they come from. */
export interface Rejection {
  readonly cluster: string
  readonly typeUrl: string
  readonly names: readonly string[]
  /** What the proxy says. */
  readonly detail: string
  /** Where a part of a resource is at fault: its name. The rest of the resource goes on. */
  readonly part?: string
  readonly origin: readonly ObjectRef[]
}

/** What proxies refuse now: an input table, so that it becomes part of statuses like everything else. */
export class Rejections {
  readonly table: Table<Rejection>
  /** Keys of the rows, those included that a rebuild has yet to show. */
  readonly #keys = new Set<string>()

  constructor(engine: Engine) {
    this.table = engine.table<Rejection>('rejections', { equals: (a, b) => JSON.stringify(a) === JSON.stringify(b) })
  }

  /** Notes what a proxy refuses of a type as a whole, in place of what was known of that. */
  add(node: ProxyNode, rejection: Omit<Rejection, 'part'>): void {
    this.#set(keyOf(node, rejection.typeUrl), rejection)
  }

  /** Notes the parts of resources of a type that a proxy refuses, in place of those that were known. */
  setParts(node: ProxyNode, typeUrl: string, rejections: readonly Rejection[]): void {
    const prefix = `${keyOf(node, typeUrl)} `
    const rows = new Map(rejections.map((row) => [`${prefix}${row.names.join()} ${row.part ?? ''}`, row]))
    for (const key of this.#keys) if (key.startsWith(prefix) && !rows.has(key)) this.#delete(key)
    for (const [key, row] of rows) this.#set(key, row)
  }

  clear(node: ProxyNode, typeUrl: string): void {
    this.#delete(keyOf(node, typeUrl))
  }

  /** The proxy is gone. */
  forget(node: ProxyNode): void {
    const prefix = keyOf(node, '')
    for (const key of this.#keys) if (key.startsWith(prefix)) this.#delete(key)
  }

  #set(key: string, row: Rejection): void {
    this.#keys.add(key)
    this.table.set(key, row)
  }

  #delete(key: string): void {
    if (this.#keys.delete(key)) this.table.delete(key)
  }
}

const keyOf = (node: ProxyNode, typeUrl: string): string => `${node.id} ${typeUrl}`

/** One problem for each object, the same for all proxies that refuse alike. */
export function problemsOf(refused: readonly Rejection[]): Problem[] {
  const problems = new Map<string, Problem>()
  for (const { origin, typeUrl, names, part, detail } of refused) {
    for (const object of origin) {
      const what = `${names.join(', ')}${part === undefined ? '' : `, ${part}`}`
      const message = `proxies refuse the ${shortTypeName(typeUrl)} resources made from it (${what}): ${detail}`
      const problem: Problem = { code: 'rejected-by-proxy', severity: 'error', object, path: '', message }
      problems.set(JSON.stringify([object, message]), problem)
    }
  }
  return [...problems.values()]
}
