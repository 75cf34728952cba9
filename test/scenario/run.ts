// npm run scenario -- [--keep] [--only N[-M]] [--skip VERB]... FILE...
//
// Runs acceptance files (test/conformance/seeds/README.md) and guide pages (guide.ts) against a fresh sandbox each, with real kubectl and real
// Envoys, and prints one line a step.
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import pc from 'picocolors'
import { type Context, Failure } from './context.ts'
import { readScenario, type ScenarioFile, ScenarioFileError, type Step } from './file.ts'
import { readGuide } from './guide.ts'
import { openSandbox } from './sandbox.ts'
import { isSkipped, perform } from './verbs.ts'

interface Options {
  readonly keep: boolean
  readonly only: { readonly first: number; readonly last: number } | undefined
  readonly skip: ReadonlySet<string>
}

interface Tally {
  passed: number
  failed: number
  leftOut: number
}

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      keep: { type: 'boolean', default: false },
      only: { type: 'string' },
      skip: { type: 'string', multiple: true, default: [] },
    },
  })
  const range = /^(\d+)(?:-(\d+))?$/.exec(values.only ?? '')
  if (positionals.length === 0 || (values.only !== undefined && !range)) {
    console.error('usage: npm run scenario -- [--keep] [--only N[-M]] [--skip VERB]... FILE...')
    return 2
  }
  const only = range ? { first: Number(range[1]), last: Number(range[2] ?? range[1]) } : undefined
  const options: Options = { keep: values.keep, only, skip: new Set(values.skip) }
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort())
  // Killed tests take us along: whoever started this is not there any more to read the result.
  const startedBy = process.ppid
  setInterval(() => process.ppid !== startedBy && interrupted.abort(), 1000).unref()
  const tally: Tally = { passed: 0, failed: 0, leftOut: 0 }
  for (const path of positionals) {
    if (interrupted.signal.aborted) break
    await runFile(resolve(path), options, interrupted.signal, tally)
  }
  console.log(`${tally.passed} passed, ${tally.failed} failed`)
  return tally.failed === 0 && tally.leftOut === 0 && !interrupted.signal.aborted ? 0 : 1
}

async function runFile(path: string, options: Options, signal: AbortSignal, tally: Tally): Promise<void> {
  let file: ScenarioFile
  try {
    file = path.endsWith('.md') ? readGuide(path) : readScenario(path)
  } catch (error) {
    tally.failed++
    console.log(
      `${pc.red('failed')}  ${error instanceof ScenarioFileError ? error.message : `${path}: ${describe(error)}`}`,
    )
    return
  }
  console.log(pc.bold(`\n${file.title}`))
  const startedAt = performance.now()
  let context: Context
  try {
    context = await open(file, path, options, signal)
  } catch (error) {
    tally.failed++
    tally.leftOut += file.steps.length
    console.log(`${pc.red('failed')}  sandbox and given: ${describe(error)}`)
    return
  }
  console.log(pc.dim(`sandbox ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`))
  const failedBefore = tally.failed
  try {
    for (const [index, step] of file.steps.entries()) await runStep(index + 1, step, context, options, tally)
  } finally {
    for (const running of context.loads.values()) {
      await running.load.stop()
      running.close()
    }
    await context.sandbox.close({ keep: options.keep, failed: tally.failed > failedBefore })
  }
}

/** Starts the sandbox of a file and performs what is given. */
async function open(file: ScenarioFile, path: string, options: Options, signal: AbortSignal): Promise<Context> {
  const sandbox = await openSandbox(file.sandbox, signal, { outlives: options.keep })
  const context: Context = {
    sandbox,
    folder: dirname(path),
    answers: file.answers,
    loads: new Map(),
    groups: new Map(),
    gateways: new Map(),
    skip: options.skip,
    signal,
  }
  try {
    for (const sample of file.sandbox.samples ?? []) await sandbox.installSample(sample)
    for (const verb of file.given) await perform(verb, context)
    return context
  } catch (error) {
    await sandbox.close({ keep: options.keep, failed: true })
    throw error
  }
}

async function runStep(number: number, step: Step, context: Context, options: Options, tally: Tally): Promise<void> {
  const { only } = options
  const line = (state: string, detail = ''): void =>
    console.log(`${state} ${String(number).padStart(2)} ${step.step}${detail}`)
  if (only && (number < only.first || number > only.last)) {
    tally.leftOut++
    return line(pc.yellow('not run'), ' (left out by --only)')
  }
  if (context.signal.aborted) {
    tally.leftOut++
    return line(pc.yellow('not run'), ' (interrupted)')
  }
  const left = step.do.filter((verb) => isSkipped(verb, options.skip))
  if (left.length === step.do.length) return line(pc.yellow('not run'), ` (only what --skip names)`)
  context.groups.clear()
  const startedAt = performance.now()
  for (const [index, verb] of step.do.entries()) {
    try {
      await perform(verb, context)
    } catch (error) {
      tally.failed++
      line(pc.red('failed '), pc.dim(` (${seconds(startedAt)})`))
      console.log(`           ${verb.verb} (verb ${index + 1}): ${describe(error)}`)
      return
    }
  }
  tally.passed++
  line(
    pc.green('passed '),
    pc.dim(` (${seconds(startedAt)}${left.length > 0 ? `, without ${left.map((v) => v.verb).join(', ')}` : ''})`),
  )
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`
}

function describe(error: unknown): string {
  if (error instanceof Failure) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

process.exitCode = await main(process.argv.slice(2))
