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
  readonly origin: readonly ObjectRef[]
}

/** What proxies refuse now: an input table, so that it becomes part of statuses like everything else. */
export class Rejections {
  readonly table: Table<Rejection>

  constructor(engine: Engine) {
    this.table = engine.table<Rejection>('rejections', { equals: (a, b) => JSON.stringify(a) === JSON.stringify(b) })
  }

  add(node: ProxyNode, rejection: Rejection): void {
    this.table.set(keyOf(node, rejection.typeUrl), rejection)
  }

  clear(node: ProxyNode, typeUrl: string): void {
    this.table.delete(keyOf(node, typeUrl))
  }

  /** The proxy is gone. */
  forget(node: ProxyNode): void {
    const prefix = keyOf(node, '')
    for (const key of this.table.rows.keys()) if (key.startsWith(prefix)) this.table.delete(key)
  }
}

const keyOf = (node: ProxyNode, typeUrl: string): string => `${node.id} ${typeUrl}`

/** One problem for each object, the same for all proxies that refuse alike. */
export function problemsOf(refused: readonly Rejection[]): Problem[] {
  const problems = new Map<string, Problem>()
  for (const { origin, typeUrl, names, detail } of refused) {
    for (const object of origin) {
      const message = `proxies refuse the ${shortTypeName(typeUrl)} resources made from it (${names.join(', ')}): ${detail}`
      const problem: Problem = { code: 'rejected-by-proxy', severity: 'error', object, path: '', message }
      problems.set(JSON.stringify([object, message]), problem)
    }
  }
  return [...problems.values()]
}
