// `tctl collect`: what one needs to understand a cluster from afar, in a folder and an archive. No Secret is among it.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { ApiError, defaultAccess, KubeClient, loadAccess, type ResourceType } from '../../clusters/index.ts'
import { resourceType } from '../../management/index.ts'
import { allKinds, durationMs, type KubeObject } from '../../resources/index.ts'
import { auditLog, clusterKinds, managementKinds } from '../../resources/tsb/index.ts'
import { attempt, TctlError, UsageError } from './errors.ts'
import type { GlobalOptions } from './session.ts'

interface Options {
  readonly minimal?: boolean
  readonly hostname?: string
  readonly namespace?: string
  readonly until: string
  readonly output: string
  readonly disableArchive?: boolean
  readonly kubeconfig?: string
  readonly context?: string
}

const core = (plural: string, kind: string, namespaced = true): ResourceType => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
})

const kubernetes: readonly ResourceType[] = [
  core('namespaces', 'Namespace', false),
  core('nodes', 'Node', false),
  core('services', 'Service'),
  core('pods', 'Pod'),
  core('events', 'Event'),
  { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true },
  { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', kind: 'EndpointSlice', namespaced: true },
]

export function registerCollect(program: Command): void {
  program
    .command('collect')
    .description('Collect what tells the state of a cluster: objects and their statuses, no Secrets')
    .option('--minimal', "only TSB's own objects")
    .option('--hostname <host>', 'only objects that name this host')
    .option('--namespace <name>', 'only this namespace')
    .option('--until <duration>', 'how long it may take', '1m')
    .option('-o, --output <folder>', 'where to put it', '.')
    .option('--disable-archive', 'leave the folder as it is')
    .option('--kubeconfig <file>', 'kubeconfig of the cluster; without: as kubectl finds it')
    .option('--context <name>', 'context of the cluster; without: the current one')
    .action((options: Options, command: Command) =>
      attempt(command.optsWithGlobals<GlobalOptions>().debug ?? false, () => collect(options)),
    )
}

async function collect(options: Options): Promise<void> {
  const limitMs = durationMs(options.until)
  if (limitMs === undefined) throw new UsageError(`--until ${options.until}: a duration like 30s or 2m is needed`)
  const { kubeconfig, context } = options
  const access = kubeconfig === undefined ? defaultAccess(context) : loadAccess(kubeconfig, context)
  const stamp = new Date().toISOString().replaceAll(/[-:]|\..*/g, '')
  const folder = join(options.output, `tctl-collect-${access.context}-${stamp}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const client = new KubeClient(access, 'tctl-collect')
  const signal = AbortSignal.timeout(limitMs)
  try {
    const own = [...managementKinds, auditLog, ...clusterKinds]
    const types = options.minimal ? own.map(resourceType) : [...kubernetes, ...allKinds.map(resourceType)]
    let count = 0
    for (const type of types) {
      const objects = (await listOf(client, type, signal)).filter((each) => isWanted(each, options))
      if (objects.length === 0) continue
      count += objects.length
      const file = join(folder, `${type.plural}${type.group === '' ? '' : `.${type.group}`}.yaml`)
      writeFileSync(file, objects.map((each) => stringify(each).trimEnd()).join('\n---\n'), { mode: 0o600 })
    }
    console.log(`${count} objects in ${options.disableArchive ? folder : archive(folder)}`)
  } finally {
    client.close()
  }
}

async function listOf(client: KubeClient, type: ResourceType, signal: AbortSignal): Promise<KubeObject[]> {
  if (signal.aborted) throw new TctlError('it took longer than --until; give more time, or --namespace')
  try {
    return (await client.list(type, {}, signal)).items
  } catch (error) {
    // Kinds that the cluster does not know, or does not show to this user, are left out.
    if (error instanceof ApiError && (error.status === 404 || error.status === 403)) return []
    throw error
  }
}

function isWanted(object: KubeObject, { namespace, hostname }: Options): boolean {
  const place = object.metadata.namespace ?? (object.kind === 'Namespace' ? object.metadata.name : undefined)
  if (namespace !== undefined && place !== namespace) return false
  return hostname === undefined || JSON.stringify(object.spec ?? {}).includes(hostname)
}

/** Packs the folder, and takes it away. */
function archive(folder: string): string {
  const file = `${folder}.tar.gz`
  execFileSync('tar', ['-czf', file, '-C', dirname(folder), basename(folder)])
  rmSync(folder, { recursive: true })
  return file
}
