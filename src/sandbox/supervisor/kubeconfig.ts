// One kubeconfig for all clusters of a sandbox; in a file of the user's, beside what is there already.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parse, stringify } from 'yaml'

interface Named {
  name: string
}

export interface KubeconfigContent {
  apiVersion: 'v1'
  kind: 'Config'
  clusters: (Named & { cluster: object })[]
  users: (Named & { user: object })[]
  contexts: (Named & { context: { cluster: string; user: string; namespace?: string } })[]
  'current-context'?: string
}

const empty: KubeconfigContent = { apiVersion: 'v1', kind: 'Config', clusters: [], users: [], contexts: [] }

/** How to reach one cluster. */
export interface ClusterAccess {
  readonly context: string
  readonly server: string
  /** PEM; '' where the kubeconfig has none. */
  readonly certificateAuthority: string
  /** Other fields of its `cluster`, such as `insecure-skip-tls-verify`. */
  readonly cluster?: object
  /** The `user` part: certificate data or a token. */
  readonly user: object
}

/** A kubeconfig with one context for each cluster, the first of them current. */
export function kubeconfigFor(clusters: readonly ClusterAccess[]): KubeconfigContent {
  const [first] = clusters
  return {
    ...empty,
    clusters: clusters.map(({ context, server, certificateAuthority, cluster }) => ({
      name: context,
      cluster: {
        server,
        ...cluster,
        ...(certificateAuthority && {
          'certificate-authority-data': Buffer.from(certificateAuthority).toString('base64'),
        }),
      },
    })),
    users: clusters.map(({ context, user }) => ({ name: context, user })),
    contexts: clusters.map(({ context }) => ({ name: context, context: { cluster: context, user: context } })),
    ...(first ? { 'current-context': first.context } : {}),
  }
}

export function writeKubeconfig(file: string, content: KubeconfigContent): void {
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, stringify(content), { mode: 0o600 })
  renameSync(draft, file)
}

/** Adds the entries to a file, in place of those of the same names; its current context stays. */
export function mergeKubeconfig(file: string, added: KubeconfigContent): void {
  const before = readKubeconfig(file)
  const merged = withoutEntries(before, added)
  const current = before['current-context'] || added['current-context']
  writeKubeconfig(file, {
    ...merged,
    clusters: [...merged.clusters, ...added.clusters],
    users: [...merged.users, ...added.users],
    contexts: [...merged.contexts, ...added.contexts],
    ...(current ? { 'current-context': current } : {}),
  })
}

/** Takes the entries out of a file again; the file goes when nothing else is in it. */
export function unmergeKubeconfig(file: string, added: KubeconfigContent): void {
  if (!existsSync(file)) return
  const before = readKubeconfig(file)
  const rest = withoutEntries(before, added)
  if (rest.clusters.length + rest.users.length + rest.contexts.length === 0) return rmSync(file, { force: true })
  const { 'current-context': current, ...others } = rest
  const kept = rest.contexts.some((c) => c.name === current)
  writeKubeconfig(file, { ...others, ...(kept && current ? { 'current-context': current } : {}) })
}

function readKubeconfig(file: string): KubeconfigContent {
  if (!existsSync(file)) return empty
  const content = parse(readFileSync(file, 'utf8')) as Partial<KubeconfigContent> | null
  return {
    ...empty,
    ...content,
    clusters: content?.clusters ?? [],
    users: content?.users ?? [],
    contexts: content?.contexts ?? [],
  }
}

function withoutEntries(content: KubeconfigContent, removed: KubeconfigContent): KubeconfigContent {
  const not = <T extends Named>(all: readonly T[], gone: readonly Named[]): T[] =>
    all.filter((entry) => !gone.some((other) => other.name === entry.name))
  return {
    ...content,
    clusters: not(content.clusters, removed.clusters),
    users: not(content.users, removed.users),
    contexts: not(content.contexts, removed.contexts),
  }
}
