// What ads serves: the views of the mesh, and each proxy's own secrets.
import {
  type EncodedResource,
  type ProxyNode,
  type ProxyResources,
  type RefusedResource,
  type ResourceChange,
  type ResourceList,
  type ResourceSource,
  type ResourceVersion,
  typeUrls,
} from '../../ads/index.ts'
import {
  type CertificateAuthority,
  certificateSecret,
  formatSpiffeId,
  parseSpiffeId,
  rootsSecret,
  secretNames,
  WorkloadCertificates,
} from '../../identity/index.ts'
import { AgentConfigs, agentConfigName } from './agent-config.ts'
import type { Key } from './backend.ts'
import { ProxyRefusals } from './proxy-refusals.ts'
import type { Rejections } from './rejections.ts'
import type { Views } from './views.ts'
import { XdsResource } from './xds-resource.ts'

/** Where a proxy is, as the control plane names it. */
export interface Placed<P> {
  readonly primary: string
  readonly proxy: P
}

export interface SourceOptions<P, L extends Key, R extends Key> {
  readonly views: Views<P, L, R>
  /** The proxy that a node describes. Throws a StreamError if it describes none. */
  readonly place: (node: ProxyNode) => Placed<P>
  readonly authority: CertificateAuthority
  readonly rejections: Rejections
  /** Told who comes and goes. */
  readonly sessions?: ProxySessions | undefined
  /** Nodes of connected proxies that have asked for a resource and not acknowledged its newest state yet. */
  readonly waitingFor: (typeUrl: string, name: string) => readonly ProxyNode[]
  /** Whether a proxy is one of a pod that exists. */
  readonly hasPod: (node: ProxyNode, cluster: string) => boolean
  /** Told when a proxy has acknowledged all secrets that it was sent. */
  readonly acknowledged: () => void
  readonly now: () => number
  readonly log: (event: string, detail: Readonly<Record<string, unknown>>) => void
}

/** Follows connections of proxies, and what they tell of themselves. */
export interface ProxySessions {
  connected(node: ProxyNode, cluster: string): void
  gone(node: ProxyNode, cluster: string): void
  /** `problem` undefined: all is well. */
  reported(node: ProxyNode, cluster: string, problem: string | undefined): void
}

interface Connected {
  readonly node: ProxyNode
  readonly primary: string
  readonly resources: ProxyResources
  readonly changed: (change: ResourceChange) => void
  readonly isPod: boolean
  readonly refusals: ProxyRefusals
}

/** A proxy that has gone, and perhaps only for a moment. */
interface Gone {
  readonly node: ProxyNode
  readonly at: number
  readonly isPod: boolean
  /** Version of the roots that it had taken. */
  readonly roots: string | undefined
}

/** Proxies that have gone for no longer than this may still serve with what they had. */
const graceMs = 30_000

export class XdsSource<P, L extends Key, R extends Key> implements ResourceSource {
  readonly #options: SourceOptions<P, L, R>
  readonly #certificates: WorkloadCertificates
  readonly #connected = new Map<string, Set<Connected>>()
  readonly #byNode = new Map<ProxyNode, Connected>()
  /** By cluster and node id. */
  readonly #gone = new Map<string, Map<string, Gone>>()
  /** Versions of the roots that proxies have acknowledged, by holder. */
  readonly #rootsTaken = new Map<string, string>()
  readonly #secrets = new Map<string, EncodedResource>()
  readonly #agentConfigs = new AgentConfigs()

  constructor(options: SourceOptions<P, L, R>) {
    this.#options = options
    const { authority } = options
    this.#certificates = new WorkloadCertificates({
      authority,
      timers: { now: options.now, after: afterTimeout },
      renewed: (holder) => this.#tellHolder(holder),
      log: options.log,
    })
    authority.onChange((cluster) => this.#tellCluster(cluster))
  }

  /** Makes what a proxy needs before it is served: its certificate, if it has proved who it is. */
  async prepare(node: ProxyNode): Promise<void> {
    const id = node.identity === undefined ? undefined : parseSpiffeId(node.identity)
    if (!id) return
    const { primary } = this.#options.place(node)
    const holder = holderOf(node)
    if (this.#certificates.get(holder)) return
    await this.#certificates.prepare(holder, primary, id)
    // It may go away before it is served.
    afterTimeout(graceMs, () => {
      if (!this.#connected.has(holder)) this.#certificates.release(holder)
    })
  }

  connect(node: ProxyNode, changed: (change: ResourceChange) => void): { resources: ProxyResources; close(): void } {
    const { primary, proxy } = this.#options.place(node)
    const mesh = this.#options.views.connect(primary, proxy, (change) => {
      this.#byNode.get(node)?.refusals.mayHaveChanged(change)
      changed(change)
    })
    const given = this.#withSecrets(node, primary, mesh.resources)
    const refusals = new ProxyRefusals({ node, cluster: primary, given, changed, rejections: this.#options.rejections })
    const { resources } = refusals
    const isPod = this.#options.hasPod(node, primary)
    const connected: Connected = { node, primary, resources, changed, isPod, refusals }
    this.#byNode.set(node, connected)
    const holder = holderOf(node)
    const siblings = this.#connected.get(holder) ?? new Set()
    this.#connected.set(holder, siblings.add(connected))
    this.#gone.get(primary)?.delete(node.id)
    this.#options.sessions?.connected(node, primary)
    return {
      resources,
      close: () => {
        mesh.close()
        this.#options.sessions?.gone(node, primary)
        siblings.delete(connected)
        this.#byNode.delete(node)
        const gone = this.#gone.get(primary) ?? new Map<string, Gone>()
        const at = this.#options.now()
        this.#gone.set(primary, gone.set(node.id, { node, at, isPod, roots: this.#rootsTaken.get(holder) }))
        if (siblings.size > 0) return
        this.#rootsTaken.delete(holder)
        this.#connected.delete(holder)
        this.#certificates.release(holder)
        this.#secrets.delete(holder)
        this.#options.rejections.forget(node)
      },
    }
  }

  reported(node: ProxyNode, _typeUrl: string, problem: string | undefined): void {
    this.#options.sessions?.reported(node, this.#options.place(node).primary, problem)
  }

  rejected(
    node: ProxyNode,
    typeUrl: string,
    refused: readonly RefusedResource[],
    detail: string,
    has: (name: string) => ResourceVersion | undefined,
  ): void {
    const names = refused.map(({ name }) => name)
    this.#options.log('proxy refuses', { node: node.id, typeUrl, names, detail })
    this.#byNode.get(node)?.refusals.rejected(typeUrl, refused, detail, has)
  }

  accepted(node: ProxyNode, typeUrl: string): void {
    this.#options.rejections.clear(node, typeUrl)
  }

  acknowledged(node: ProxyNode, typeUrl: string, hasTaken: (name: string) => boolean): void {
    this.#byNode.get(node)?.refusals.taken(typeUrl, hasTaken)
    if (typeUrl === typeUrls.agentConfig) return this.#options.acknowledged()
    if (typeUrl !== typeUrls.secret) return
    const [connected] = this.#connected.get(holderOf(node)) ?? []
    const roots = connected?.resources.get(typeUrls.secret, secretNames.roots)
    if (roots && hasTaken(secretNames.roots)) this.#rootsTaken.set(holderOf(node), roots.version)
    this.#options.acknowledged()
  }

  /** Whether all proxies of a cluster trust what they are to trust now, those included that have gone only just. */
  haveRoots(cluster: string): boolean {
    const { waitingFor } = this.#options
    const waiting = [
      ...waitingFor(typeUrls.secret, secretNames.roots),
      ...waitingFor(typeUrls.agentConfig, agentConfigName),
    ]
    return !this.#isOneOf(cluster, waiting) && !this.#hasRecentlyGone(cluster)
  }

  /** Whether all connected proxies of a cluster show a certificate of the authority that signs there now. */
  haveLeaves(cluster: string): boolean {
    const signer = this.#options.authority.trust(cluster)?.active
    for (const [holder, [connected]] of this.#connected) {
      if (connected?.primary !== cluster || connected.node.identity === undefined) continue
      if (this.#certificates.get(holder)?.signer !== signer) return false
    }
    return !this.#isOneOf(cluster, this.#options.waitingFor(typeUrls.secret, secretNames.certificate))
  }

  #isOneOf(cluster: string, nodes: readonly ProxyNode[]): boolean {
    const waiting = new Set(nodes)
    if (waiting.size === 0) return false
    const connected = [...this.#connected.values()].flatMap((siblings) => [...siblings])
    return connected.some(({ primary, node }) => primary === cluster && waiting.has(node))
  }

  /** Whether proxies of the cluster have gone so recently that they may still serve, and trust what they trusted then. */
  #hasRecentlyGone(cluster: string): boolean {
    const { authority, hasPod, now } = this.#options
    const gone = this.#gone.get(cluster)
    const trust = authority.trust(cluster)
    const roots = trust && rootsSecret(trust.roots).version
    for (const [id, each] of gone ?? []) {
      const isOver = now() - each.at > graceMs || (each.isPod && !hasPod(each.node, cluster))
      if (isOver) gone?.delete(id)
    }
    return [...(gone?.values() ?? [])].some((each) => each.roots !== roots)
  }

  /** When the certificate that a proxy shows expires. */
  certificateExpires(node: ProxyNode): Date | undefined {
    return this.#certificates.get(holderOf(node))?.validity.notAfter
  }

  close(): void {
    this.#certificates.close()
  }

  /** Secrets are for those who have proved who they are, and so that the namespace they speak of is theirs. */
  #withSecrets(node: ProxyNode, primary: string, mesh: ProxyResources): ProxyResources {
    const secret = (name: string): EncodedResource | undefined => {
      if (node.identity === undefined) return undefined
      const isOwn = name === secretNames.certificate || name === secretNames.roots
      return isOwn ? this.#secret(node, primary, name) : mesh.get(typeUrls.secret, name)
    }
    const agent = () => {
      const trust = this.#options.authority.trust(primary)
      return trust && node.identity !== undefined ? this.#agentConfigs.of(primary, trust.roots) : undefined
    }
    const agentLists = (): ResourceList[] => [agent()?.list ?? []].flat()
    return {
      lists: (typeUrl) => (typeUrl === typeUrls.agentConfig ? agentLists() : mesh.lists(typeUrl)),
      includes: (typeUrl, name) =>
        typeUrl === typeUrls.agentConfig ? name === agentConfigName : mesh.includes(typeUrl, name),
      get: (typeUrl, name) => {
        if (typeUrl === typeUrls.agentConfig) return name === agentConfigName ? agent()?.resource : undefined
        return typeUrl === typeUrls.secret ? secret(name) : mesh.get(typeUrl, name)
      },
    }
  }

  #secret(node: ProxyNode, primary: string, name: string): EncodedResource | undefined {
    if (node.identity === undefined) return undefined
    if (name === secretNames.roots) {
      const trust = this.#options.authority.trust(primary)
      return trust && this.#kept(`roots ${primary}`, rootsSecret(trust.roots))
    }
    const holder = holderOf(node)
    const certificate = this.#certificates.get(holder)
    return certificate && this.#kept(holder, certificateSecret(certificate))
  }

  /** One object for one version, so that it is encoded once. */
  #kept(key: string, secret: ReturnType<typeof rootsSecret>): EncodedResource {
    const known = this.#secrets.get(key)
    if (known?.version === secret.version) return known
    const made = new XdsResource(typeUrls.secret, secret.name, {
      pieces: [secret.message()],
      version: secret.version,
      origin: [],
    })
    this.#secrets.set(key, made)
    return made
  }

  #tellHolder(holder: string): void {
    const change = new Map([[typeUrls.secret, new Set([secretNames.certificate])]])
    for (const { changed } of this.#connected.get(holder) ?? []) changed(change)
  }

  #tellCluster(cluster: string): void {
    const change = new Map([
      [typeUrls.secret, new Set([secretNames.roots])],
      [typeUrls.agentConfig, new Set([agentConfigName])],
    ])
    for (const siblings of this.#connected.values()) {
      for (const { primary, changed } of siblings) if (primary === cluster) changed(change)
    }
  }
}

/** Streams of one proxy share its certificate. Two proxies that prove different things never do. */
function holderOf(node: ProxyNode): string {
  const id = node.identity === undefined ? undefined : parseSpiffeId(node.identity)
  const cluster = typeof node.metadata['CLUSTER_ID'] === 'string' ? node.metadata['CLUSTER_ID'] : ''
  return `${cluster} ${id ? formatSpiffeId(id) : ''} ${node.id}`
}

function afterTimeout(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1))
  timer.unref()
  return () => clearTimeout(timer)
}
