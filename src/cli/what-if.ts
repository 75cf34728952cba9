// `fairlead what-if --without CLUSTER`: if it died now, where would the traffic of every service go, and does it fit?
import { type Command, Option } from 'commander'
import { stringify } from 'yaml'
import { asking, columns, type DebugApiOptions, debugApiOptions } from './debug-api.ts'
import type { ProxySource } from './explain.ts'
import { meshOfFiles } from './explain-files.ts'
import { liveMesh } from './explain-live.ts'
import { lossOf } from './loss.ts'
import { type Consequence, consequencesOf, type Shares } from './what-if-rows.ts'

interface Options extends DebugApiOptions {
  readonly without: readonly string[]
  readonly cluster?: readonly string[]
  readonly meshConfig?: string
  readonly all?: boolean
  readonly output: 'table' | 'json' | 'yaml'
}

export function register(program: Command): void {
  const [http, name] = debugApiOptions()
  program
    .command('what-if')
    .description('Say where the traffic of every service goes if clusters die, and whether anybody is left to take it')
    .requiredOption('--without <cluster...>', 'the clusters that die')
    .option('--cluster <name=file...>', "files in place of a running control plane: YAML of a cluster's objects")
    .option('--mesh-config <file>', "with files: Istio's MeshConfig as YAML")
    .option('--all', 'services that are not touched, too')
    .addOption(http)
    .addOption(name)
    .addOption(new Option('-o, --output <format>', 'format').choices(['table', 'json', 'yaml']).default('table'))
    .addHelpText('after', help)
    .action((options: Options, command: Command) => asking(() => whatIf(options, command)))
}

const help = `
Examples:
  fairlead what-if --without west
  fairlead what-if --without west --cluster east=east.yaml --cluster west=west.yaml -o json
  fairlead explain client.shop GET http://cart/ --without west      one request, hop by hop

Told from what proxies in the clusters that stay were given, once they have noticed that the endpoints are dead. PODS: ready
pods before and after; what each of the rest gets more if all clients send as much as before. A note says where proxies will
not leave dead endpoints alone.
Exit code: 0 = every service is still served, 1 = no control plane answers, 2 = wrong usage, 3 = somebody's requests fail.`

async function whatIf(options: Options, command: Command): Promise<void> {
  const fail = (message: string): never => command.error(`error: ${message}`, { exitCode: 2 })
  const source: ProxySource = options.cluster
    ? meshOfFiles({ clusters: options.cluster, meshConfig: options.meshConfig }, fail)
    : liveMesh(options)
  const loss = await lossOf(source, options.without, fail)
  const staying = (await source.clusters()).filter((cluster) => !options.without.includes(cluster))
  if (staying.length === 0)
    fail(`--without ${options.without.join(' ')}: no cluster is left from which anything could be sent`)
  const all = consequencesOf(await source.all(), loss, options.without)
  const touched = all.filter(({ touched: own }) => own)
  const shown = options.all ? all : touched
  if (options.output === 'json') console.log(JSON.stringify(shown, undefined, 2))
  else if (options.output === 'yaml') console.log(stringify(JSON.parse(JSON.stringify(shown))).trimEnd())
  else console.log(table(shown, all, options.without))
  if (touched.some(({ unserved }) => unserved > 0)) process.exitCode = 3
}

function table(shown: readonly Consequence[], all: readonly Consequence[], without: readonly string[]): string {
  const rest = all.filter(({ touched }) => !touched).length
  const spare = [...new Set(all.filter(({ losesSpare }) => losesSpare).map(({ service }) => service))]
  const spareLine = spare.length === 0 ? [] : [`Places to go to in need are lost to ${spare.join(', ')}.`]
  const untouched = `${rest} ${rest === 1 ? 'service is' : 'services are'} not touched${rest > 0 && shown.length < all.length ? ' (--all shows them)' : ''}.`
  if (shown.length === 0)
    return [`If ${without.join(' and ')} died, no request would go elsewhere: ${untouched}`, ...spareLine].join('\n')
  const rows = shown.map((row) => [row.service, row.from, tellShares(row.now), tellThen(row), tellPods(row)])
  const notes = shown.flatMap(({ service, from, notes: own }) => own.map((note) => `${service} from ${from}: ${note}`))
  const failing = new Set(shown.filter(({ unserved }) => unserved > 0).map(({ service }) => service))
  return [
    `If ${without.join(' and ')} died:`,
    '',
    columns([['SERVICE', 'FROM', 'NOW', 'THEN', 'PODS'], ...rows]),
    '',
    ...notes.map((note) => `Note: ${note}`),
    ...(failing.size > 0 ? [`Requests fail for ${[...failing].join(', ')}.`] : ['Every service is still served.']),
    untouched,
    ...spareLine,
  ].join('\n')
}

function tellShares(shares: Shares): string {
  const told = Object.entries(shares).filter(([, share]) => share > 0)
  if (told.length === 0) return 'nobody'
  return told.map(([cluster, share]) => `${cluster || 'outside'} ${percent(share)}`).join(', ')
}

function tellThen({ then, unserved }: Consequence): string {
  if (unserved >= 0.9999) return 'nobody: requests fail'
  return unserved > 0 ? `${tellShares(then)}, ${percent(unserved)} fail` : tellShares(then)
}

function tellPods({ pods, touched }: Consequence): string {
  const { now, then } = pods
  if (!touched || now === then || then === 0) return now === then ? String(now) : `${now} → ${then}`
  return `${now} → ${then}, each gets ${(now / then).toFixed(1)} times as much`
}

function percent(share: number): string {
  const value = share * 100
  return `${Math.abs(value - Math.round(value)) < 0.05 ? Math.round(value) : value.toFixed(1)} %`
}
