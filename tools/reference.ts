// The reference pages of docs/reference, made from the code: commands, problem codes, and the fields of every kind.
// `node tools/reference.ts` (npm run docs) writes them; reference.test.ts compares them with what is written.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Argument, Command, Option } from 'commander'
import { createProgram as meshctl } from '../src/cli/meshctl/index.ts'
import { createProgram as tctl } from '../src/cli/tctl/index.ts'
import { wholeProgram } from '../src/main.ts'
import { codes } from '../src/report/index.ts'
import { allKinds, type TSchema } from '../src/resources/index.ts'
import { meshConfigSchema } from '../src/resources/istio/index.ts'
import { type DescribedKind, leavesOf, readSections, rowOf, type Section } from './compatibility.ts'

export const referenceFolder = join(import.meta.dirname, '../docs/reference')

const compatibilityFolder = join(import.meta.dirname, '../docs/compatibility')

const made = '<!-- Made by `npm run docs`; edit the code that it describes. -->'

/** File name → text of every page. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  const groups = [...new Set(allKinds.map(({ group }) => group))].sort()
  const pages = new Map<string, string>([
    ['commands.md', commandsPage('Commands', await wholeProgram())],
    ['meshctl.md', commandsPage('Commands of meshctl', meshctl())],
    ['tctl.md', commandsPage('Commands of tctl', tctl())],
    ['problem-codes.md', codesPage()],
    ['mesh-config.md', meshConfigPage()],
    ...groups.map((group): [string, string] => [`${group}.md`, groupPage(group)]),
  ])
  return new Map([['README.md', indexPage(groups)], ...pages])
}

function indexPage(groups: readonly string[]): string {
  return page(
    'Reference',
    '- [Commands](commands.md)',
    '- [Commands of tctl](tctl.md)',
    '- [Commands of meshctl](meshctl.md)',
    '- [Problem codes](problem-codes.md)',
    "- [Istio's MeshConfig](mesh-config.md)",
    '',
    '| API group | kinds |',
    '|---|---|',
    ...groups.map(
      (group) =>
        `| [${group}](${group}.md) | ${kindsOf(group)
          .map(({ kind }) => kind)
          .join(', ')} |`,
    ),
  )
}

const page = (title: string, ...lines: readonly string[]): string =>
  `${[`# ${title}`, '', made, '', ...lines].join('\n')}\n`

function codesPage(): string {
  const rows = Object.entries(codes).map(([code, meaning]) => `| \`${code}\` | ${cell(meaning)} |`)
  return page(
    'Problem codes',
    'What `fairlead lint` prints, what statuses hold, and what `/debug/problems` lists. Codes are never renamed.',
    '',
    '| code | meaning |',
    '|---|---|',
    ...rows,
  )
}

function commandsPage(title: string, program: Command): string {
  return page(title, ...program.commands.toSorted(byName).flatMap((command) => commandLines(command, program.name())))
}

const byName = (a: Command, b: Command): number => (a.name() < b.name() ? -1 : 1)

function commandLines(command: Command, parent: string): string[] {
  const name = `${parent} ${command.name()}`
  const own = command.commands.length === 0 || command.options.length > 0
  const rows = [
    ...command.registeredArguments.map((each) =>
      row(`${each.required ? `<${each.name()}>` : `[${each.name()}]`}`, each),
    ),
    ...command.options.filter(({ hidden }) => !hidden).map((each) => row(each.flags, each)),
  ]
  const table = rows.length > 0 ? ['', '| | |', '|---|---|', ...rows] : []
  const lines = [`## ${name}`, '', sentence(command.description()), ...(own ? table : []), '']
  return [...lines, ...command.commands.toSorted(byName).flatMap((each) => commandLines(each, name))]
}

function row(flags: string, { description, defaultValue, defaultValueDescription }: Option | Argument): string {
  // Defaults that depend on the machine are said in words by their description.
  const shown = defaultValueDescription ?? (isPlain(defaultValue) ? String(defaultValue) : undefined)
  const isPath = shown?.startsWith('/') ?? false
  return `| \`${cell(flags)}\` | ${cell(sentence(description))}${shown !== undefined && !isPath ? ` Default: ${cell(shown)}.` : ''} |`
}

const isPlain = (value: unknown): boolean => typeof value === 'string' || typeof value === 'number'

const sentence = (text: string): string => (text === '' || /[.!?:]$/.test(text) ? text : `${text}.`)

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

const kindsOf = (group: string): typeof allKinds => allKinds.filter((kind) => kind.group === group)

function groupPage(group: string): string {
  const told = toldOf(group)
  return page(
    group,
    ...kindsOf(group).flatMap((kind) => {
      const versions = kind.versions.map(({ name, storage }) => (storage ? `**${name}**` : name)).join(', ')
      const short =
        kind.shortNames.length > 0 ? `, short ${kind.shortNames.map((name) => `\`${name}\``).join(', ')}` : ''
      return [
        `## ${kind.kind}`,
        '',
        sentence(kind.description),
        '',
        `\`${kind.plural}\`${short}; ${kind.scope.toLowerCase()}; versions ${versions}.`,
        '',
        ...fieldTable(kind, told),
      ]
    }),
  )
}

/** A page of docs/compatibility, which tells what becomes of each field of a group. */
interface Told {
  readonly page: string
  readonly sections: readonly Section[]
}

/** None does of Fairlead's own groups. */
function toldOf(group: string): Told | undefined {
  const page = compatibilityPage(group)
  return page === undefined
    ? undefined
    : { page, sections: readSections(readFileSync(join(compatibilityFolder, page), 'utf8')) }
}

function compatibilityPage(group: string): string | undefined {
  if (group.endsWith('istio.io')) return 'istio.md'
  if (group.endsWith('.zephyr.solo.io')) return 'service-mesh-hub.md'
  if (group.endsWith('.solo.io')) return 'gloo-mesh.md'
  return group.endsWith('.tetrate.io') ? 'tsb.md' : undefined
}

/** The fields of a kind, and beside each what the compatibility page says of it. */
function fieldTable({ kind, group, spec }: DescribedKind, told: Told | undefined, of = 'field of `spec`'): string[] {
  const rows = fieldRows(spec, '')
  if (rows.length === 0) return []
  if (!told) return [`| ${of} | type | |`, '|---|---|---|', ...rows.map(({ cells }) => tableRow(cells)), '']
  const leaves = new Set(leavesOf(spec))
  const here = (path: string): string => {
    const leaf = [path, path.replace(/(\[\]|\{\})+$/, '')].find((each) => leaves.has(each))
    const found = leaf === undefined ? undefined : rowOf(told.sections, kind, group, leaf)
    return found ? `${found.verdict}${found.remark === '' ? '' : `: ${found.remark}`}` : ''
  }
  return [
    `| ${of} | type | | [here](../compatibility/${told.page}) |`,
    '|---|---|---|---|',
    ...rows.map(({ path, cells }) => tableRow([...cells, here(path)])),
    '',
  ]
}

/** Istio's settings of a mesh: no object, but YAML in the ConfigMap `istio`. */
function meshConfigPage(): string {
  const described = { kind: 'MeshConfig', group: '', spec: meshConfigSchema }
  return page(
    'MeshConfig',
    'The text under `mesh` in the ConfigMap `istio` of the namespace `istio-system`.',
    '',
    ...fieldTable(described, toldOf('istio.io'), 'field'),
  )
}

const tableRow = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

interface Node {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly description?: string
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly required?: readonly string[]
  readonly items?: TSchema
  readonly additionalProperties?: TSchema | boolean
  readonly minimum?: number
  readonly maximum?: number
}

interface FieldRow {
  readonly path: string
  readonly cells: readonly string[]
}

/** One row for each field that has a type of its own or a description. */
function fieldRows(schema: TSchema, path: string): FieldRow[] {
  const { properties = {}, required = [] } = schema as Node
  return Object.entries(properties).flatMap(([name, field]) => {
    const at = path === '' ? name : `${path}.${name}`
    const { inner, suffix } = innermost(field)
    const { description, default: byDefault } = field as Node
    const remarks = [
      ...(required.includes(name) ? ['Required.'] : []),
      ...(description === undefined ? [] : [sentence(description)]),
      ...(byDefault === undefined ? [] : [`Default: \`${JSON.stringify(byDefault)}\`.`]),
    ]
    const below = fieldRows(inner, `${at}${suffix}`)
    const own =
      below.length > 0 && remarks.length === 0
        ? []
        : [{ path: `${at}${suffix}`, cells: [`\`${at}${suffix}\``, typeOf(inner), cell(remarks.join(' '))] }]
    return [...own, ...below]
  })
}

/** What a list or map holds in the end, and how that is written: `[]` for lists, `{}` for maps. */
function innermost(schema: TSchema): { inner: TSchema; suffix: string } {
  const { items, additionalProperties } = schema as Node
  const next = items ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined)
  if (!next) return { inner: schema, suffix: '' }
  const { inner, suffix } = innermost(next)
  return { inner, suffix: `${items ? '[]' : '{}'}${suffix}` }
}

function typeOf(schema: TSchema): string {
  const node = schema as Node & Record<string, unknown>
  if (node.enum) return node.enum.map((value) => (value === '' ? '""' : value)).join(' \\| ')
  if ('x-fairlead-duration' in node) return 'duration'
  if ('x-kubernetes-int-or-string' in node) return 'integer or string'
  if (node.type === 'integer' && node.minimum !== undefined && node.maximum !== undefined)
    return `integer, ${node.minimum} to ${node.maximum}`
  return node.type ?? 'any'
}

if (import.meta.main) {
  mkdirSync(referenceFolder, { recursive: true })
  for (const name of readdirSync(referenceFolder)) rmSync(join(referenceFolder, name))
  for (const [name, text] of await referencePages()) writeFileSync(join(referenceFolder, name), text)
}
