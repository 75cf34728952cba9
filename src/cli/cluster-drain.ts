// `fairlead cluster drain | undrain`: takes all traffic from a cluster, with one switch, and gives it back.
import type { Command } from 'commander'
import { defaultAccess, KubeClient, loadAccess } from '../clusters/index.ts'

const drainLabel = 'fairlead.dev/drain'
const systemNamespace = 'istio-system'
const namespaces = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }
/** A field manager of its own: what it does not say any more, the API server takes back. */
const manager = 'fairlead-drain'

interface DrainOptions {
  readonly kubeconfig?: string
  readonly context?: string
}

type Attempt = (command: Command, work: () => Promise<void>) => Promise<void>

export function registerDrain(cluster: Command, attempt: Attempt): void {
  const add = (name: 'drain' | 'undrain', description: string): void => {
    cluster
      .command(name)
      .argument('<name>', 'name of the cluster')
      .description(description)
      .option('--kubeconfig <file>', 'kubeconfig; without: as kubectl finds it')
      .option('--context <name>', 'context of the cluster; without: the one of its name')
      .action((target: string, options: DrainOptions, command: Command) =>
        attempt(command, () => setDrained(target, name === 'drain', options)),
      )
  }
  add(
    'drain',
    `Send its requests to other clusters, where they are served too (label ${drainLabel} on ${systemNamespace})`,
  )
  add('undrain', 'Give a drained cluster its requests back')
}

async function setDrained(name: string, drained: boolean, { kubeconfig, context = name }: DrainOptions): Promise<void> {
  const client = new KubeClient(kubeconfig === undefined ? defaultAccess(context) : loadAccess(kubeconfig, context))
  try {
    const metadata = { name: systemNamespace, ...(drained && { labels: { [drainLabel]: 'true' } }) }
    await client.apply(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata }, { manager, force: true })
  } finally {
    client.close()
  }
  console.log(
    drained
      ? `cluster ${name} is drained: it serves only what nobody else does; undo: fairlead cluster undrain ${name}`
      : `cluster ${name} takes requests again`,
  )
}
