// The xDS half of the control plane: worlds → views → ads → ports, with identity beside it.
import { setTimeout as delay } from 'node:timers/promises'
import {
  AdsServer,
  type EncodedResource,
  type ProxyNode,
  StreamError,
  type StreamStatus,
  statusCodes,
} from '../../ads/index.ts'
import type { TrustGroup } from '../../dialects/index.ts'
import {
  Authenticator,
  type AuthorityRow,
  CertificateAuthority,
  type SecretName,
  type SecretStore,
  ServerCertificate,
  VaultAuthority,
} from '../../identity/index.ts'
import type { Engine, Query, Table } from '../../pipeline/index.ts'
import type { ClusterRow } from '../cluster-rows.ts'
import type { Log } from '../log.ts'
import type { Backend, Key } from './backend.ts'
import { type ClientOf, kubeSecretStore, type SecretForm, tokenReviewer } from './kube-secrets.ts'
import type { ObjectTables } from './object-tables.ts'
import { type Address, openPorts, type Ports, peerVerifier } from './ports.ts'
import type { ProxyProblems } from './proxy-problems.ts'
import { Rehearsal } from './rehearsal.ts'
import type { Rejections } from './rejections.ts'
import { RootBundles } from './root-bundles.ts'
import { type ProxySessions, XdsSource } from './source.ts'
import { defineStandIns } from './stand-ins.ts'
import type { TrackedWorlds } from './tracked-world.ts'
import { TrustDriver } from './trust.ts'
import { vaultCredentials } from './vault.ts'
import { Views } from './views.ts'
import { defineWantedTrust } from './wanted-trust.ts'

export interface XdsPlaneOptions<P, L extends Key, R extends Key> {
  readonly engine: Engine
  readonly tables: ObjectTables
  readonly worlds: TrackedWorlds
  readonly clusters: Table<ClusterRow>
  readonly trustGroups: Query<string, readonly TrustGroup[]>
  /** Whether a cluster that is in none of them may belong to one all the same. */
  readonly isTrustUnsettled: Query<string, boolean>
  /** Takes why a cluster has not the trust that is wanted of it, by cluster. */
  readonly trustFailures: Table<string>
  /** Takes what proxies refuse. */
  readonly rejections: Rejections
  /** Takes what proxies tell of objects. */
  readonly proxyProblems: ProxyProblems
  /** Told who comes and goes. */
  readonly sessions?: ProxySessions
  readonly backend: Backend<P, L, R>
  /** The proxy that a node describes, with its cluster's name as it is known here; undefined if it describes none. */
  readonly proxyOf: (node: ProxyNode, cluster: string) => P | undefined
  readonly clientOf: ClientOf
  /** Type and labels of a Secret that is made, where a dialect says so. */
  readonly secretForm?: (name: SecretName) => SecretForm | undefined
  /** Whether this replica writes to clusters. */
  readonly mayWrite: () => boolean
  /** Lifetime of the certificates of workloads, in milliseconds. */
  readonly leafTtlMs?: number | undefined
  /** The longest time that a change waits for others, in milliseconds. */
  readonly longestPauseMs?: number | undefined
  readonly xds: Address | undefined
  readonly xdsPlaintext: Address | undefined
  readonly log: Log
}

/** How long the ports stay closed at most until every cluster has its authority; milliseconds. */
const patienceMs = 3000

/** Names that clients may know the xDS server by. */
const serverNames = [
  'istiod.istio-system.svc',
  'istiod.istio-system',
  'istiod.istio-system.svc.cluster.local',
  'istiod-remote.istio-system.svc',
  'fairlead.istio-system.svc',
  'localhost',
]

export class XdsPlane {
  readonly ads: AdsServer
  readonly #stops: (() => void | Promise<void>)[] = []
  readonly #parts: {
    readonly clusterOf: (name: string) => string | undefined
    readonly authority: CertificateAuthority
    readonly authenticator: Authenticator
    readonly store: ReturnType<typeof kubeSecretStore>
    readonly driver: TrustDriver
    readonly source: Pick<XdsSource<unknown, Key, Key>, 'certificateExpires'>
    readonly bundles: RootBundles
    readonly rehearsal: Rehearsal
  }
  readonly #options: Pick<XdsPlaneOptions<never, Key, Key>, 'xds' | 'xdsPlaintext' | 'log' | 'clusters'>
  #ports: Ports | undefined
  #stopped = false

  /** Wires everything, and opens nothing yet. */
  constructor(options: XdsPlaneOptions<unknown, Key, Key>) {
    const { engine, tables, worlds, clusters, clientOf, log } = options
    this.#options = options
    const now = (): number => Date.now()
    const event = (name: string, detail: Readonly<Record<string, unknown>>): void => log.info(detail, name)
    const clusterOf = (name: string): string | undefined => findCluster(clusters, name)
    const known = (cluster: string, key: string) => {
      const name = cluster === '' ? [...clusters.rows.values()].find((row) => row.isManagement)?.name : cluster
      return tables.table(name ?? '', '/Secret').rows.get(key)
    }
    const store = kubeSecretStore(clientOf, known, options.secretForm)
    const leaves = options.leafTtlMs === undefined ? {} : { maxLeafTtlMs: options.leafTtlMs }
    const vault = new VaultAuthority(vaultCredentials(clientOf, store), now)
    const authority = new CertificateAuthority({ store, now, vault, log: event, ...leaves })
    const authenticator = new Authenticator(authority, tokenReviewer(clientOf, now), now)
    const asked = (): void => options.proxyProblems.later(() => views.problems())
    const views = new Views(engine, worlds, options.backend, asked)
    const source = new XdsSource({
      views,
      place: (node) => place(node, clusters, options.proxyOf),
      authority,
      rejections: options.rejections,
      sessions: options.sessions,
      waitingFor: (typeUrl, name) => this.ads.waitingFor(typeUrl, name),
      hasPod: ({ id }, cluster) => tables.table(cluster, '/Pod').rows.has(podKey(id)),
      acknowledged: () => this.#parts.driver.check(),
      now,
      log: event,
    })
    const { verify } = peerVerifier(authenticator, clusterOf)
    this.ads = new AdsServer({
      source,
      log: (name, detail) => log.debug(detail, name),
      ...(options.longestPauseMs !== undefined && { pacing: { longestPauseMs: options.longestPauseMs } }),
      verifier: {
        verify: async (peer, claim) => {
          const identity = await verify(peer, claim)
          place({ ...claim, identity }, clusters, options.proxyOf)
          await source.prepare({ ...claim, identity })
          return identity
        },
      },
    })
    const failed = (cluster: string, error: unknown): void =>
      log.warn({ cluster, err: error instanceof Error ? error.message : String(error) }, 'identity: will try again')
    const wanted = defineWantedTrust({
      engine,
      tables,
      worlds,
      clusters,
      groups: options.trustGroups,
      isUnsettled: options.isTrustUnsettled,
    })
    const driver = new TrustDriver({
      engine,
      authority,
      wanted,
      now,
      failures: options.trustFailures,
      failed,
      mayWrite: options.mayWrite,
      delivery: { roots: (cluster) => source.haveRoots(cluster), leaves: (cluster) => source.haveLeaves(cluster) },
      impatient: (cluster, what) =>
        log.warn({ cluster, what }, 'identity: goes on, though not all proxies have answered'),
    })
    const bundles = new RootBundles({ engine, tables, clientOf, mayWrite: options.mayWrite, failed })
    const rehearsal = new Rehearsal({
      standIns: defineStandIns({
        engine,
        worlds,
        clusters,
        place: (node) => place(node, clusters, options.proxyOf),
        show: ({ primary, proxy }) => views.rehearse(primary, proxy),
      }),
      isServing: () => this.ads.connected > 0,
    })
    this.#parts = { clusterOf, authority, authenticator, store, driver, source, bundles, rehearsal }
    this.#stops.push(
      () => rehearsal.stop(),
      () => driver.stop(),
      () => options.proxyProblems.stop(),
      () => bundles.stop(),
      () => source.close(),
    )
  }

  /** Opens the ports: call it when the clusters have been read, since an empty answer would take away what proxies have. */
  async open(): Promise<void> {
    const { xds, xdsPlaintext, log } = this.#options
    const { authority, bundles, driver } = this.#parts
    // Proxies of other clusters do not wait for a Vault that takes its time.
    await Promise.race([driver.idle, delay(patienceMs, undefined, { ref: false })])
    const certificate = xds && (await this.#serverCertificate())
    if (this.#stopped) return certificate?.close()
    if (certificate) {
      const publish = (cluster: string): void => {
        const roots = authority.trust(cluster)?.roots
        if (roots) bundles.bundles.set(cluster, [...roots, certificate.root].join(''))
        else bundles.bundles.delete(cluster)
      }
      for (const cluster of authority.clusters) publish(cluster)
      this.#stops.push(authority.onChange(publish), () => certificate.close())
    }
    this.#ports = await openPorts({ ...this.#parts, ads: this.ads, certificate, tls: xds, plaintext: xdsPlaintext })
    if (this.#ports.tls) log.info({ address: formatAddress(this.#ports.tls) }, 'xDS')
    if (this.#ports.plaintext) log.info({ address: formatAddress(this.#ports.plaintext) }, 'xDS in plaintext')
    if (!this.#stopped) this.#parts.rehearsal.start()
  }

  get ports(): Pick<Ports, 'tls' | 'plaintext'> | undefined {
    return this.#ports
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.ads.close()
    this.#ports?.close()
    for (const stop of this.#stops) await stop()
  }

  /** Streams of one cluster, or of all. */
  streams(cluster?: string): StreamStatus[] {
    const all = this.ads.status()
    return cluster === undefined ? all : all.filter(({ node }) => this.clusterOf(node) === cluster)
  }

  /** Whether the connected proxies of a cluster, or its gateways, have taken everything that they are to have. */
  haveFollowed(cluster: string, which: 'all' | 'gateways'): boolean {
    return this.streams(cluster)
      .filter(({ node }) => which === 'all' || node.id.startsWith('router~'))
      .every(({ types }) => types.every(({ state }) => state !== 'STALE'))
  }

  /** Name of the proxy's cluster, as it is known here. */
  clusterOf(node: ProxyNode): string {
    const claimed = claimedCluster(node)
    return this.#parts.clusterOf(claimed) ?? claimed
  }

  /** When the certificate that a connected proxy shows expires. */
  certificateExpires(node: ProxyNode): Date | undefined {
    return this.#parts.source.certificateExpires(node)
  }

  /** Secrets of the clusters, where authorities are kept. */
  get secrets(): SecretStore {
    return this.#parts.store
  }

  authorities(): AuthorityRow[] {
    return this.#parts.authority.describe()
  }

  /** As `CertificateAuthority.wishRotation`, of the cluster of a name or alias. */
  wishRotation(cluster: string): Promise<string[] | undefined> {
    return this.#parts.authority.wishRotation(this.#parts.clusterOf(cluster) ?? cluster)
  }

  given(nodeId: string): ReadonlyMap<string, readonly EncodedResource[]> | undefined {
    return this.ads.given(nodeId)
  }

  /** Goes on trying while the management cluster cannot be reached. */
  async #serverCertificate(): Promise<ServerCertificate | undefined> {
    const { store } = this.#parts
    const secret = { cluster: '', namespace: 'istio-system', name: 'fairlead-server' }
    const timers = {
      now: () => Date.now(),
      after: (ms: number, callback: () => void) => {
        const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1))
        timer.unref()
        return () => clearTimeout(timer)
      },
    }
    const addresses = ['127.0.0.1', '::1']
    while (!this.#stopped) {
      try {
        return await ServerCertificate.open({ store, secret, timers, dnsNames: serverNames, addresses })
      } catch (error) {
        const err = error instanceof Error ? error.message : String(error)
        this.#options.log.warn({ err }, 'the xDS port waits for its certificate')
        await new Promise((resolve) => timers.after(1000, () => resolve(undefined)))
      }
    }
    return undefined
  }
}

/** By name or alias. A caller that names none means the only cluster there is. */
function findCluster(clusters: Table<ClusterRow>, name: string): string | undefined {
  const rows = [...clusters.rows.values()]
  if (name === '') return rows.length === 1 ? rows[0]?.name : undefined
  return rows.find((row) => row.name === name || row.aliases.includes(name))?.name
}

const claimedCluster = ({ metadata }: Pick<ProxyNode, 'metadata'>): string =>
  typeof metadata['CLUSTER_ID'] === 'string' ? metadata['CLUSTER_ID'] : ''

function place<P>(
  node: ProxyNode,
  clusters: Table<ClusterRow>,
  proxyOf: (node: ProxyNode, cluster: string) => P | undefined,
): { primary: string; proxy: P } {
  const claimed = claimedCluster(node)
  const primary = findCluster(clusters, claimed)
  if (primary === undefined) {
    throw new StreamError(statusCodes.permissionDenied, `cluster ${claimed || '(none)'} is not known here`)
  }
  if (clusters.rows.get(primary)?.isKnown !== true) {
    throw new StreamError(statusCodes.unavailable, `cluster ${primary} has not been read yet`)
  }
  const proxy = proxyOf(node, primary)
  if (!proxy) throw new StreamError(statusCodes.invalidArgument, `node id ${node.id} is not of Istio's form`)
  return { primary, proxy }
}

/** `namespace/name` of the pod that a node id names. */
function podKey(nodeId: string): string {
  const name = nodeId.split('~')[2] ?? ''
  const dot = name.lastIndexOf('.')
  return `${name.slice(dot + 1)}/${name.slice(0, dot)}`
}

const formatAddress = ({ host, port }: Address): string => `${host.includes(':') ? `[${host}]` : host}:${port}`
