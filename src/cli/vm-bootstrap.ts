// Writes the folder that a machine joins a mesh with.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { isNotFound, KubeClient } from '../clusters/index.ts'
import { formatRef } from '../report/index.ts'
import { checkFile } from '../resources/index.ts'
import { type WorkloadGroup, workloadGroupKind } from '../resources/istio/index.ts'
import { requestCertificate } from '../sandbox/sidecar/index.ts'
import { ConfigureError, configureMachine, machineFileNames, readMachine, writeMachineFiles } from '../vm/index.ts'
import { accessOf, type TargetOptions, VmUsageError, withTarget } from './vm-target.ts'

interface BootstrapOptions extends TargetOptions {
  readonly output: string
  readonly file?: string
  readonly name?: string
  readonly namespace?: string
  readonly xdsPort?: string
  readonly autoregister?: boolean
  readonly captureDns?: boolean
  readonly tokenDuration: string
  readonly certificate?: boolean
}

export function registerBootstrap(vm: Command, attempt: (work: () => Promise<void>) => Promise<void>): void {
  const command = vm
    .command('bootstrap')
    .description('Write the files that a machine joins a mesh with, as istioctl x workload entry configure does')
    .requiredOption('-o, --output <folder>', 'where to write the files; copy the folder to the machine')
    .option('-f, --file <file>', 'file with the WorkloadGroup of the machine; without: --name')
    .option('--name <name>', 'WorkloadGroup on the cluster')
    .option('-n, --namespace <name>', 'its namespace')
  withTarget(command)
    .option('--xds-port <port>', 'port of the control plane there; without: as the mesh configuration says, else 15012')
    .option('--autoregister', 'make a WorkloadEntry whenever the machine connects')
    .option('--capture-dns', "resolve the mesh's names on the machine (Istio's agent does)")
    .option('--token-duration <seconds>', 'life of the token', '3600')
    .option('--certificate', 'a certificate in place of the token, got now from the control plane')
    .action((options: BootstrapOptions) => attempt(() => bootstrap(options)))
}

async function bootstrap(options: BootstrapOptions): Promise<void> {
  const access = accessOf(options)
  const tokenSeconds = wholeNumber('--token-duration', options.tokenDuration)
  const xdsPort = options.xdsPort === undefined ? undefined : wholeNumber('--xds-port', options.xdsPort)
  const client = new KubeClient(access)
  try {
    const group =
      options.file === undefined ? await groupOnCluster(client, options) : groupInFile(options.file, options)
    const controlPlaneIp = options.ingressIp ?? (await ingressAddress(client, options))
    const files = await configureMachine({
      client,
      group,
      cluster: options.clusterId ?? access.context,
      systemNamespace: options.systemNamespace,
      address: options.internalIp,
      controlPlaneIp,
      controlPlanePort: xdsPort,
      autoRegister: options.autoregister ?? false,
      captureDns: options.captureDns ?? false,
      tokenSeconds,
    })
    writeMachineFiles(options.output, options.certificate ? await withCertificate(files) : files)
    tell(options, group, controlPlaneIp)
  } finally {
    client.close()
  }
}

function wholeNumber(flag: string, text: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && number > 0) return number
  throw new VmUsageError(`${flag} ${text}: a whole number above 0 is needed`)
}

const workloadGroups = {
  group: workloadGroupKind.group,
  version: 'v1',
  plural: workloadGroupKind.plural,
  kind: workloadGroupKind.kind,
  namespaced: true,
}

export async function groupOnCluster(
  client: KubeClient,
  { name, namespace = 'default' }: Pick<BootstrapOptions, 'name' | 'namespace'>,
): Promise<WorkloadGroup> {
  if (name === undefined) throw new VmUsageError('which WorkloadGroup? Say --file, or --name and --namespace')
  try {
    return (await client.get(workloadGroups, name, namespace)) as WorkloadGroup
  } catch (error) {
    if (!isNotFound(error)) throw error
    throw new ConfigureError(`WorkloadGroup ${namespace}/${name} is not there on ${client.server}`, { cause: error })
  }
}

/** The group of a file; what is wrong with it is told with its place. */
function groupInFile(file: string, { namespace }: BootstrapOptions): WorkloadGroup {
  let text: string
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new VmUsageError(`${file}: ${(error as Error).message}`, { cause: error })
  }
  const { objects, problems } = checkFile(text, file)
  const wrong = problems.filter(({ severity }) => severity === 'error')
  if (wrong.length > 0) {
    const lines = wrong.map(({ at, object, path, message }) => {
      const place = at === undefined ? file : `${at.file}:${at.line}:${at.column}`
      return `${place}: ${object.kind === '' ? '' : `${formatRef(object)} `}${path}: ${message}`
    })
    throw new VmUsageError(lines.join('\n'))
  }
  // What has other fields than a WorkloadGroup has was refused above.
  const found = objects.find(({ object }) => object.kind === 'WorkloadGroup')?.object as WorkloadGroup | undefined
  if (!found) throw new VmUsageError(`${file} holds no WorkloadGroup`)
  return { ...found, metadata: { ...found.metadata, namespace: found.metadata.namespace ?? namespace ?? 'default' } }
}

const services = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true }

/** Undefined where the Service has no address, or is not there: then the machine's DNS must know the control plane. */
export async function ingressAddress(
  client: KubeClient,
  options: Pick<BootstrapOptions, 'ingressService' | 'systemNamespace'>,
): Promise<string | undefined> {
  const { ingressService, systemNamespace } = options
  try {
    const { spec, status } = (await client.get(services, ingressService, systemNamespace)) as {
      spec?: { externalIPs?: string[] }
      status?: { loadBalancer?: { ingress?: { ip?: string }[] } }
    }
    return status?.loadBalancer?.ingress?.[0]?.ip ?? spec?.externalIPs?.[0]
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** The same files with a certificate that the token was turned in for. */
async function withCertificate(files: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-vm-'))
  try {
    writeMachineFiles(folder, files)
    const machine = readMachine(folder)
    const { chain, key } = await requestCertificate({
      controlPlane: machine.controlPlane,
      roots: files[machineFileNames.roots] ?? '',
      cluster: machine.cluster,
      proof: { token: files[machineFileNames.token] ?? '' },
    })
    const { [machineFileNames.token]: _used, ...others } = files
    return { ...others, [machineFileNames.chain]: chain, [machineFileNames.key]: key }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ConfigureError(`the control plane gave no certificate: ${why}`, { cause: error })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function tell(
  { output, certificate }: BootstrapOptions,
  group: WorkloadGroup,
  controlPlaneIp: string | undefined,
): void {
  const account = `${group.metadata.namespace}/${group.spec?.template.serviceAccount}`
  const proof = certificate ? machineFileNames.key : machineFileNames.token
  console.log(
    `files for a machine of WorkloadGroup ${group.metadata.namespace}/${group.metadata.name} are in ${output}`,
  )
  console.log(`${join(output, proof)} proves to be service account ${account}: keep it as you keep a password`)
  if (controlPlaneIp === undefined)
    console.log("the control plane's address is not known: say --ingress-ip, or let the machine's DNS resolve its name")
  console.log(`copy the folder to the machine; there: fairlead vm run ${output}`)
}
