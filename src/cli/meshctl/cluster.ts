// `meshctl cluster register | deregister | list`. Nothing is installed on a cluster: the control plane needs an account there.
import { type Command, Option } from 'commander'
import { isNotFound, KubeconfigError, registerCluster } from '../../clusters/index.ts'
import { grid } from './grid.ts'
import {
  accessOf,
  attempt,
  Cluster,
  defaultNamespace,
  type ManagementFlags,
  managementFlags,
  withManagement,
} from './management.ts'

interface RegistrationFlags {
  readonly kubeconfig?: string
  readonly mgmtContext?: string
  readonly mgmtKubeconfig?: string
  readonly remoteContext?: string
  readonly mgmtNamespace?: string
  readonly clusterDomain?: string
  readonly apiServerAddress?: string
  readonly clusterName?: string
}

const registrationGroup = 'multicluster.solo.io'

/** Flags of the original that mean nothing here: there is no agent, chart or relay to set up. */
const ignored = [
  '--remote-namespace <name>',
  '--relay-server-address <address>',
  '--cert-agent-chart-file <file>',
  '--cert-agent-chart-values <file>',
  '--agent-crds-chart-file <file>',
  '--enterprise-agent-chart-file <file>',
  '--enterprise-agent-chart-values <file>',
  '--root-ca-secret-name <name>',
  '--root-ca-secret-namespace <name>',
  '--client-cert-secret-name <name>',
  '--client-cert-secret-namespace <name>',
  '--token-secret-name <name>',
  '--token-secret-namespace <name>',
  '--token-secret-key <key>',
]

function registrationFlags(command: Command): Command {
  command
    .option('--kubeconfig <file>', 'kubeconfig by which the cluster is reached')
    .option('--mgmt-context <name>', 'context of the management cluster; without: the current one')
    .option('--mgmt-kubeconfig <file>', 'kubeconfig of the management cluster, if it is another one')
    .option('--remote-context <name>', 'context of the cluster')
    .option('--mgmt-namespace <name>', `namespace of the registration (default: ${defaultNamespace})`)
    .option('--cluster-domain <domain>', 'DNS suffix of the cluster (default: cluster.local)')
    .option('--api-server-address <url>', 'address by which the control plane reaches the cluster')
    .option('--cluster-name <name>', 'name of the cluster, where it is no argument')
    .addOption(new Option('--relay-server-insecure').hideHelp())
  for (const flag of ignored) command.addOption(new Option(flag).hideHelp())
  return command
}

type Action = (name: string, flags: RegistrationFlags) => Promise<void>

/** A command with the two editions of the original as subcommands, which are the same here. */
function withEditions(parent: Command, verb: string, description: string, action: Action): void {
  const run = (name: string | undefined, command: Command): Promise<void> =>
    attempt(command, async () => {
      const flags = command.optsWithGlobals<RegistrationFlags>()
      const cluster = name ?? flags.clusterName
      if (cluster === undefined) throw new KubeconfigError('the name of the cluster is missing')
      await action(cluster, flags)
    })
  const command = registrationFlags(parent.command(verb)).description(description)
  command.action((_flags: RegistrationFlags, self: Command) => run(undefined, self))
  for (const edition of ['community', 'enterprise'])
    registrationFlags(command.command(edition))
      .argument('[name]', 'name of the cluster everywhere')
      .description(`${description} (all editions are the same here)`)
      .action((name: string | undefined, _flags: RegistrationFlags, self: Command) => run(name, self))
}

export function register(program: Command): void {
  const cluster = program
    .command('cluster')
    .description('Interacting with remote Kubernetes clusters registered with Gloo Mesh')
  withEditions(cluster, 'register', 'Register a Kubernetes cluster with Gloo Mesh', add)
  withEditions(cluster, 'deregister', 'Deregister a Kubernetes cluster from Gloo Mesh', remove)
  managementFlags(cluster.command('list'))
    .description('List all Kubernetes clusters registered with Gloo Mesh')
    .action((flags: ManagementFlags, command: Command) => attempt(command, () => list(flags)))
}

const managementOf = ({ mgmtKubeconfig, kubeconfig, mgmtContext }: RegistrationFlags) =>
  accessOf(mgmtKubeconfig ?? kubeconfig, mgmtContext)

async function add(name: string, flags: RegistrationFlags): Promise<void> {
  if (flags.remoteContext === undefined) throw new KubeconfigError('required flag "remote-context" not set')
  console.error('Registering cluster')
  await registerCluster({
    name,
    access: accessOf(flags.kubeconfig, flags.remoteContext),
    management: managementOf(flags),
    registrations: [{ group: registrationGroup, namespace: flags.mgmtNamespace ?? defaultNamespace }],
    ...(flags.clusterDomain !== undefined && { clusterDomain: flags.clusterDomain }),
    ...(flags.apiServerAddress !== undefined && { server: flags.apiServerAddress }),
    report: (step) => console.error(step),
  })
  console.error(`Successfully registered cluster: ${name}`)
}

async function remove(name: string, flags: RegistrationFlags): Promise<void> {
  console.error(`Deregistering cluster: ${name}`)
  const namespace = flags.mgmtNamespace ?? defaultNamespace
  const cluster = new Cluster(managementOf(flags))
  try {
    const type = await cluster.resources.find(registrationGroup, 'KubernetesCluster')
    if (type === undefined) throw new Error(`${cluster.client.server} does not know the kind KubernetesCluster`)
    const found = await cluster.client.get(type, name, namespace).catch((error: unknown) => {
      if (isNotFound(error)) throw new KubeconfigError(`no cluster ${name} is registered in namespace ${namespace}`)
      throw error
    })
    const { secretName } = (found.spec ?? {}) as { secretName?: string }
    await cluster.client.delete(type, name, namespace)
    const secrets = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true }
    await cluster.client.delete(secrets, secretName || name, namespace).catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  } finally {
    cluster.close()
  }
  console.error(`Successfully deregistered cluster: ${name}`)
}

async function list(flags: ManagementFlags): Promise<void> {
  await withManagement(flags, async (cluster) => {
    const found = await cluster.list(registrationGroup, 'KubernetesCluster', flags.namespace ?? defaultNamespace)
    console.log(
      grid(
        ['Cluster', 'Namespace'],
        found.map(({ metadata }) => [metadata.name, metadata.namespace ?? '']),
      ),
    )
  })
}
