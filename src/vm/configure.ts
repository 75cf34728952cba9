// Asks a cluster for what a machine needs to join its mesh, and writes it down.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isNotFound, type KubeClient } from '../clusters/index.ts'
import type { KubeObject } from '../resources/index.ts'
import { type MachineInput, machineFileNames, machineFiles } from './files.ts'

export interface ConfigureOptions
  extends Pick<
    MachineInput,
    | 'group'
    | 'cluster'
    | 'systemNamespace'
    | 'address'
    | 'controlPlaneIp'
    | 'controlPlanePort'
    | 'autoRegister'
    | 'captureDns'
  > {
  readonly client: KubeClient
  /** Life of the token that is made for the machine. */
  readonly tokenSeconds: number
}

const configMaps = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
const namespaces = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }
const accounts = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true }
const networkLabel = 'topology.istio.io/network'
const rootsMap = 'istio-ca-root-cert'

/** What the cluster lacks; the message says what and where. */
export class ConfigureError extends Error {
  override readonly name = 'ConfigureError'
}

/** Makes the files of a machine, with a token. Throws `ConfigureError`, or what the API server answers. */
export async function configureMachine(options: ConfigureOptions): Promise<Record<string, string>> {
  const { client, group, systemNamespace } = options
  const namespace = group.metadata.namespace ?? 'default'
  const account = group.spec?.template.serviceAccount ?? ''
  if (account === '')
    throw new ConfigureError(
      `WorkloadGroup ${namespace}/${group.metadata.name}: spec.template.serviceAccount is needed`,
    )
  const roots = await mapValue(client, namespace, rootsMap, 'root-cert.pem')
  const meshConfig = await mapValue(client, systemNamespace, 'istio', 'mesh')
  const system = await orNothing(client.get(namespaces, systemNamespace))
  const token = await requestToken(client, { namespace, account, seconds: options.tokenSeconds })
  return machineFiles({
    ...options,
    roots,
    meshConfig,
    network: system?.metadata.labels?.[networkLabel] ?? '',
    proof: { token },
  })
}

async function mapValue(client: KubeClient, namespace: string, name: string, key: string): Promise<string> {
  const map = (await orNothing(client.get(configMaps, name, namespace))) as
    | (KubeObject & { data?: Record<string, string> })
    | undefined
  const value = map?.data?.[key]
  if (value !== undefined) return value
  const lacks = map ? `has no key ${key}` : 'is not there'
  throw new ConfigureError(
    `ConfigMap ${namespace}/${name} ${lacks} on ${client.server}: is the cluster part of a mesh?`,
  )
}

/** A token of a service account for the control plane. Throws `ConfigureError` if there is no such account. */
export async function requestToken(
  client: KubeClient,
  { namespace, account, seconds }: { namespace: string; account: string; seconds: number },
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: { name: account, namespace },
    spec: { audiences: ['istio-ca'], expirationSeconds: seconds },
  }
  const found = await orNothing(client.get(accounts, account, namespace))
  if (!found) throw new ConfigureError(`ServiceAccount ${namespace}/${account} is not there on ${client.server}`)
  const answer = await client.request<{ status: { token: string } }>('POST', path, { body })
  return answer.status.token
}

async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

const secretFiles: readonly string[] = [machineFileNames.token, machineFileNames.key]

/** Writes the files; what proves who the machine is can be read by nobody else. Files of another proof are removed. */
export function writeMachineFiles(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true })
  for (const name of Object.values(machineFileNames))
    if (files[name] === undefined) rmSync(join(folder, name), { force: true })
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name)
    const mode = secretFiles.includes(name) ? 0o600 : 0o644
    writeFileSync(path, text, { mode })
    chmodSync(path, mode)
  }
}
