// `fairlead cluster drain | undrain | drains`: takes all requests from a cluster, with one switch, and gives them back.
import { type Command, Option } from 'commander'
import { stringify } from 'yaml'
import {
  ApiResources,
  defaultAccess,
  isNotFound,
  KubeClient,
  loadAccess,
  type ResourceType,
} from '../clusters/index.ts'
import { isPassedOn } from '../discovery/index.ts'
import { type Drain, drainedBy } from '../resources/fairlead/index.ts'
import { columns } from './print.ts'

const drainLabel = 'fairlead.dev/drain'
const systemNamespace = 'istio-system'
const namespaces = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }
/** A field manager of its own: what it does not say any more, the API server takes back. */
const manager = 'fairlead-drain'
/** Name of the Drain that this command writes. */
const ownDrain = 'cluster-drain'

interface DrainOptions {
  readonly kubeconfig?: string
  readonly context?: string
  readonly reason?: string
}

interface ListOptions {
  readonly kubeconfig?: string
  readonly context?: string
  readonly output?: 'json' | 'yaml'
}

type Attempt = (command: Command, work: () => Promise<void>) => Promise<void>

export function registerDrain(cluster: Command, attempt: Attempt): void {
  const add = (name: string, description: string): Command =>
    cluster
      .command(name)
      .argument('<name>', 'name of the cluster')
      .description(description)
      .option('--kubeconfig <file>', 'kubeconfig; without: as kubectl finds it')
      .option('--context <name>', 'context of the cluster; without: the one of its name')
  add('drain', `Send its requests to other clusters, where they are served too (writes a Drain named ${ownDrain})`)
    .option('--reason <text>', 'why, for people')
    .action((target: string, options: DrainOptions, command: Command) =>
      attempt(command, () => withCluster(target, options, drain)),
    )
  add(
    'undrain',
    `Give a drained cluster its requests back (deletes its Drains, removes the label ${drainLabel})`,
  ).action((target: string, options: DrainOptions, command: Command) =>
    attempt(command, () => withCluster(target, options, undrain)),
  )
  cluster
    .command('drains')
    .description('Show what is drained, and by what, as one cluster tells it')
    .option('--kubeconfig <file>', 'kubeconfig; without: as kubectl finds it')
    .option('--context <name>', 'context of the cluster; without: the current one')
    .addOption(new Option('-o, --output <format>', 'machine-readable output').choices(['json', 'yaml']))
    .action((options: ListOptions, command: Command) => attempt(command, () => list(options)))
}

interface Target {
  readonly name: string
  readonly client: KubeClient
  /** Undefined where the kind is not known: no control plane has been there. */
  readonly drains: ResourceType | undefined
}

async function withCluster(
  name: string,
  options: DrainOptions,
  work: (target: Target, options: DrainOptions) => Promise<void>,
): Promise<void> {
  const { kubeconfig, context = name } = options
  const client = new KubeClient(kubeconfig === undefined ? defaultAccess(context) : loadAccess(kubeconfig, context))
  try {
    await work({ name, client, drains: await new ApiResources(client).find('fairlead.dev', 'Drain') }, options)
  } finally {
    client.close()
  }
}

async function drain({ name, client, drains }: Target, { reason }: DrainOptions): Promise<void> {
  if (drains) {
    const object = {
      apiVersion: `fairlead.dev/${drains.version}`,
      kind: 'Drain',
      metadata: { name: ownDrain },
      spec: { clusters: ['.'], ...(reason !== undefined && { reason }) },
    }
    await client.apply(drains, object, { manager, force: true })
  } else await setLabel(client, true)
  console.log(
    `cluster ${name} is drained: it serves only what nobody else does; undo: fairlead cluster undrain ${name}`,
  )
}

/** Undoes every way in which the cluster itself says that it is drained; others' objects for several clusters stay. */
async function undrain({ name, client, drains }: Target): Promise<void> {
  let undone = await setLabel(client, false)
  const found = drains ? ((await client.list(drains)).items as readonly Drain[]) : []
  const others: string[] = []
  for (const object of found) {
    const meant = drainedBy(object, name)
    if (!meant.includes(name)) continue
    if (isPassedOn(object)) others.push(`${object.metadata.name} (of another cluster)`)
    else if (meant.every((each) => each === name) && drains) {
      await client.delete(drains, object.metadata.name)
      undone = true
    } else others.push(object.metadata.name)
  }
  if (others.length > 0)
    throw new Error(`cluster ${name} stays drained: Drain ${others.join(', ')} says so, and not of it alone; edit that`)
  console.log(undone ? `cluster ${name} takes requests again` : `cluster ${name} was not drained; it takes requests`)
}

/** Returns whether that changed anything. */
async function setLabel(client: KubeClient, drained: boolean): Promise<boolean> {
  const before = await isLabelled(client)
  const metadata = { name: systemNamespace, ...(drained && { labels: { [drainLabel]: 'true' } }) }
  await client.apply(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata }, { manager, force: true })
  if (drained) return !before
  // Another manager (kubectl label) may own the label: taking back our own word leaves it there.
  const namespace = await client.get(namespaces, systemNamespace)
  const { [drainLabel]: left, ...labels } = namespace.metadata.labels ?? {}
  if (left !== undefined) await client.update(namespaces, { ...namespace, metadata: { ...namespace.metadata, labels } })
  return before
}

/**
 * Clusters that a cluster says are drained. `own`: how it is called itself; without, what it says of itself is left out.
 */
export async function drainedAsTold(client: KubeClient, own?: string): Promise<readonly string[]> {
  const drains = await new ApiResources(client).find('fairlead.dev', 'Drain')
  const found = drains ? ((await client.list(drains)).items as readonly Drain[]) : []
  const named = found.flatMap((object) => drainedBy(object, own ?? ''))
  const itself = own !== undefined && (await isLabelled(client)) ? [own] : []
  return [...named, ...itself].filter((name) => name !== '')
}

async function isLabelled(client: KubeClient): Promise<boolean> {
  try {
    return (await client.get(namespaces, systemNamespace)).metadata.labels?.[drainLabel] === 'true'
  } catch (error) {
    if (isNotFound(error)) return false
    throw error
  }
}

interface DrainRow {
  readonly by: string
  readonly clusters: readonly string[]
  readonly reason: string
}

async function list({ kubeconfig, context, output }: ListOptions): Promise<void> {
  const client = new KubeClient(kubeconfig === undefined ? defaultAccess(context) : loadAccess(kubeconfig, context))
  try {
    const drains = await new ApiResources(client).find('fairlead.dev', 'Drain')
    const found = drains ? ((await client.list(drains)).items as readonly Drain[]) : []
    const rows = found.map(({ metadata, spec, status }): DrainRow => {
      const clusters = (status as { drained?: readonly string[] } | undefined)?.drained
      return { by: `Drain ${metadata.name}`, clusters: clusters ?? spec?.clusters ?? ['.'], reason: spec?.reason ?? '' }
    })
    if (await isLabelled(client))
      rows.push({ by: `label on namespace ${systemNamespace}`, clusters: ['.'], reason: '' })
    if (output === 'json') console.log(JSON.stringify(rows, null, 2))
    else if (output === 'yaml') console.log(stringify(rows).trimEnd())
    else if (rows.length === 0) console.log('nothing is drained')
    else {
      const lines = rows.map(({ by, clusters, reason }) => [by, clusters.join(','), reason || '-'])
      for (const line of columns([['BY', 'CLUSTERS', 'REASON'], ...lines])) console.log(line)
    }
  } finally {
    client.close()
  }
}
