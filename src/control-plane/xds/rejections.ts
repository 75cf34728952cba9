import { type ProxyNode, shortTypeName } from '../../ads/index.ts'
import type { Engine, Table } from '../../pipeline/index.ts'
import type { ObjectRef, Problem } from '../../report/index.ts'
import type { XdsResource } from './xds-resource.ts'

/** Resources of one type that a proxy refuses, and the objects that they come from. */
export interface Rejection {
  readonly cluster: string
  readonly typeUrl: string
  readonly names: readonly string[]
  /** What the proxy says. */
  readonly detail: string
  /** Versions of the parts that the fault may be in; empty where parts are not told apart. */
  readonly suspects: readonly string[]
  readonly origin: readonly ObjectRef[]
}

/** A resource that was refused, and the state of it that the proxy goes on with. */
export interface Refused {
  readonly resource: XdsResource
  readonly before: XdsResource | undefined
}

/** What proxies refuse now: an input table, so that it becomes part of statuses like everything else. */
export class Rejections {
  readonly table: Table<Rejection>

  constructor(engine: Engine) {
    this.table = engine.table<Rejection>('rejections', { equals: (a, b) => JSON.stringify(a) === JSON.stringify(b) })
  }

  /**
   * Notes a refusal. Of a resource that is put together from parts only those are blamed that the proxy does not have
   * already; and while it says the same of later states, those that were there the first time.
   */
  add(node: ProxyNode, rejection: Omit<Rejection, 'suspects' | 'origin'>, refused: readonly Refused[]): void {
    const key = keyOf(node, rejection.typeUrl)
    const earlier = this.table.latest(key)
    const known = new Set(earlier?.detail === rejection.detail ? earlier.suspects : [])
    const blamed = refused.map(({ resource, before }) => {
      const had = new Set(before?.parts.map(({ version }) => version))
      const suspects = resource.parts.filter(({ version }) => !had.has(version))
      const first = suspects.filter(({ version }) => known.has(version))
      const parts = first.length > 0 ? first : suspects
      return parts.length > 0
        ? { parts, origin: parts.flatMap(({ origin }) => origin) }
        : { parts, origin: resource.origin }
    })
    const suspects = blamed.flatMap(({ parts }) => parts.map(({ version }) => version))
    const origin = blamed.flatMap((each) => each.origin)
    this.table.set(key, { ...rejection, suspects, origin })
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
