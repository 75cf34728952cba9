// `fairlead debug pipeline | clusters`: what a running control plane knows, computed and wrote.
import { type Command, Option } from 'commander'
import { stringify } from 'yaml'
import type { PipelineDump } from '../pipeline/index.ts'
import { columns } from './print.ts'

interface DebugOptions {
  readonly server: string
  readonly output?: 'json' | 'yaml'
}

interface PipelineOptions extends DebugOptions {
  readonly query?: string
  readonly key?: string
  readonly limit: string
}

interface ClusterView {
  readonly name: string
  readonly aliases: readonly string[]
  readonly server: string
  readonly synced: boolean
  readonly staleSince?: string
  readonly problem?: string
  readonly kinds: Readonly<
    Record<string, { readonly objects: number; readonly state: string; readonly error?: string }>
  >
}

export function register(program: Command): void {
  const debug = program.command('debug').description('Look into a running control plane')
  const common = (command: Command): Command =>
    command
      .option('--server <url>', 'debug address of fairlead serve (its flag --http)', 'http://127.0.0.1:15014')
      .addOption(new Option('-o, --output <format>', 'machine-readable output').choices(['json', 'yaml']))
  common(debug.command('pipeline'))
    .description('What depends on what, and what the last rebuild computed again')
    .option('--query <name>', 'show the values of this query, with what each reads')
    .option('--key <text>', 'only values whose key contains this')
    .option('--limit <count>', 'at most so many values', '50')
    .action((options: PipelineOptions, command: Command) => pipeline(options, command))
  common(debug.command('clusters'))
    .description('Clusters in sight: how old what is known of them is, and what is watched')
    .action((options: DebugOptions, command: Command) => clusters(options, command))
}

async function pipeline(options: PipelineOptions, command: Command): Promise<void> {
  const single = options.query !== undefined || options.key !== undefined
  const query = new URLSearchParams({
    ...(options.query !== undefined && { query: options.query }),
    ...(options.key !== undefined && { key: options.key }),
    ...(single && { limit: options.limit }),
  })
  const found = await ask<PipelineDump>(options, command, `/debug/pipeline?${query.toString()}`)
  if (found === undefined) return
  if (single) return printNodes(found)
  const last = found.lastRebuild
  console.log(...columns([['TABLE', 'ROWS'], ...found.tables.map((t) => [t.name, `${t.rows}`])]).map((l) => `${l}\n`))
  const rows = found.queries.map((q) => [
    q.name,
    `${q.values}`,
    `${q.observed}`,
    `${q.recomputed}`,
    `${q.changed}`,
    `${q.recomputedEver}`,
    `${q.failedEver}`,
    q.reads.join(', '),
  ])
  const heading = ['QUERY', 'VALUES', 'OBSERVED', 'RECOMPUTED', 'CHANGED', 'EVER', 'FAILED', 'READS']
  for (const line of columns([heading, ...rows])) console.log(line)
  if (last === undefined) return
  const changes = Object.entries(last.tables).map(([table, count]) => `${count} in ${table}`)
  console.log(
    `\nrebuild ${last.number}: ${last.durationMs.toFixed(1)} ms, rows changed: ${changes.join(', ') || 'none'}`,
  )
}

function printNodes({ nodes = [] }: PipelineDump): void {
  for (const node of nodes) {
    console.log(
      `${node.query}(${node.key})  changed in rebuild ${node.changedIn}${node.failure ? `  FAILED: ${node.failure}` : ''}`,
    )
    for (const read of node.reads) console.log(`  reads   ${read}`)
    for (const reader of node.readBy) console.log(`  read by ${reader}`)
  }
  if (nodes.length === 0) console.log('no such value is held')
}

async function clusters(options: DebugOptions, command: Command): Promise<void> {
  const found = await ask<ClusterView[]>(options, command, '/debug/clusters')
  if (found === undefined) return
  const rows = found.map((cluster) => {
    const kinds = Object.values(cluster.kinds)
    const objects = kinds.reduce((sum, kind) => sum + kind.objects, 0)
    const status = cluster.problem ?? (cluster.synced ? 'in sight' : 'reading')
    return [
      cluster.name,
      cluster.aliases.join(',') || '-',
      cluster.server,
      `${objects}`,
      cluster.staleSince ?? '-',
      status,
    ]
  })
  for (const line of columns([['CLUSTER', 'ALIASES', 'SERVER', 'OBJECTS', 'STALE SINCE', 'STATUS'], ...rows]))
    console.log(line)
  for (const { name, kinds } of found)
    for (const [kind, { error }] of Object.entries(kinds)) if (error) console.log(`${name}: ${kind}: ${error}`)
}

/** Gets a page; prints it if a format is asked for, else returns it. */
async function ask<T>(options: DebugOptions, command: Command, path: string): Promise<T | undefined> {
  let page: T
  try {
    const answer = await fetch(options.server.replace(/\/$/, '') + path, { signal: AbortSignal.timeout(10_000) })
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
    page = (await answer.json()) as T // The types of the pages are those of the server.
  } catch (error) {
    const why = (error as Error & { cause?: Error }).cause?.message ?? (error as Error).message
    return command.error(`error: ${options.server}: ${why} (is fairlead serve running there? else: --server)`, {
      exitCode: 1,
    })
  }
  if (options.output === undefined) return page
  console.log(options.output === 'json' ? JSON.stringify(page, undefined, 2) : stringify(page).trimEnd())
  return undefined
}
