// Which management plane a command talks to, and as whom.
import { readdirSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { type Access, defaultAccess, homeDirectory, KubeClient, loadAccess } from '../../clusters/index.ts'
import {
  apiFor,
  KubeStore,
  Management,
  type ManagementApi,
  type RemoteOptions,
  remoteApi,
  remoteVersion,
} from '../../management/index.ts'
import { order, readLock, type SandboxStatus, sandboxDirectory } from '../../sandbox/index.ts'
import { type ClusterEntry, configPath, readConfig, type TctlConfig, type UserEntry } from './config-file.ts'
import { TctlError } from './errors.ts'

/** Flags of every command. */
export interface GlobalOptions {
  readonly config?: string
  readonly profile?: string
  readonly debug?: boolean
}

/** An open connection; `close` it. */
export interface Session {
  readonly api: ManagementApi
  /** Organization and tenant of the profile; "" if it names none. */
  readonly org: string
  readonly tenant: string
  /** Version of the management plane. Rejects if it does not answer. */
  version(): Promise<string>
  close(): void
}

/** Opens what the profile names: without one, the sandbox that is up, else the cluster that kubectl would take. */
export async function openSession(command: Command): Promise<Session> {
  const options = command.optsWithGlobals<GlobalOptions>()
  const config = readConfig(configPath(options.config))
  const { cluster, user } = profileOf(config, options.profile)
  const defaults = { org: user?.org ?? '', tenant: user?.tenant ?? '' }
  if (cluster?.bridgeAddress !== undefined && cluster.kubeconfig === undefined)
    return { ...openRemote(remoteOptions(cluster, user)), ...defaults }
  const access =
    cluster?.kubeconfig === undefined
      ? await accessWithoutProfile(cluster?.context)
      : loadAccess(cluster.kubeconfig, cluster.context)
  return { ...openLocal(access, user?.username ?? userInfo().username), ...defaults }
}

type Connection = Pick<Session, 'api' | 'version' | 'close'>

function openRemote(options: RemoteOptions): Connection {
  return { api: remoteApi(options), version: () => remoteVersion(options), close: () => {} }
}

/** How to reach a management API, and as whom. */
export function remoteOptions(
  { bridgeAddress = '', tlsInsecure, tlsDisabled }: ClusterEntry,
  user: UserEntry | undefined,
): RemoteOptions {
  const tls = tlsDisabled ? 'none' : tlsInsecure ? 'insecure' : 'verified'
  return { address: bridgeAddress, tls, username: user?.username, password: user?.password, token: user?.token }
}

/** Who can write to the management cluster itself is judged by Kubernetes. */
function openLocal(access: Access, name: string): Connection {
  const client = new KubeClient(access, 'tctl')
  const store = new KubeStore(client)
  const management = new Management({ store, audit: store.audit(), now: Date.now })
  return {
    api: apiFor(management, { name, isPlatform: true, subjects: [] }),
    version: async () => {
      const { gitVersion } = await client.request<{ gitVersion: string }>('GET', '/version')
      return `${ownVersion()} on Kubernetes ${gitVersion.replace(/^v/, '')}`
    },
    close: () => client.close(),
  }
}

/** The version of this package. */
export function ownVersion(): string {
  const file = new URL('../../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

export function profileOf(config: TctlConfig, flag: string | undefined) {
  const name = flag ?? config.currentProfile
  const profile = config.profiles.find((each) => each.name === name)
  if (profile === undefined && flag !== undefined)
    throw new TctlError(`there is no profile ${flag}; see: tctl config profiles list`)
  const cluster = config.clusters.find((each) => each.name === profile?.cluster)
  if (profile?.cluster !== undefined && cluster === undefined)
    throw new TctlError(
      `profile ${name} names cluster ${profile.cluster}, which is not configured; see: tctl config clusters set`,
    )
  const user: UserEntry | undefined = config.users.find((each) => each.name === profile?.username)
  return { name, cluster, user }
}

async function accessWithoutProfile(context: string | undefined): Promise<Access> {
  const [sandbox, ...others] = sandboxesUp()
  if (sandbox === undefined || others.length > 0) return defaultAccess(context)
  const { clusters } = await order<SandboxStatus>(sandbox.socket, 'status')
  const home = clusters.find(({ management }) => management) ?? clusters[0]
  return loadAccess(join(sandboxDirectory(sandbox.name), 'kubeconfig'), context ?? home?.context)
}

function sandboxesUp(): { name: string; socket: string }[] {
  let names: string[]
  try {
    names = readdirSync(join(homeDirectory(), 'sandboxes'))
  } catch {
    return []
  }
  return names.flatMap((name) => {
    const lock = readLock(sandboxDirectory(name))
    return lock === undefined ? [] : [{ name, socket: lock.socket }]
  })
}
