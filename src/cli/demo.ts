// fairlead demo: a guide on the embedded sandbox, from nothing to measured traffic.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import pc from 'picocolors'
import { type SandboxHandle, sendMany, startSandbox } from '../sandbox/index.ts'
import { blueGreenCanary } from './demo/blue-green-canary.ts'
import { eastWest } from './demo/east-west.ts'
import { failover } from './demo/failover.ts'
import type { Guide } from './demo/guide.ts'
import { kubectl } from './demo/kubectl.ts'
import { locality } from './demo/locality.ts'
import { measure, requestOf, watchTraffic } from './demo/measure.ts'
import { multiCluster } from './demo/multi-cluster.ts'
import { play } from './demo/play.ts'
import { ProgressLines } from './demo/progress.ts'

const guides: readonly Guide[] = [multiCluster, blueGreenCanary, locality, failover, eastWest]

export function register(program: Command): void {
  program
    .command('demo')
    .description('Show a guide on the embedded sandbox, with real Envoys, and measure where requests go')
    .argument('[guide]', `one of ${guides.map((guide) => guide.name).join(', ')}`, multiCluster.name)
    .option('--once', 'end after the measurement; exit code 0 only if the shares are within 4 sigma')
    .option('--name <name>', 'name of the sandbox', 'demo')
    .action(async (name: string, options: { once?: boolean; name: string }) => {
      const guide = guides.find((one) => one.name === name)
      if (!guide)
        return program.error(`there is no guide ${name}; there are ${guides.map((one) => one.name).join(', ')}`, {
          exitCode: 2,
        })
      process.exitCode = await run(guide, options)
    })
}

async function run(guide: Guide, options: { once?: boolean; name: string }): Promise<number> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  const progress = new ProgressLines()
  const startedAt = performance.now()
  console.log(`\n${pc.bold(guide.title)}\n`)
  let sandbox: SandboxHandle | undefined
  try {
    await progress.step('find kubectl', () => kubectl('/dev/null', ['version', '--client'], stop.signal))
    sandbox = await startSandbox({
      name: options.name,
      spec: guide.spec,
      onProgress: progress.show,
      signal: stop.signal,
    })
    const { kubeconfig, directory } = sandbox
    const folder = join(directory, 'demo')
    mkdirSync(folder, { recursive: true })
    const writeFile = (file: string, text: string): string => {
      writeFileSync(join(folder, file), text)
      return join(folder, file)
    }
    const run = { kubeconfig, signal: stop.signal, writeFile }
    for (const step of guide.steps) {
      const lines = await progress.step(step.name, () => step.run(run))
      for (const line of lines ?? []) console.log(`  ${pc.dim(line)}`)
    }
    let wrong = await measured(guide, kubeconfig, progress, stop.signal, startedAt)
    for (const phase of guide.phases ?? []) {
      console.log('')
      await progress.step(phase.name, () => phase.run(run))
      const state = { ...guide, rows: phase.rows }
      wrong = [...wrong, ...(await measured(state, kubeconfig, progress, stop.signal))]
    }
    if (guide.acts && wrong.length === 0) {
      console.log(`\n${pc.bold('And now')}, while requests go on:\n`)
      wrong = await play(guide, guide.acts, run)
      for (const text of wrong) console.log(pc.red(`  ${text}`))
    }
    if (options.once) return wrong.length === 0 ? 0 : 1
    printNext(guide, kubeconfig)
    await watchTraffic(guide, () => requestOf(guide, kubeconfig, stop.signal), stop.signal)
    return 0
  } catch (error) {
    if (stop.signal.aborted) return 130
    explain(error, sandbox?.directory)
    return 1
  } finally {
    if (sandbox) console.log(pc.dim('\nstopping …'))
    await sandbox?.close()
  }
}

/** Waits until requests go where the guide says, and counts then; returns what is wrong with the shares. */
async function measured(
  guide: Guide,
  kubeconfig: string,
  progress: ProgressLines,
  signal: AbortSignal,
  startedAt?: number,
): Promise<string[]> {
  const plan = (): Promise<Awaited<ReturnType<typeof requestOf>>> => requestOf(guide, kubeconfig, signal)
  await progress.step('wait until the proxies follow', () => settled(guide, plan))
  const took = startedAt === undefined ? '' : `ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`
  console.log(pc.dim(`\n${took}`))
  const wrong = await measure(guide, await plan())
  if (wrong.length > 0) console.log(pc.red(`\n  not as the policy says: ${wrong.join('; ')}`))
  else console.log(pc.green(`\n  as the policy says${guide.tolerance === undefined ? ', within 4 sigma' : ''}`))
  return wrong
}

/** Waits until each row that is wanted, and no other, answers: the policy is in force at the caller's proxy. */
async function settled(guide: Guide, plan: () => Promise<Parameters<typeof measure>[1]>): Promise<void> {
  const deadline = performance.now() + 60_000
  let seen = new Set<string | undefined>()
  let statuses: number[] = []
  while (performance.now() < deadline) {
    const answers = await sendMany([await plan()], { count: 60, parallel: 4 })
    seen = new Set(answers.map((answer) => guide.rowOf(answer.headers['x-served-by'] ?? '')))
    statuses = [...new Set(answers.map((answer) => answer.status))]
    const isAsWanted = guide.rows.every((row) => seen.has(row.name) === row.wanted > 0)
    if (isAsWanted && statuses.every((status) => status === 200)) return
  }
  throw new Error(
    `after 60 s only ${[...seen].filter(Boolean).join(', ') || 'nobody'} answers (status ${statuses.join(', ')})`,
  )
}

function printNext(guide: Guide, kubeconfig: string): void {
  console.log(`\n${pc.bold('Try next')}, in another terminal:\n`)
  console.log(`  export KUBECONFIG=${kubeconfig}`)
  for (const command of guide.next) console.log(`  ${command}`)
  console.log(`\n${pc.dim('Ctrl-C ends everything.')}\n`)
}

function explain(error: unknown, directory: string | undefined): void {
  const message = error instanceof Error ? error.message : String(error)
  console.error(`\n${pc.red(message)}`)
  if (directory !== undefined) console.error(`Logs: ${join(directory, 'logs')}`)
  if (process.env['FAIRLEAD_DEBUG'] && error instanceof Error) console.error(error.stack)
}
