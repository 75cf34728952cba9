// The oracle: after any sequence of changes, what the engine holds equals what a new engine computes from scratch, and
// observers were told of exactly the values that differ.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Engine, type Observed, type Query } from './index.ts'

interface Row {
  group: string
  n: number
}

/** One of the queries of a random graph: what it reads, given the key. Queries read only queries before them. */
type Step =
  | { kind: 'get'; key: number }
  | { kind: 'by'; key: number }
  | { kind: 'keysBy'; key: number }
  | { kind: 'all'; key: number }
  | { kind: 'keys'; key: number }
  | { kind: 'derivedBy'; key: number }
  | { kind: 'query'; which: number; key: number; onlyIf: number }

interface Plan {
  steps: Step[][]
  /** Early cut-off: results are taken modulo this. */
  modulo: number
}

type Change = { key: number; row: Row | undefined }

const text = (n: number): string => `k${n % 6}`
const group = (n: number): string => `g${n % 3}`

function build(plan: Plan) {
  const engine = new Engine({
    failed: (f) => {
      throw f.error
    },
  })
  const rows = engine.table<Row>('rows')
  const byGroup = rows.index('group', (row) => [row.group, `${row.group}-${row.n % 2}`])
  const derived = engine.derive('derived', rows, (read, key, row) =>
    row.n % 3 === 0 ? undefined : { group: row.group, n: row.n + read.by(byGroup, row.group).length + key.length },
  )
  const byDerived = derived.index('group', (row) => [row.group])
  const queries: Query<number, number>[] = []
  plan.steps.forEach((steps, at) => {
    queries.push(
      engine.define(`q${at}`, (read, key: number) => {
        let sum = key
        for (const step of steps) {
          const other = step.key + key
          if (step.kind === 'get') sum += read.get(rows, text(other))?.n ?? 0
          else if (step.kind === 'by') for (const row of read.by(byGroup, group(other))) sum = sum * 3 + row.n
          else if (step.kind === 'keysBy') sum += read.keysBy(byGroup, `${group(other)}-1`).join().length
          else if (step.kind === 'all') for (const row of read.all(rows)) sum = sum * 2 + row.n
          else if (step.kind === 'keys') for (const k of read.keys(rows)) sum = sum * 2 + k.charCodeAt(1)
          else if (step.kind === 'derivedBy') for (const row of read.by(byDerived, group(other))) sum += row.n
          else if (at > 0 && sum % 4 !== step.onlyIf) {
            const below = queries[step.which % at]
            if (below !== undefined) sum += read.query(below, other % 5)
          }
          sum %= 10_007
        }
        return sum % plan.modulo
      }),
    )
  })
  return { engine, rows, queries }
}

const keyed = fc.record({
  kind: fc.constantFrom('get' as const, 'by', 'keysBy', 'all', 'keys', 'derivedBy'),
  key: fc.nat(5),
})
const reading = fc.record({
  kind: fc.constant('query' as const),
  which: fc.nat(9),
  key: fc.nat(4),
  onlyIf: fc.nat(4),
})
const plan: fc.Arbitrary<Plan> = fc.record({
  steps: fc.array(fc.array(fc.oneof(keyed, reading, reading), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 8,
  }),
  modulo: fc.constantFrom(3, 1_000),
})
const change: fc.Arbitrary<Change> = fc.record({
  key: fc.nat(5),
  row: fc.option(fc.record({ group: fc.nat(2).map(group), n: fc.nat(9) }), { nil: undefined }),
})
const watch = fc.record({ query: fc.nat(7), key: fc.nat(4), on: fc.boolean() })
const round = fc.record({ changes: fc.array(change, { maxLength: 4 }), watches: fc.array(watch, { maxLength: 3 }) })

test('incremental computation equals computation from scratch', () => {
  fc.assert(
    fc.property(plan, fc.array(round, { minLength: 1, maxLength: 8 }), fc.boolean(), (graph, rounds, patient) => {
      const { engine, rows, queries } = build(graph)
      const seen = new Map<string, { query: Query<number, number>; key: number; value: number }>()
      let told: string[] = []
      const tell = (changes: readonly Observed[]): void => {
        told.push(...changes.map((c) => `${c.query.name} ${String(c.key)}`))
      }
      const observer = engine.observe(tell, { canWait: patient })
      // Another one that cannot wait must make no difference.
      const eager = engine.observe(() => undefined)
      for (const { changes, watches } of rounds) {
        for (const { key, row } of changes) {
          if (row === undefined) rows.delete(text(key))
          else rows.set(text(key), row)
        }
        told = []
        engine.rebuild()
        if (patient) engine.rebuildLater()

        const scratch = build(graph)
        for (const [key, row] of rows.rows) scratch.rows.set(key, row)
        scratch.engine.rebuild()
        const expected: string[] = []
        for (const [name, watched] of seen) {
          const now = scratch.engine.get(scratch.queries[queries.indexOf(watched.query)] ?? watched.query, watched.key)
          expect(engine.get(watched.query, watched.key)).toBe(now)
          if (now !== watched.value) expected.push(name)
          seen.set(name, { ...watched, value: now })
        }
        expect([...told].sort()).toEqual(expected.sort())

        for (const { query: at, key, on } of watches) {
          const query = queries[at % queries.length]
          if (query === undefined) continue
          const name = `${query.name} ${key}`
          if (at % 3 === 0) eager.watch(query, (key + 1) % 5)
          if (on) seen.set(name, { query, key, value: observer.watch(query, key) })
          else if (seen.delete(name)) observer.unwatch(query, key)
        }
      }
      observer.close()
      eager.close()
      engine.rebuild()
      expect(queries.reduce((sum, query) => sum + query.nodes.size, 0)).toBe(0)
    }),
    { numRuns: 500 },
  )
})
