// The configuration of tctl itself: clusters (management planes), users, and profiles that join one of each.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { parse, stringify } from 'yaml'
import { TctlError } from './errors.ts'

export interface ClusterEntry {
  readonly name: string
  /** HOST:PORT of the management API. */
  readonly bridgeAddress?: string
  /** The server's certificate is not checked. */
  readonly tlsInsecure?: boolean
  /** No TLS at all. */
  readonly tlsDisabled?: boolean
  /** Instead of an address: a kubeconfig, with access to the management cluster itself. */
  readonly kubeconfig?: string
  readonly context?: string
}

export interface UserEntry {
  readonly name: string
  readonly username?: string
  readonly password?: string
  readonly token?: string
  readonly org?: string
  readonly tenant?: string
}

export interface ProfileEntry {
  readonly name: string
  readonly cluster?: string
  readonly username?: string
}

export interface TctlConfig {
  readonly currentProfile: string
  readonly clusters: readonly ClusterEntry[]
  readonly users: readonly UserEntry[]
  readonly profiles: readonly ProfileEntry[]
}

const empty: TctlConfig = { currentProfile: 'default', clusters: [], users: [], profiles: [] }

/** Where the configuration is. */
export function configPath(flag: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  return flag ?? env['TCTL_CONFIG'] ?? join(homedir(), '.tctl', 'tctl_config')
}

/** Reads a configuration; an empty one if there is none. Throws TctlError if it cannot be read. */
export function readConfig(path: string): TctlConfig {
  if (!existsSync(path)) return empty
  try {
    const read = parse(readFileSync(path, 'utf8')) as Partial<TctlConfig> | null
    return { ...empty, ...read }
  } catch (cause) {
    throw new TctlError(`${path}: ${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}`, { cause })
  }
}

/** Writes a configuration; only its owner can read it, for it may hold a password. */
export function writeConfig(path: string, config: TctlConfig): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, stringify(config), { mode: 0o600 })
  chmodSync(path, 0o600)
}

/** The list with the entry of this name replaced, or added. */
export function withEntry<T extends { readonly name: string }>(list: readonly T[], entry: T): T[] {
  const others = list.filter(({ name }) => name !== entry.name)
  return [...others, entry].sort((a, b) => (a.name < b.name ? -1 : 1))
}
