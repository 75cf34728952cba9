// `fairlead translate`: dialect YAML → Istio objects per cluster, from files alone.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { stringify } from 'yaml'
import type { TranslateOptions } from '../dialects/index.ts'
import { formatRef } from '../report/index.ts'
import { type Answer, type ClusterFile, type Step, TranslateSession } from './translate-session.ts'

interface Pair {
  readonly key: string
  readonly value: string
}

interface Flags {
  readonly file: readonly string[]
  readonly cluster: readonly Pair[]
  readonly management?: string
  readonly option: readonly Pair[]
  readonly output: 'json' | 'yaml' | 'table'
  readonly batch: boolean
}

/** What one request of a batch asks. */
interface Request {
  readonly id: string
  readonly management?: string
  readonly clusters: readonly ClusterFile[]
  readonly options?: Readonly<Record<string, unknown>>
  readonly steps?: readonly Step[]
}

const collectPair = (text: string, before: readonly Pair[]): readonly Pair[] => {
  const equals = text.indexOf('=')
  if (equals < 1) throw new InvalidArgumentError('it must have the form NAME=VALUE.')
  return [...before, { key: text.slice(0, equals), value: text.slice(equals + 1) }]
}
const collect = (text: string, before: readonly string[]): readonly string[] => [...before, text]

export function register(program: Command): void {
  program
    .command('translate')
    .description('Translate dialect YAML into Istio objects per cluster, from files alone')
    .option('-f, --file <file>', 'objects of the management cluster (repeatable)', collect, [])
    .option(
      '--cluster <name=file>',
      'objects of a cluster (repeatable; a cluster may have several files)',
      collectPair,
      [],
    )
    .option('--management <name>', 'cluster that holds the dialect’s objects (default: the only one given, else mgmt)')
    .option('--option <key=value>', 'start option of the control plane (disallowIntersectingConfig)', collectPair, [])
    .addOption(new Option('-o, --output <format>', 'output').choices(['json', 'yaml', 'table']).default('table'))
    .option('--batch', 'answer one JSON request per line of standard input', false)
    .action(async (flags: Flags, command: Command) => {
      if (flags.batch) await answerBatch()
      else translateFiles(flags, command)
    })
}

function translateFiles(flags: Flags, command: Command): void {
  const fail = (message: string): never => command.error(`error: ${message}`, { exitCode: 2 })
  if (flags.file.length + flags.cluster.length === 0) fail('nothing to translate: give -f FILE or --cluster NAME=FILE')
  const names = new Set(flags.cluster.map(({ key }) => key))
  const management =
    flags.management ?? (names.size === 1 && flags.file.length === 0 ? [...names][0] : undefined) ?? 'mgmt'
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8')
    } catch (error) {
      return fail(`cannot read ${file}: ${(error as Error).message}`)
    }
  }
  const files = [...flags.file.map((value) => ({ key: management, value })), ...flags.cluster].map(
    ({ key, value }) => ({
      name: key,
      yaml: read(value),
      file: value,
    }),
  )
  let options: TranslateOptions
  try {
    options = readOptions(Object.fromEntries(flags.option.map(({ key, value }) => [key, value])))
  } catch (error) {
    return fail((error as Error).message)
  }
  const answer = new TranslateSession(management, options, files).answer()
  process.stdout.write(print(answer, flags.output))
}

/** Options by name. Throws for an unknown one. */
function readOptions(given: Readonly<Record<string, unknown>>): TranslateOptions {
  const options: { disallowIntersectingConfig?: boolean } = {}
  for (const [key, value] of Object.entries(given)) {
    if (key !== 'disallowIntersectingConfig')
      throw new Error(`unknown option ${JSON.stringify(key)}; known: disallowIntersectingConfig`)
    if (value !== true && value !== false && value !== 'true' && value !== 'false')
      throw new Error(`option ${key} must be true or false, not ${JSON.stringify(value)}`)
    options.disallowIntersectingConfig = String(value) === 'true'
  }
  return options
}

function print(answer: Answer, output: Flags['output']): string {
  switch (output) {
    case 'json':
      return `${JSON.stringify(answer, null, 2)}\n`
    case 'yaml':
      return stringify(answer, { aliasDuplicateObjects: false })
    case 'table':
      return table(answer)
  }
}

function table({ objects, statuses, problems }: Answer): string {
  const rows = [
    ['CLUSTER', 'KIND', 'NAMESPACE', 'NAME'],
    ...objects.map(({ cluster, object }) => [
      cluster,
      object.kind,
      object.metadata.namespace ?? '',
      object.metadata.name,
    ]),
  ]
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  )
  const found = problems.map(
    ({ severity, object, path, message }) =>
      `${severity}: ${formatRef(object)}${path === '' ? '' : ` ${path}`}: ${message}`,
  )
  const summary = `${objects.length} objects, ${statuses.length} statuses, ${problems.length} problems`
  return `${[...lines, '', ...found, ...(found.length > 0 ? [''] : []), summary].join('\n')}\n`
}

async function answerBatch(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() !== '') process.stdout.write(`${JSON.stringify(answerLine(line))}\n`)
  }
}

function answerLine(line: string): object {
  let id = ''
  try {
    const request = JSON.parse(line) as Request
    id = request.id
    return { id, ...answerRequest(request) }
  } catch (error) {
    // A request that cannot be answered must not keep the others from theirs.
    process.stderr.write(`${id}: ${(error as Error).stack}\n`)
    return { id, error: (error as Error).message }
  }
}

function answerRequest({ clusters, management, options = {}, steps }: Request): object {
  if (!Array.isArray(clusters)) throw new Error('the request has no list "clusters"')
  const only = clusters.length === 1 ? clusters[0]?.name : undefined
  const session = new TranslateSession(management ?? only ?? 'mgmt', readOptions(options), clusters)
  const first = session.answer()
  if (steps === undefined) return first
  const later = steps.map((step) => {
    session.change(step)
    return session.answer()
  })
  return { ...first, steps: later }
}
