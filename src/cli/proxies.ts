// `fairlead proxies`: who is connected to the control plane, and how far each is.
import { type Command, Option } from 'commander'
import { stringify } from 'yaml'
import type { ProxyRow } from '../control-plane/index.ts'
import { asking, columns, type DebugApiOptions, debugApiOptions, getDebug } from './debug-api.ts'

interface Options extends DebugApiOptions {
  readonly output: 'table' | 'json' | 'yaml'
}

export function register(program: Command): void {
  const [http, name] = debugApiOptions()
  program
    .command('proxies')
    .description('Connected proxies: in sync, behind, or refusing what they are given')
    .addOption(http)
    .addOption(name)
    .addOption(new Option('-o, --output <format>', 'format').choices(['table', 'json', 'yaml']).default('table'))
    .addHelpText(
      'after',
      `
SYNCED: the proxy has taken all that it was sent.  STALE: it has not answered yet.  NACK: it refuses something.
CERT: how long the certificate that it shows others is still good; it is renewed half-way.
Exit code: 0, or 1 if the control plane cannot be reached.`,
    )
    .action((options: Options) =>
      asking(async () => {
        const rows = (await getDebug<ProxyRow[]>(options, '/debug/proxies')) ?? []
        if (options.output === 'json') console.log(JSON.stringify(rows, undefined, 2))
        else if (options.output === 'yaml') console.log(stringify(rows).trimEnd())
        else console.log(table(rows))
      }),
    )
}

const types = ['CDS', 'LDS', 'EDS', 'RDS', 'SDS']

/** The types of columns: virtual hosts too where some proxy asks for them. */
const shownTypes = (rows: readonly ProxyRow[]): readonly string[] =>
  rows.some(({ sync }) => sync['VHDS']) ? [...types, 'VHDS'] : types

/** For how long a certificate is still good, in its largest unit. */
function lifeLeft(expires: string): string {
  if (expires === '') return '-'
  const seconds = Math.floor((Date.parse(expires) - Date.now()) / 1000)
  if (seconds <= 0) return 'EXPIRED'
  if (seconds < 120) return `${seconds}s`
  return seconds < 7200 ? `${Math.floor(seconds / 60)}m` : `${Math.floor(seconds / 3600)}h`
}

function table(rows: readonly ProxyRow[]): string {
  if (rows.length === 0) return 'No proxy is connected.'
  const shown = shownTypes(rows)
  const lines = rows.map((row) => [
    row.proxy,
    row.cluster,
    ...shown.map((type) => row.sync[type]?.state ?? '-'),
    row.protocol,
    lifeLeft(row.certificateExpires),
    row.identity || '(not proved)',
  ])
  const refusals = rows.flatMap((row) =>
    Object.entries(row.sync).flatMap(([type, { refused }]) =>
      refused.map(({ name, detail }) => `${row.proxy} refuses ${type} ${name}: ${detail}`),
    ),
  )
  const grid = columns([['PROXY', 'CLUSTER', ...shown, 'PROTOCOL', 'CERT', 'IDENTITY'], ...lines])
  return refusals.length === 0 ? grid : `${grid}\n\n${refusals.join('\n')}`
}
