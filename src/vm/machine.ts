// The files on the machine → who it is, and where its control plane is.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { ReadinessProbe } from '../resources/istio/index.ts'
import { parseEnvFile } from './env-file.ts'
import { machineFileNames } from './files.ts'

/** A machine as its files describe it. */
export interface Machine {
  readonly name: string
  readonly namespace: string
  readonly serviceAccount: string
  readonly labels: Readonly<Record<string, string>>
  /** Names of clusters and networks as the mesh knows them; '' = none said. */
  readonly cluster: string
  readonly network: string
  /** As the mesh is to know it; undefined = the machine's own first address. */
  readonly address: string | undefined
  /** Ports that its programs serve; empty = not said. */
  readonly ports: readonly number[]
  /** `host:port`, with the address that file `hosts` gives the name. */
  readonly controlPlane: string
  /** WorkloadGroup that its entry is made from when it connects; '' = none. */
  readonly autoRegisterGroup: string
  /** How to tell whether its program is well. */
  readonly probe: ReadinessProbe | undefined
  readonly metadata: Readonly<Record<string, string>>
  readonly files: { readonly roots: string; readonly token: string; readonly chain: string; readonly key: string }
}

/** Files that a machine cannot be started from; the message names file and reason. */
export class MachineFilesError extends Error {
  override readonly name = 'MachineFilesError'
}

/** Reads the folder that `fairlead vm bootstrap` (or istioctl) has written. Throws `MachineFilesError`. */
export function readMachine(folder: string): Machine {
  const at = (name: string): string => join(folder, name)
  const names = machineFileNames
  const read = (name: string): string => {
    try {
      return readFileSync(at(name), 'utf8')
    } catch (error) {
      throw new MachineFilesError(`${at(name)}: ${(error as Error).message}`, { cause: error })
    }
  }
  const environment = parseEnvFile(read(names.environment))
  const config = defaultConfig(at(names.mesh), read(names.mesh))
  const said = (name: string): string => environment[name] ?? config.proxyMetadata?.[name] ?? ''
  if (!existsSync(at(names.token)) && !existsSync(at(names.chain)))
    throw new MachineFilesError(
      `${folder}: neither ${names.token} nor ${names.chain} is there to prove who the machine is`,
    )
  const [name = ''] = said('ISTIO_SERVICE').split('.')
  const controlPlane = said('CA_ADDR') || config.discoveryAddress || ''
  if (!/:\d+$/.test(controlPlane))
    throw new MachineFilesError(`${at(names.mesh)}: defaultConfig.discoveryAddress is not host:port`)
  return {
    name: said('ISTIO_META_WORKLOAD_NAME') || name,
    namespace: said('POD_NAMESPACE') || said('ISTIO_NAMESPACE') || 'default',
    serviceAccount: said('SERVICE_ACCOUNT') || 'default',
    labels: parseLabels(at(names.environment), said('ISTIO_METAJSON_LABELS')),
    cluster: said('ISTIO_META_CLUSTER_ID'),
    network: said('ISTIO_META_NETWORK'),
    address: said('ISTIO_SVC_IP') || undefined,
    ports: said('ISTIO_INBOUND_PORTS')
      .split(',')
      .map(Number)
      .filter((port) => Number.isInteger(port) && port > 0),
    controlPlane: resolved(controlPlane, existsSync(at(names.hosts)) ? read(names.hosts) : ''),
    autoRegisterGroup: said('ISTIO_META_AUTO_REGISTER_GROUP'),
    probe: config.readinessProbe,
    metadata: metadataOf({ ...config.proxyMetadata, ...environment }),
    files: { roots: at(names.roots), token: at(names.token), chain: at(names.chain), key: at(names.key) },
  }
}

interface DefaultConfig {
  readonly discoveryAddress?: string
  readonly proxyMetadata?: Readonly<Record<string, string>>
  readonly readinessProbe?: ReadinessProbe
}

function defaultConfig(file: string, text: string): DefaultConfig {
  try {
    const content = parse(text) as { defaultConfig?: DefaultConfig } | null
    return content?.defaultConfig ?? {}
  } catch (error) {
    throw new MachineFilesError(`${file}: ${(error as Error).message}`, { cause: error })
  }
}

function parseLabels(file: string, text: string): Record<string, string> {
  if (text === '') return {}
  try {
    return JSON.parse(text) as Record<string, string>
  } catch (error) {
    throw new MachineFilesError(`${file}: ISTIO_METAJSON_LABELS: ${(error as Error).message}`, { cause: error })
  }
}

/** Variables `ISTIO_META_X` are node metadata `X`, as Istio's agent reads them. */
function metadataOf(values: Readonly<Record<string, string>>): Record<string, string> {
  const prefix = 'ISTIO_META_'
  const own = Object.entries(values).filter(([name, value]) => name.startsWith(prefix) && value !== '')
  return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value]))
}

/** The name's address as file `hosts` has it; else the name. */
function resolved(address: string, hosts: string): string {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? []
  const entries = hosts.split('\n').map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
  const found = entries.find(([, ...names]) => names.includes(host))?.[0]
  return `${found ?? host}:${port}`
}
