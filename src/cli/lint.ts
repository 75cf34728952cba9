// `fairlead lint`: problems of objects in files, without applying anything.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Command, Option } from 'commander'
import picocolors from 'picocolors'
import { stringify } from 'yaml'
import { snapshotOf, staticWorld } from '../discovery/index.ts'
import { failoverProblemsTogether, referenceProblems, switchProblems, tryTimeoutProblems } from '../mesh/index.ts'
import { compareProblems, formatRef } from '../report/index.ts'
import { checkFile, groupKind, type LocatedProblem, type ReadObject, soundObject } from '../resources/index.ts'
import { printLine } from './print.ts'

interface LintOptions {
  readonly file?: string[]
  readonly each?: boolean
  readonly batch?: boolean
  readonly output: 'table' | 'json' | 'yaml'
}

export function register(program: Command): void {
  program
    .command('lint')
    .description('Say what is wrong with objects in files, by themselves and together, without applying anything')
    .option('-f, --file <file...>', 'YAML files to read; - is standard input')
    .option('--each', 'judge every object by itself, as an admission webhook does')
    .option('--batch', 'read one JSON request {"id","yaml"} a line from standard input, answer each with one line')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['table', 'json', 'yaml']).default('table'))
    .addHelpText('after', '\nExit code: 0 = no errors (warnings are allowed), 1 = errors, 2 = wrong usage.')
    .action(async (options: LintOptions, command: Command) => {
      if (options.batch) return answerBatch()
      if (options.file === undefined) command.error("error: option '-f, --file' is missing", { exitCode: 2 })
      const files = options.file ?? []
      const read = await Promise.all(files.map((file) => readProblems(file, command)))
      const own = read.flatMap(({ problems }) => problems)
      const all = options.each ? [] : await together(read.flatMap(({ objects }) => objects))
      const problems = [...own, ...all.filter((problem) => !own.some((each) => isSame(each, problem)))]
      print(problems, options.output, files)
      if (problems.some((p) => p.severity === 'error')) process.exitCode = 1
      return
    })
}

interface Checked {
  readonly objects: readonly ReadObject[]
  readonly problems: readonly LocatedProblem[]
}

function readProblems(file: string, command: Command): Promise<Checked> {
  let text: string
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    return command.error(`error: ${file}: ${error instanceof Error ? error.message : String(error)}`, { exitCode: 2 })
  }
  return check(text, file)
}

/** Problems of a file's objects, those included that only Envoy's types tell. */
async function check(text: string, file: string): Promise<Checked> {
  const { objects, problems } = checkFile(text, file)
  if (!objects.some(({ object }) => object.kind === 'EnvoyFilter')) return { objects, problems }
  // Envoy's types take longer to load than all the rest.
  const { envoyFilterProblems } = await import('../backends/envoy/index.ts')
  const ofPatches = objects.flatMap((read) =>
    envoyFilterProblems(read.object, '').map((problem) => ({ ...problem, at: read.locate(problem.path) })),
  )
  const line = ({ at }: LocatedProblem): number => at?.line ?? 0
  const all = [...problems, ...ofPatches]
  return { objects, problems: all.sort((a, b) => line(a) - line(b) || (a.at?.column ?? 0) - (b.at?.column ?? 0)) }
}

/** What only the objects of all files together tell, as the objects of one cluster. */
async function together(objects: readonly ReadObject[]): Promise<LocatedProblem[]> {
  const idOf = ({ kind, namespace, name }: ReadObject['ref']): string => `${kind} ${namespace}/${name}`
  const byId = new Map(objects.map((read) => [idOf(read.ref), read]))
  const sound = objects.map(({ object }) => soundObject(object, '').object)
  const found = [
    ...switchProblems(sound),
    ...tryTimeoutProblems(sound),
    ...failoverProblemsTogether(sound),
    ...referenceProblems(sound),
  ]
  if (sound.some(({ apiVersion, kind }) => apiVersion.includes('istio.io/') || kind === 'ConfigMap')) {
    // The translation takes longer to load than all the rest.
    const { worldProblems } = await import('../backends/envoy/index.ts')
    const world = staticWorld(snapshotOf(new Map([['', sound]]), groupKind), { primary: '' })
    found.push(...world.get(worldProblems, undefined).filter((each) => !found.some((other) => isSame(each, other))))
  }
  return found.sort(compareProblems).map((problem) => {
    const at = byId.get(idOf(problem.object))?.locate(problem.path)
    return at ? { ...problem, at } : problem
  })
}

const isSame = (one: LocatedProblem, other: LocatedProblem): boolean =>
  one.path === other.path && one.message === other.message && formatRef(one.object) === formatRef(other.object)

/** One JSON line for each request line, until standard input ends. */
async function answerBatch(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === '') continue
    const answer = await answerLine(line)
    await printLine(JSON.stringify(answer))
  }
}

async function answerLine(line: string): Promise<object> {
  let request: { id?: unknown; yaml?: unknown }
  try {
    request = JSON.parse(line) as typeof request
  } catch (error) {
    return { error: `a request is one line of JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
  if (typeof request.yaml !== 'string') return { id: request.id, error: 'yaml must be the text of a file' }
  return { id: request.id, problems: (await check(request.yaml, '')).problems.map((p) => plain(p, false)) }
}

/** A problem as JSON shows it; the file is named where there are several. */
function plain({ at, ...problem }: LocatedProblem, withFile: boolean): object {
  return { ...problem, ...(withFile ? { file: at?.file } : {}), line: at?.line, column: at?.column }
}

function print(problems: readonly LocatedProblem[], format: LintOptions['output'], files: readonly string[]): void {
  const data = problems.map((problem) => plain(problem, files.length > 1))
  if (format === 'json') console.log(JSON.stringify(data, null, 2))
  else if (format === 'yaml') console.log(stringify(data).trimEnd())
  else printTable(problems)
}

function printTable(problems: readonly LocatedProblem[]): void {
  for (const { at, severity, object, path, message } of problems) {
    const place = at === undefined ? '' : `${at.file}:${at.line}:${at.column}: `
    const mark = severity === 'error' ? picocolors.red('error') : picocolors.yellow('warning')
    const where = [object.kind === '' ? '' : formatRef(object), path].filter((part) => part !== '').join(' ')
    console.log(`${place}${mark}: ${where === '' ? '' : `${where}: `}${message}`)
  }
  const errors = problems.filter((p) => p.severity === 'error').length
  const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`
  console.log(
    problems.length === 0 ? 'no problems' : `${count(errors, 'error')}, ${count(problems.length - errors, 'warning')}`,
  )
}
