import type { Engine, Table } from '../../pipeline/index.ts'
import type { Problem } from '../../report/index.ts'

/** A patch of an EnvoyFilter of a cluster: `namespace/name#index`. */
export interface UnusedPatch {
  readonly cluster: string
  readonly id: string
}

/** Proxies take their resources one after the other; what is not used by then is told. */
const quietMs = 2000

/** What only connected proxies can tell of objects: an input table, so that it becomes part of statuses. */
export class ProxyProblems {
  readonly table: Table<Problem>
  #timer: NodeJS.Timeout | undefined

  constructor(engine: Engine) {
    this.table = engine.table<Problem>('problems of proxies')
  }

  /** Asks again when nothing has changed for a while. */
  later(find: () => readonly Problem[]): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.set(find()), quietMs)
    this.#timer.unref()
  }

  set(found: readonly Problem[]): void {
    const rows = new Map(found.map((row) => [JSON.stringify(row), row]))
    for (const key of this.table.rows.keys()) if (!rows.has(key)) this.table.delete(key)
    for (const [key, row] of rows) if (!this.table.rows.has(key)) this.table.set(key, row)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}

/** The EnvoyFilter that a patch is of, and where it stands there. */
export function envoyFilterOf({ cluster, id }: UnusedPatch): Pick<Problem, 'object' | 'path'> {
  const [, namespace = '', name = '', index = ''] = /^(?:(.*)\/)?(.*)#(\d+)$/.exec(id) ?? []
  return {
    object: { cluster, apiVersion: 'networking.istio.io/v1alpha3', kind: 'EnvoyFilter', namespace, name },
    path: `spec.configPatches[${index}]`,
  }
}

export function unusedPatchProblem(patch: UnusedPatch): Problem {
  const message = 'matches nothing that any connected proxy has'
  return { code: 'no-effect', severity: 'warning', ...envoyFilterOf(patch), message }
}
