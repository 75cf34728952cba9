// The tables of docs/compatibility against the schemas of src/resources (docs/compatibility/README.md has the format).
import type { TSchema } from '../src/resources/index.ts'

/** One kind that a page has to describe. */
export interface DescribedKind {
  readonly kind: string
  /** '' where the kind is no object of its own. */
  readonly group: string
  readonly spec: TSchema
}

export const verdicts = ['same', 'better', 'not supported'] as const

export interface Row {
  readonly line: number
  readonly patterns: readonly string[]
  readonly verdict: string
  readonly remark: string
}

export interface Section {
  readonly line: number
  readonly kind: string
  /** Empty: all groups that have the kind. */
  readonly groups: readonly string[]
  readonly rows: readonly Row[]
}

interface Node {
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly items?: TSchema
  readonly additionalProperties?: TSchema | boolean
}

/** Paths of the fields that hold no other fields; '' for a schema without any. */
export function leavesOf(schema: TSchema, path = ''): string[] {
  const { properties, items, additionalProperties } = schema as Node
  const below = (name: string): string => (path === '' ? name : `${path}.${name}`)
  if (properties && Object.keys(properties).length > 0)
    return Object.entries(properties).flatMap(([name, each]) => leavesOf(each, below(name)))
  const inner = items ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined)
  if (!inner) return [path]
  const leaves = leavesOf(inner, `${path}${items ? '[]' : '{}'}`)
  return leaves.length === 1 && /(\[\]|\{\})$/.test(leaves[0] ?? '') ? [path] : leaves
}

/** What is wrong with a page: one sentence each, with the line. */
export function pageFaults(text: string, kinds: readonly DescribedKind[]): string[] {
  const sections = readSections(text)
  const faults: string[] = []
  const described = new Set<DescribedKind>()
  for (const section of sections) {
    const own = kinds.filter((k) => k.kind === section.kind && fitsGroup(section, k))
    if (own.length === 0) faults.push(`${section.line}: there is no kind ${section.kind}`)
    for (const kind of own) {
      if (described.has(kind)) faults.push(`${section.line}: ${nameOf(kind)} is described twice`)
      described.add(kind)
    }
    if (own.length > 0) faults.push(...sectionFaults(section, own))
  }
  const left = kinds.filter((kind) => !described.has(kind))
  return [...faults, ...left.map((kind) => `${nameOf(kind)} is not described`)]
}

/** The row of a page that tells what becomes of a field; undefined where none does. `leaf` as `leavesOf` writes it. */
export function rowOf(sections: readonly Section[], kind: string, group: string, leaf: string): Row | undefined {
  const rows = sections.find((each) => each.kind === kind && fitsGroup(each, { group }))?.rows ?? []
  const pattern = longestFitting(
    rows.flatMap(({ patterns }) => patterns),
    leaf,
  )
  return rows.find(({ patterns }) => pattern !== undefined && patterns.includes(pattern))
}

const longestFitting = (patterns: readonly string[], leaf: string): string | undefined =>
  patterns.filter((pattern) => fits(pattern, leaf)).sort((a, b) => b.length - a.length)[0]

function fitsGroup({ groups }: Section, { group }: Pick<DescribedKind, 'group'>): boolean {
  return groups.length === 0 || groups.includes(group)
}

const nameOf = ({ kind, group }: DescribedKind): string => (group === '' ? kind : `${kind} (${group})`)

/** The sections of a page. */
export function readSections(text: string): Section[] {
  const sections: (Section & { rows: Row[] })[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const heading = /^## (\w+)(?: \(([\w., -]+)\))?\s*$/.exec(line)
    if (heading) {
      const groups = heading[2]?.split(',').map((group) => group.trim()) ?? []
      sections.push({ line: index + 1, kind: heading[1] ?? '', groups, rows: [] })
    } else if (/^\|\s*`/.test(line)) {
      // A | within a cell is written \|.
      const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim())
      const patterns = [...(cells[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')
      sections.at(-1)?.rows.push({ line: index + 1, patterns, verdict: cells[2] ?? '', remark: cells[3] ?? '' })
    }
  }
  return sections
}

function sectionFaults({ kind, rows }: Section, kinds: readonly DescribedKind[]): string[] {
  const faults: string[] = []
  const patterns = new Map<string, number>()
  for (const row of rows) {
    if (!verdicts.some((verdict) => verdict === row.verdict))
      faults.push(`${row.line}: ${JSON.stringify(row.verdict)} is none of ${verdicts.join(', ')}`)
    else if (row.verdict !== 'same' && row.remark === '') faults.push(`${row.line}: ${row.verdict} needs a remark`)
    for (const pattern of row.patterns) {
      if (patterns.has(pattern)) faults.push(`${row.line}: ${kind} ${pattern} has two lines`)
      patterns.set(pattern, row.line)
    }
  }
  const used = new Set<string>()
  for (const leaf of new Set(kinds.flatMap(({ spec }) => leavesOf(spec)))) {
    const best = longestFitting([...patterns.keys()], leaf)
    if (best === undefined) faults.push(`${kind} ${leaf} has no line`)
    else used.add(best)
  }
  for (const [pattern, line] of patterns)
    if (!used.has(pattern)) faults.push(`${line}: ${kind} ${pattern} means no field that is not in another line`)
  return faults
}

function fits(pattern: string, leaf: string): boolean {
  if (pattern.startsWith('**.')) {
    const rest = pattern.slice(3)
    return fits(rest, leaf) || [...leaf.matchAll(/\./g)].some(({ index }) => fits(rest, leaf.slice(index + 1)))
  }
  if (pattern === '*' || pattern === leaf) return true
  if (!pattern.endsWith('.*')) return false
  const prefix = pattern.slice(0, -2)
  return leaf.startsWith(prefix) && /^[.[{]/.test(leaf.slice(prefix.length))
}
