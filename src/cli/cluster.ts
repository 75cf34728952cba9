// `fairlead cluster add | list | remove`: registration, by the objects that Service Mesh Hub and Gloo Mesh use.
import { type Command, Option } from 'commander'
import { stringify } from 'yaml'
import {
  type Access,
  ApiError,
  ApiResources,
  defaultAccess,
  isNotFound,
  KubeClient,
  KubeconfigError,
  loadAccess,
  registerCluster,
  standardRegistrations,
  UnreachableError,
} from '../clusters/index.ts'
import { registerDrain } from './cluster-drain.ts'
import { clusterTable, listClusters, registrationsOf } from './cluster-list.ts'

interface ManagementOptions {
  readonly kubeconfig?: string
  readonly managementContext?: string
  readonly managementKubeconfig?: string
  readonly output?: 'json' | 'yaml'
}

interface AddOptions extends ManagementOptions {
  readonly context?: string
  readonly apiServer?: string
  readonly namespace?: string
}

const secrets = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true }

export function register(program: Command): void {
  const cluster = program.command('cluster').description('Register clusters with the control plane')
  const withManagement = (command: Command): Command =>
    command
      .option('--kubeconfig <file>', 'kubeconfig; without: as kubectl finds it')
      .option('--management-context <name>', 'context of the management cluster; without: the current one')
      .option('--management-kubeconfig <file>', 'kubeconfig of the management cluster, if it is another one')
      .addOption(new Option('-o, --output <format>', 'machine-readable output').choices(['json', 'yaml']))
  withManagement(cluster.command('add'))
    .argument('<name>', 'name of the cluster everywhere: in policies, selectors and generated names')
    .description('Create an account on a cluster and register the cluster')
    .option('--context <name>', 'context of the cluster; without: the current one')
    .option(
      '--api-server <url>',
      'address by which the control plane reaches the cluster, if not that of the kubeconfig',
    )
    .option('--namespace <name>', 'namespace of the registrations; without: service-mesh-hub and gloo-mesh')
    .action((name: string, options: AddOptions, command: Command) => attempt(command, () => add(name, options)))
  withManagement(cluster.command('list'))
    .description('Show the clusters that are registered, or joined by remote secrets of Istio')
    .action((options: ManagementOptions, command: Command) =>
      attempt(command, async () => {
        const found = await listClusters(managementOf(options))
        print(options.output, found, () => clusterTable(found))
      }),
    )
  withManagement(cluster.command('remove'))
    .argument('<name>', 'name of the cluster')
    .description('Remove a registration; the control plane then removes what it wrote to the cluster')
    .action((name: string, options: ManagementOptions, command: Command) =>
      attempt(command, () => remove(name, options)),
    )
  registerDrain(cluster, attempt)
  cluster
    .command('accept')
    .argument('<name>', 'name of the cluster')
    .description('Believe a cluster that lost most of its endpoints in one step (they are held back for five minutes)')
    .option('--server <url>', 'debug address of fairlead serve (its flag --http)', 'http://127.0.0.1:15014')
    .action((name: string, options: { server: string }, command: Command) =>
      attempt(command, () => accept(name, options)),
    )
}

async function add(name: string, options: AddOptions): Promise<void> {
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name) || name.length > 63)
    throw new KubeconfigError(`${name}: a cluster's name is lower case letters, digits, - and ., at most 63`)
  const access = accessOf(options.kubeconfig, options.context)
  const server = options.apiServer ?? access.server
  if (options.output === undefined && /\/\/(127\.|localhost|\[::1\])/.test(server))
    console.error(`${server} is an address of this machine: the control plane must run here too (else: --api-server)`)
  const registrations = standardRegistrations.map(({ group, namespace }) => ({
    group,
    namespace: options.namespace ?? namespace,
  }))
  await registerCluster({
    name,
    access,
    management: managementOf(options),
    registrations,
    ...(options.apiServer && { server: options.apiServer }),
    report: (step) => console.error(step),
  })
  const registered = { name, namespaces: [...new Set(registrations.map(({ namespace }) => namespace))], server }
  print(options.output, registered, () => [`cluster ${name} is registered`])
}

async function remove(name: string, options: ManagementOptions): Promise<void> {
  const client = new KubeClient(managementOf(options))
  try {
    const resources = new ApiResources(client)
    const found = (await registrationsOf(client)).filter((object) => object.metadata.name === name)
    if (found.length === 0) throw new KubeconfigError(`no cluster ${name} is registered; see fairlead cluster list`)
    for (const object of found) {
      const { namespace = '', uid } = object.metadata
      const type = await resources.find(object.apiVersion.split('/')[0] ?? '', object.kind)
      if (type) await client.delete(type, name, namespace, uid)
      const { secretRef, secretName } = (object.spec ?? {}) as { secretRef?: { name?: string }; secretName?: string }
      await removeSecret(client, secretRef?.name || secretName || name, namespace)
    }
    print(options.output, { name, removed: true }, () => [
      `cluster ${name} is removed; what was written there is taken back by the control plane`,
      'its account stays: kubectl delete namespace fairlead-system; kubectl delete clusterrole,clusterrolebinding fairlead',
    ])
  } finally {
    client.close()
  }
}

async function accept(name: string, { server }: { server: string }): Promise<void> {
  const url = `${server.replace(/\/$/, '')}/debug/clusters/${encodeURIComponent(name)}/accept`
  const answer = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(10_000) })
  const { error } = (await answer.json()) as { error?: string } // As `control-plane/http.ts` answers.
  if (error !== undefined) throw new Error(error)
  console.log(`cluster ${name} is believed`)
}

async function removeSecret(client: KubeClient, name: string, namespace: string): Promise<void> {
  try {
    await client.delete(secrets, name, namespace)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

function accessOf(kubeconfig: string | undefined, context: string | undefined): Access {
  return kubeconfig === undefined ? defaultAccess(context) : loadAccess(kubeconfig, context)
}

function managementOf(options: ManagementOptions): Access {
  return accessOf(options.managementKubeconfig ?? options.kubeconfig, options.managementContext)
}

function print(output: 'json' | 'yaml' | undefined, value: unknown, lines: () => readonly string[]): void {
  if (output === 'json') console.log(JSON.stringify(value, undefined, 2))
  else if (output === 'yaml') console.log(stringify(value).trimEnd())
  else for (const line of lines()) console.log(line)
}

/** What the user did wrong is exit code 2, what failed 1; both without a stack trace. */
async function attempt(command: Command, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const known = error instanceof ApiError || error instanceof UnreachableError || error instanceof KubeconfigError
    if (!(error instanceof Error) || (!known && error.constructor !== Error)) throw error
    command.error(`error: ${error.message}`, { exitCode: error instanceof KubeconfigError ? 2 : 1 })
  }
}
