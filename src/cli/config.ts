// `fairlead config PROXY`: what a proxy was given, each resource with the objects that it comes from.
import { Argument, type Command, Option } from 'commander'
import { stringify } from 'yaml'
import type { ConfigurationKind, GivenResource, ProxyConfiguration } from '../control-plane/index.ts'
import { asking, columns, DebugApiError, type DebugApiOptions, debugApiOptions, getDebug } from './debug-api.ts'

interface Options extends DebugApiOptions {
  readonly output: 'table' | 'json' | 'yaml'
  readonly match?: string
}

const kinds: readonly ConfigurationKind[] = ['listeners', 'routes', 'clusters', 'endpoints', 'secrets']

export function register(program: Command): void {
  const [http, name] = debugApiOptions()
  program
    .command('config')
    .description('What a proxy was given, each resource with the objects that it comes from')
    .argument(
      '<proxy>',
      'pod or deployment, with .namespace if several have the name; CLUSTER/… if several clusters have it',
    )
    .addArgument(new Argument('[kind]', 'only these resources').choices(kinds))
    .option('--match <text>', 'only resources whose name contains this')
    .addOption(http)
    .addOption(name)
    .addOption(new Option('-o, --output <format>', 'format').choices(['table', 'json', 'yaml']).default('table'))
    .addHelpText(
      'after',
      `
Private keys are never shown. Exit code: 0, or 1 if no such proxy is connected or the control plane cannot be reached.`,
    )
    .action((proxy: string, kind: ConfigurationKind | undefined, options: Options) =>
      asking(async () => {
        const query = kind === undefined ? '' : `?only=${kind}`
        const path = `/debug/config/${proxy.split('/').map(encodeURIComponent).join('/')}${query}`
        const found = await getDebug<ProxyConfiguration>(options, path)
        if (!found) throw new DebugApiError(`proxy ${proxy} is not connected; see: fairlead proxies`)
        const shown = kind === undefined ? kinds : [kind]
        const config = narrowed(found, shown, options.match)
        if (options.output === 'json') console.log(JSON.stringify(config, undefined, 2))
        else if (options.output === 'yaml') console.log(stringify(config).trimEnd())
        else console.log(table(config, shown))
      }),
    )
}

function narrowed(
  config: ProxyConfiguration,
  shown: readonly ConfigurationKind[],
  match: string | undefined,
): Partial<ProxyConfiguration> {
  const { proxy, cluster, nodeId } = config
  const lists = shown.map((kind): [ConfigurationKind, readonly GivenResource[]] => [
    kind,
    config[kind].filter(({ name }) => match === undefined || name.includes(match)),
  ])
  return { proxy, cluster, nodeId, ...Object.fromEntries(lists) }
}

function table(config: Partial<ProxyConfiguration>, shown: readonly ConfigurationKind[]): string {
  const parts = shown.map((kind) => {
    const rows = (config[kind] ?? []).map((resource) => [
      resource.name,
      summary[kind](resource.resource),
      origins(resource.origin),
    ])
    return columns([[kind.toUpperCase(), headings[kind], 'FROM'], ...rows])
  })
  return [`${config.proxy ?? ''} in cluster ${config.cluster ?? ''}`, ...parts].join('\n\n')
}

function origins(origin: readonly string[]): string {
  const distinct = [...new Set(origin)]
  return distinct.length > 3
    ? `${distinct.slice(0, 3).join(', ')} and ${distinct.length - 3} more`
    : distinct.join(', ')
}

type Json = Readonly<Record<string, unknown>>

const headings: Readonly<Record<ConfigurationKind, string>> = {
  listeners: 'ADDRESS',
  routes: 'VIRTUAL HOSTS',
  clusters: 'TYPE',
  endpoints: 'ADDRESSES',
  secrets: 'CONTENT',
}

/** What the table says of a resource in few words. */
const summary: Readonly<Record<ConfigurationKind, (resource: unknown) => string>> = {
  listeners: (resource) => socketAddress((resource as Json)['address']),
  routes: (resource) => String(listOf(resource, 'virtualHosts').length),
  clusters: (resource) => {
    const { type, clusterType } = resource as { type?: string; clusterType?: { name?: string } }
    return type ?? clusterType?.name ?? 'STATIC'
  },
  endpoints: (resource) => {
    const all = listOf(resource, 'endpoints').flatMap((group) => listOf(group, 'lbEndpoints'))
    const healthy = all.filter((each) => ((each as Json)['healthStatus'] ?? 'HEALTHY') === 'HEALTHY')
    return `${healthy.length}/${all.length} healthy`
  },
  secrets: (resource) => ('tlsCertificate' in (resource as Json) ? 'certificate and key' : 'trusted roots'),
}

function listOf(value: unknown, key: string): readonly unknown[] {
  const list = (value as Json)[key]
  return Array.isArray(list) ? list : []
}

function socketAddress(address: unknown): string {
  const { socketAddress: socket } = (address ?? {}) as { socketAddress?: { address?: string; portValue?: number } }
  return socket ? `${socket.address}:${socket.portValue}` : 'internal'
}
