import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { unsupportedFields, unsupportedMeshFields } from '../src/backends/envoy/index.ts'
import { allKinds, list, map, object, string } from '../src/resources/index.ts'
import { meshConfigSchema } from '../src/resources/istio/index.ts'
import { type DescribedKind, leavesOf, pageFaults, readSections } from './compatibility.ts'

const folder = join(import.meta.dirname, '../docs/compatibility')

const ofGroups = (fits: (group: string) => boolean): DescribedKind[] => allKinds.filter(({ group }) => fits(group))

/** Which kinds each page describes. */
const pages: Readonly<Record<string, readonly DescribedKind[]>> = {
  'istio.md': [
    ...ofGroups((group) => group.endsWith('istio.io')),
    { kind: 'MeshConfig', group: '', spec: meshConfigSchema },
  ],
  'gloo-mesh.md': ofGroups((group) => group.endsWith('.solo.io') && !group.endsWith('.zephyr.solo.io')),
  'service-mesh-hub.md': ofGroups((group) => group.endsWith('.zephyr.solo.io')),
  'tsb.md': ofGroups((group) => group.endsWith('.tetrate.io')),
}

describe('pages', () => {
  const written = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md')
  it('are known here', () => {
    expect(written.filter((name) => pages[name] === undefined)).toEqual([])
  })

  it.each(written)('%s has exactly the fields of its kinds', (name) => {
    expect(pageFaults(readFileSync(join(folder, name), 'utf8'), pages[name] ?? [])).toEqual([])
  })
})

it('istio.md says not supported of exactly what is told on objects', () => {
  const text = readFileSync(join(folder, 'istio.md'), 'utf8')
  const said = readSections(text).flatMap(({ kind, rows }) =>
    rows
      .filter(({ verdict }) => verdict === 'not supported' && kind !== 'MeshConfig')
      .flatMap(({ patterns }) => patterns.map((pattern) => `${kind} ${pattern.replace(/\.\*$/, '')}`)),
  )
  const told = Object.entries(unsupportedFields).flatMap(([kind, fields]) =>
    Object.keys(fields).map((path) => `${kind.slice(kind.indexOf('/') + 1)} ${path}`),
  )
  expect(said.sort()).toEqual(told.sort())
})

it('istio.md says not supported of exactly the mesh settings that are told, beside those of the agent', () => {
  const rows = readSections(readFileSync(join(folder, 'istio.md'), 'utf8')).find(
    ({ kind }) => kind === 'MeshConfig',
  )?.rows
  const said = (rows ?? [])
    .filter(({ verdict }) => verdict === 'not supported')
    .flatMap(({ patterns }) => patterns.map((pattern) => pattern.replace(/\.\*$/, '')))
    .filter((pattern) => pattern !== 'defaultConfig')
  expect(said.sort()).toEqual(Object.keys(unsupportedMeshFields).sort())
})

describe('the comparison', () => {
  const spec = object({
    a: string(),
    b: list(object({ c: string(), d: list(string()) })),
    e: map(object({ f: string() })),
  })
  const kind = (group = 'x.io'): DescribedKind => ({ kind: 'K', group, spec })
  const page = (...rows: string[]): string => ['## K', ...rows.map((row) => `| ${row} |`)].join('\n')

  it('knows the fields of a schema', () => {
    expect(leavesOf(spec)).toEqual(['a', 'b[].c', 'b[].d', 'e{}.f'])
    expect(leavesOf(object({ x: map(string()) }))).toEqual(['x'])
  })

  it('takes lines, groups of lines, and the longer before the shorter', () => {
    expect(pageFaults(page('`a` | same |', '`b.*`, `e{}.f` | better | x'), [kind()])).toEqual([])
    expect(pageFaults(page('`*` | same |', '`**.c` | not supported | x'), [kind()])).toEqual([])
    expect(pageFaults(page('`*` | same |', '`b[].c` | not supported | x'), [kind()])).toEqual([])
  })

  it('finds fields without lines, lines without fields, and unknown words', () => {
    expect(pageFaults(page('`a`, `b[].*` | same |', '`g` | better |'), [kind()])).toEqual([
      '3: better needs a remark',
      'K e{}.f has no line',
      '3: K g means no field that is not in another line',
    ])
    expect(pageFaults(page('`*` | fine |'), [kind()])).toEqual(['2: "fine" is none of same, better, not supported'])
    expect(pageFaults(page('`*` | same |', '`*` | same |'), [kind()])).toEqual(['3: K * has two lines'])
  })

  it('tells kinds of one name apart by group', () => {
    const text = '## K (x.io, y.io)\n| `*` | same |'
    expect(pageFaults(text, [kind(), kind('y.io'), kind('z.io')])).toEqual(['K (z.io) is not described'])
    expect(pageFaults(`${text}\n## K\n| \`*\` | same |`, [kind()])).toEqual(['3: K (x.io) is described twice'])
    expect(pageFaults('## L', [])).toEqual(['1: there is no kind L'])
  })
})
