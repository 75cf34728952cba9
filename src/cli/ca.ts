// `fairlead ca list | rotate`: who signs for each cluster, and another authority without a lost request.
import { type Command, Option } from 'commander'
import { stringify } from 'yaml'
import type { AuthorityRow } from '../control-plane/index.ts'
import {
  asking,
  columns,
  DebugApiError,
  type DebugApiOptions,
  debugApiOptions,
  getDebug,
  postDebug,
} from './debug-api.ts'

interface Options extends DebugApiOptions {
  readonly output: 'table' | 'json' | 'yaml'
}

export function register(program: Command): void {
  const [http, name] = debugApiOptions()
  const ca = program.command('ca').description('Certificate authorities of the clusters')
  ca.command('list')
    .description('Who signs for each cluster, and how far a change of that is')
    .addOption(http)
    .addOption(name)
    .addOption(new Option('-o, --output <format>', 'format').choices(['table', 'json', 'yaml']).default('table'))
    .action((options: Options) =>
      asking(async () => {
        const rows = (await getDebug<AuthorityRow[]>(options, '/debug/authorities')) ?? []
        if (options.output === 'json') console.log(JSON.stringify(rows, undefined, 2))
        else if (options.output === 'yaml') console.log(stringify(rows).trimEnd())
        else console.log(table(rows))
      }),
    )
  ca.command('rotate')
    .argument('<cluster>', 'whose root is to be replaced; where clusters share it, it is replaced for all of them')
    .description('Replace the root of a cluster: first trusted, then used, then the old one is dropped')
    .addOption(http)
    .addOption(name)
    .addHelpText(
      'after',
      `
The same without this command: give the Secret another value of the annotation fairlead.dev/rotate, or delete it. A root
that you have given (Secret cacerts) is replaced by changing that Secret. "fairlead ca list" shows how far it is.
Exit code: 0, or 1 if the root is not Fairlead's to replace or the control plane cannot be reached.`,
    )
    .action((cluster: string, options: DebugApiOptions) =>
      asking(async () => {
        const path = `/debug/authorities/${encodeURIComponent(cluster)}/rotate`
        const done = await postDebug<{ clusters: readonly string[] }>(options, path)
        if (!done)
          throw new DebugApiError(`the control plane does not sign for a cluster ${cluster}; see: fairlead ca list`)
        console.log(`a new root is announced to: ${done.clusters.join(', ')}`)
      }),
    )
}

function table(rows: readonly AuthorityRow[]): string {
  if (rows.length === 0) return 'The control plane signs for no cluster.'
  const short = (fingerprint: string): string => fingerprint.slice(0, 12)
  const lines = rows.map((row) => [
    row.cluster,
    row.trustDomain,
    row.source,
    short(row.root.fingerprint),
    row.root.expires.slice(0, 10),
    short(row.signer.fingerprint),
    row.signer.expires.slice(0, 10),
    row.announced ? `to ${short(row.announced.fingerprint)}` : row.changing ? 'certificates' : '-',
    row.retired.map((one) => `${short(one.fingerprint)} until ${one.until.slice(0, 19)}Z`).join(', ') || '-',
  ])
  const heads = [
    'CLUSTER',
    'TRUST DOMAIN',
    'ROOT FROM',
    'ROOT',
    'EXPIRES',
    'SIGNER',
    'EXPIRES',
    'CHANGING',
    'ALSO TRUSTED',
  ]
  return columns([heads, ...lines])
}
