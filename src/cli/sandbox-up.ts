import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import pc from 'picocolors'
import {
  type ClusterAccess,
  order,
  type ProcessId,
  type ProgressEvent,
  parseOn,
  processId,
  readLock,
  readSpec,
  readState,
  SandboxBusy,
  type SandboxSpec,
  type SandboxStatus,
  SpecError,
  type StartProgress,
  StepFailed,
  sandboxDirectory,
  startSandbox,
  untilGone,
} from '../sandbox/index.ts'
import { attempt, nameFlag } from './sandbox-common.ts'

interface UpOptions {
  name: string
  clusters?: string
  config?: string
  kubeconfig?: string
  detach?: boolean
  pid?: string
  on: string[]
  controlPlane: boolean
}

export function registerUp(sandbox: Command): void {
  const collect = (value: string, all: string[]): string[] => [...all, value]
  sandbox
    .command('up')
    .description('Start embedded clusters and the control plane over them, and stay until Ctrl-C')
    .option('--name <name>', 'name of the sandbox', 'default')
    .option('--clusters <names>', 'cluster names (comma separated); default: those of the last time, else east,west')
    .option('--config <file>', 'a sandbox file: clusters with context, region, zone, network, management; samples')
    .option('--kubeconfig <file>', 'add the contexts to this file, too; they are taken out again at the end')
    .option('--detach', 'go on in the background once everything is ready')
    .option('--pid <pid>', 'end, too, when the process of this id ends (as `tail --pid` does)')
    .option('--on <name=kubeconfig#context>', 'use an API server that exists already (repeatable)', collect, [])
    .option('--no-control-plane', 'bare clusters, without fairlead serve')
    .action((options: UpOptions) => attempt(() => (options.detach ? upDetached(options) : up(options))))
}

async function up(options: UpOptions): Promise<void> {
  const { spec, on } = await readOptions(options)
  const companion = companionOf(options)
  const stop = new AbortController()
  const ended = Promise.withResolvers<void>()
  const end = (): void => {
    stop.abort(new Error('interrupted'))
    ended.resolve()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
  if (companion) void untilGone(companion, stop.signal).then(end)
  const sandbox = await startSandbox({
    name: options.name,
    spec,
    on,
    controlPlane: options.controlPlane,
    kubeconfigFile: options.kubeconfig === undefined ? undefined : resolve(options.kubeconfig),
    onProgress: printProgress,
    onDown: end,
    signal: stop.signal,
  })
  printReady(await sandbox.status(), options)
  await ended.promise
  console.log('ending …')
  await sandbox.close()
  // Whatever timers a library left behind must not keep us.
  process.exit(0)
}

/** The process that this sandbox must not outlive. */
function companionOf({ pid }: UpOptions): ProcessId | undefined {
  if (pid === undefined) return undefined
  const companion = /^[1-9]\d*$/.test(pid) ? processId(Number(pid)) : undefined
  if (companion === undefined) throw new SpecError(`--pid ${pid}: no process has this id`)
  return companion
}

/** Starts `up` as a process of its own and shows its progress until it is ready. */
async function upDetached(options: UpOptions): Promise<void> {
  await readOptions(options)
  companionOf(options)
  const directory = sandboxDirectory(options.name)
  const before = readLock(directory)
  if (before) throw new SandboxBusy(options.name, before)
  mkdirSync(join(directory, 'logs'), { recursive: true })
  const logFile = join(directory, 'logs', 'supervisor.log')
  const log = openSync(logFile, 'w')
  const args = process.argv.slice(1).filter((arg) => arg !== '--detach')
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  let exit: string | undefined
  child.on('error', (error) => (exit = error.message))
  child.on('exit', (code, signal) => (exit = signal ?? `exit code ${code}`))
  let shown = 0
  for (;;) {
    const lock = readLock(directory)
    if (exit !== undefined) {
      const tail = readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join('\n')
      throw new StepFailed('start in the background', new Error(`${exit}\n${tail}\nThe whole log: ${logFile}`))
    }
    const progress = lock && (await order<StartProgress>(lock.socket, 'progress').catch(() => undefined))
    for (const event of progress?.events.slice(shown) ?? []) printProgress(event)
    shown = progress?.events.length ?? shown
    if (lock && progress?.state === 'ready') {
      printReady(await order<SandboxStatus>(lock.socket, 'status'), options)
      child.unref()
      return
    }
    await delay(100)
  }
}

async function readOptions(options: UpOptions): Promise<{ spec: SandboxSpec; on: Map<string, ClusterAccess> }> {
  if (options.clusters !== undefined && options.config !== undefined) {
    throw new SpecError('--clusters and --config exclude each other')
  }
  const given = await Promise.all(options.on.map(parseOn))
  const on = new Map(given.map(({ name, access }) => [name, access]))
  const spec = await specOf(options, [...on.keys()])
  const known = new Set(spec.clusters.map((cluster) => cluster.name))
  for (const [name, access] of on) {
    if (!known.has(name)) throw new SpecError(`--on ${name}: the sandbox has no cluster of this name`)
    // A kubeconfig of several clusters may call its contexts alike; ours are called as the clusters.
    on.set(name, { ...access, context: spec.clusters.find((c) => c.name === name)?.context ?? name })
  }
  return { spec, on }
}

async function specOf(options: UpOptions, on: readonly string[]): Promise<SandboxSpec> {
  if (options.config !== undefined) return readSpec(options.config)
  if (options.clusters !== undefined) {
    const names = options.clusters
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
    const wrong = names.find((name) => !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name))
    if (wrong !== undefined) throw new SpecError(`--clusters: ${wrong} is not a name (lower-case letters, digits, -)`)
    if (names.length > 0) return { clusters: names.map((name) => ({ name })) }
    throw new SpecError('--clusters names no cluster')
  }
  if (on.length > 0) return { clusters: on.map((name) => ({ name })) }
  return readState(sandboxDirectory(options.name))?.spec ?? { clusters: [{ name: 'east' }, { name: 'west' }] }
}

function printProgress({ step, state, detail, tookMs }: ProgressEvent): void {
  const took = tookMs === undefined ? '' : pc.dim(` ${(tookMs / 1000).toFixed(1)} s`)
  if (state === 'done') console.log(`${pc.green('✔')} ${step}${took}`)
  else if (state === 'failed') console.log(`${pc.red('✖')} ${step}${took}`)
  else if (state === 'note') console.log(pc.dim(`  ${detail ?? ''}`))
}

function printReady(status: SandboxStatus, options: UpOptions): void {
  const file = options.kubeconfig ?? status.kubeconfig
  console.log(`\nsandbox ${status.name} is up: ${status.clusters.map((c) => c.context).join(', ')}`)
  console.log(`  export KUBECONFIG=${file}`)
  console.log(`  kubectl --context ${status.clusters[0]?.context ?? ''} get pods -A`)
  console.log(`  fairlead sandbox sample bookinfo${nameFlag(status.name)}`)
  console.log(
    options.detach ? `  fairlead sandbox down${nameFlag(status.name)}` : '  Ctrl-C ends it; its state is kept',
  )
}
