// The whole product in one list. Each entry says what it reads and what it gives; nothing else wires stages together.
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { ProxyNode } from '../ads/index.ts'
import type { KubeClient } from '../clusters/index.ts'
import type { TranslateResult } from '../dialects/index.ts'
import { type Proxy, proxyOfNode } from '../mesh/index.ts'
import { Engine, RebuildLoop } from '../pipeline/index.ts'
import { compareProblems, type Problem } from '../report/index.ts'
import { AuditRecorder } from './audit/index.ts'
import { CertificateIssuer } from './certificates/index.ts'
import { ClusterLog } from './cluster-log.ts'
import { CrdInstaller } from './crd-installer.ts'
import { defineDemandable, defineFronts } from './explain/index.ts'
import { defineFailBack, FailBack } from './fail-back/index.ts'
import { defineGatewayNames, GatewayNames, resolveName } from './gateway-names/index.ts'
import { GuardedEndpoints } from './guarded-endpoints.ts'
import { debugServer } from './http.ts'
import { Inputs } from './inputs.ts'
import { defineLoweredFailovers } from './lowered-failovers.ts'
import { MachineRegistrar } from './machines/index.ts'
import { giveBackWhenQuiet } from './memory.ts'
import { Metrics } from './metrics.ts'
import { objectDetails } from './object-details.ts'
import { leadership, openCache, openTokenKeys } from './openers.ts'
import type { Address, ServeOptions } from './options.ts'
import { definePassedOnDrains } from './passed-on-drains.ts'
import { checkFree, settle } from './settle.ts'
import { defineWantedKeys } from './token-keys/index.ts'
import { defineTranslation } from './translation.ts'
import { Writer } from './writer.ts'
import {
  configurationKinds,
  defineStrangers,
  defineWorldProblems,
  describeProxies,
  describeProxy,
  meshBackend,
  ObjectTables,
  ProxyProblems,
  problemsOf,
  Rejections,
  TrackedWorlds,
  XdsPlane,
} from './xds/index.ts'

export interface ControlPlane {
  /** Where the debug pages are. */
  readonly http: Address
  /** Where proxies connect; known when settled. */
  readonly xds: () => { readonly tls: Address | undefined; readonly plaintext: Address | undefined } | undefined
  /** Resolves when the clusters that can be reached have been read. */
  readonly settled: Promise<void>
  stop(): Promise<void>
}

/** Proxies wait this long for keys of token issuers when the control plane starts; then their tokens are refused. */
const firstKeysMs = 5000

/** Starts everything. Rejects if a port is taken; an API server that is away is waited for. */
export async function serve(options: ServeOptions): Promise<ControlPlane> {
  const { log, contexts, release } = options
  const metrics = new Metrics()
  for (const wanted of [options.xds, options.xdsPlaintext]) if (wanted) await checkFree(wanted)

  // ── Pipeline: every stage below reads its tables and queries. ──
  const engine = new Engine({
    now: () => performance.now(),
    failed: ({ query, key, error }) => {
      metrics.queryFailed(query)
      log.error({ query, key, err: error }, 'a computation failed: a defect of Fairlead; the last good value stays')
    },
  })
  const tables = new ObjectTables(engine)

  // ── Inputs: API servers → tables. Registrations and remote secrets, objects themselves, say which. ──
  const cache = openCache(options)
  const sink = new GuardedEndpoints(tables, log)
  const inputs = new Inputs({
    engine,
    tables,
    sink,
    contexts,
    cache,
    changed: (cluster) => {
      watchdog.seen(cluster)
      void crds.check(cluster, managementName() === cluster.name)
    },
    leaving: (cluster) => writer.cleanUp(cluster),
  })
  const managementName = (): string => inputs.fleet.find(contexts[0]?.name ?? '')?.name ?? ''

  // ── Translation: dialects → Istio objects and statuses, by cluster. ──
  const tableOf = tables.table.bind(tables)
  const worlds = new TrackedWorlds(tables)
  const strangers = defineStrangers(engine, tables, worlds, inputs.clusters)
  const rejections = new Rejections(engine)
  const refusals = engine.define<string, readonly Problem[]>('refusals', (read) =>
    problemsOf(read.all(rejections.table)).sort(compareProblems),
  )
  const trustFailures = engine.table<string>('trust failures')
  const translation = defineTranslation(engine, inputs.clusters, tableOf, {
    strangers,
    refusals,
    trustFailures,
    lowered: defineLoweredFailovers(engine, worlds),
    drains: definePassedOnDrains(engine, worlds, inputs.clusters),
    documents: tables.documents,
  })

  // ── What is fetched from outside of the clusters: keys of token issuers. ──
  const tokenKeys = openTokenKeys(options, tables, defineWantedKeys(engine, worlds, inputs.clusters))

  const names = new GatewayNames({
    engine,
    documents: tables.documents,
    wanted: defineGatewayNames(engine, worlds, inputs.clusters, translation.result),
    resolve: (name) => resolveName(name, options.nameServers),
    log: (level, detail, text) => log[level](detail, text),
  })

  // ── What time brings: rungs that failed come back slowly. ──
  const failBack = new FailBack({
    engine,
    documents: tables.documents,
    wanted: defineFailBack(engine, worlds, inputs.clusters),
    log: (detail, text) => log.info(detail, text),
  })

  // ── Problems of all stages. ──
  const proxyProblems = new ProxyProblems(engine)
  const ofWorlds = defineWorldProblems(engine, worlds, inputs.clusters)
  const problems = engine.define<string, readonly Problem[]>('problems', (read) =>
    [
      ...read.query(inputs.problems, ''),
      ...read.query(translation.result, '').problems,
      ...read.query(tokenKeys.problems, ''),
      ...read.query(ofWorlds, ''),
      ...read.query(refusals, ''),
      ...read.all(proxyProblems.table),
    ].sort(compareProblems),
  )

  // ── Writing: plans → API servers, by whoever holds the Lease. The watches bring back what was written. ──
  const writer = new Writer({
    engine,
    tables,
    inputs,
    translation,
    problems,
    details: objectDetails(worlds),
    followed: (cluster, which) => plane.haveFollowed(cluster, which),
    log,
    metrics,
  })
  const crds = new CrdInstaller(release, log, () => lease.isHolder)
  const watchdog = new ClusterLog(log, (name) => writer.kick(name))
  let isStopping = false
  const replica = `${hostname()}-${process.pid}-${Math.random().toString(36).slice(2, 8)}`
  const lease = leadership(options, replica, (isHolder) => {
    if (isStopping) return
    log.info({ isHolder }, isHolder ? 'this replica writes to the clusters' : 'another replica writes to the clusters')
    writer.setActive(isHolder)
    if (isHolder) for (const c of inputs.fleet.clusters) void crds.check(c, managementName() === c.name)
  })

  // ── Machines that register themselves → WorkloadEntries, by the replica that they are connected to. ──
  const clientOf = (name: string): KubeClient | undefined =>
    inputs.fleet.find(name === '' ? managementName() : name)?.connection.client
  const machines = new MachineRegistrar({
    engine,
    tables,
    clientOf,
    clusters: () => inputs.fleet.clusters.map(({ name }) => name),
    instance: replica,
    mayWrite: () => lease.isHolder,
    now: Date.now,
    log,
  })

  // ── Changes by kubectl → the audit log of the hierarchy. ──
  const audit = new AuditRecorder({
    engine,
    clusters: inputs.clusters,
    tableOf,
    client: () => clientOf(''),
    mayWrite: () => lease.isHolder,
    now: Date.now,
    log,
  })

  // ── Proxies: worlds → Envoy resources → xDS. ──
  const plane = new XdsPlane({
    engine,
    tables,
    worlds,
    clusters: inputs.clusters,
    trustGroups: translation.trust,
    isTrustUnsettled: translation.isTrustUnsettled,
    trustFailures,
    rejections,
    proxyProblems,
    backend: meshBackend,
    proxyOf,
    clientOf,
    secretForm: ({ cluster, namespace, name }) =>
      secretForm(engine.get(translation.result, ''), cluster, namespace, name),
    sessions: machines,
    mayWrite: () => lease.isHolder,
    leafTtlMs: options.leafTtlMs,
    longestPauseMs: options.longestPauseMs,
    xds: options.xds,
    xdsPlaintext: options.xdsPlaintext,
    log,
  })

  // ── Certificates of meshes that run istiod: requests of their agents → signatures. ──
  const issuer = new CertificateIssuer({
    engine,
    tables,
    clusters: inputs.clusters,
    translation,
    store: plane.secrets,
    clientOf,
    mayWrite: () => lease.isHolder,
    now: Date.now,
    log,
  })

  // ── The one loop that rebuilds. ──
  const loop = new RebuildLoop({
    engine,
    timers: { now: () => performance.now(), after: (ms, run) => cancelling(setTimeout(run, ms)) },
    rebuilt: (report) => metrics.rebuilt(report),
    failed: (error) => log.error({ err: error }, 'a rebuild failed: a defect of Fairlead'),
  })

  // ── Views. ──
  const fronts = defineFronts(engine, worlds, inputs.clusters)
  const demandable = defineDemandable(engine, worlds)
  metrics.gauge(
    'fairlead_cluster_stale_seconds',
    'For how long the API of a cluster is away; 0 if it answers.',
    ['cluster'],
    () => inputs.fleet.clusters.map(({ name, state }) => [{ cluster: name }, staleSeconds(state.staleSince)] as const),
  )
  metrics.gauge(
    'fairlead_endpoints_held',
    'Endpoints that a cluster lost in one step, and that are held back.',
    ['cluster'],
    () => [...sink.held].map(([cluster, { lost }]) => [{ cluster }, lost] as const),
  )
  let isSettled = false
  const app = debugServer({
    engine,
    fleet: inputs.fleet,
    metrics,
    notReady: () => (isSettled ? undefined : 'clusters are still being read'),
    writer: () => ({ isHolder: lease.isHolder, holder: lease.holder, waiting: writer.waiting }),
    held: () => sink.held,
    accept: (cluster) => sink.accept(inputs.fleet.find(cluster)?.name ?? cluster),
    problems: () => engine.get(problems, ''),
    proxies: () => describeProxies(plane),
    fronts: () => engine.get(fronts, ''),
    authorities: () => plane.authorities(),
    rotate: (cluster) => plane.wishRotation(cluster),
    proxyConfig: (name, only, withDemandable) => {
      const kinds = configurationKinds.filter((kind) => only === undefined || kind === only)
      const found = describeProxy(plane, name, kinds)
      if (!found || !withDemandable) return found
      const stream = plane.streams(found.cluster).find(({ node }) => node.id === found.nodeId)
      const proxy = stream && proxyOf(stream.node, found.cluster)
      return { ...found, ...(proxy && engine.get(demandable, { primary: found.cluster, proxy })) }
    },
  })
  await app.listen(options.http)
  const address = app.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.http.port
  log.info({ url: `http://${options.http.host}:${port}` }, 'debug pages and metrics')

  const keepMemory = giveBackWhenQuiet()
  inputs.start()
  lease.start()
  const settled = settle(inputs, engine, () => isStopping).then(async () => {
    if (isStopping) return
    await Promise.race([tokenKeys.settle(), delay(firstKeysMs, undefined, { ref: false })])
    await plane.open()
    isSettled = true
    log.info({ clusters: inputs.fleet.clusters.map(({ name }) => name) }, 'ready')
  })

  return {
    http: { host: options.http.host, port },
    xds: () => plane.ports,
    settled,
    // From the outside in: first nobody asks any more, then nothing is written, then nothing is read.
    stop: async () => {
      isStopping = true
      await app.close()
      keepMemory()
      await plane.stop()
      await issuer.stop()
      machines.stop()
      audit.stop()
      writer.stop()
      tokenKeys.stop()
      names.stop()
      failBack.stop()
      await lease.stop()
      crds.stop()
      loop.stop()
      await inputs.stop()
      sink.stop()
      cache?.close()
    },
  }
}

/** What a dialect says of the Secret of a root that is made for it. */
function secretForm({ secrets }: TranslateResult, cluster: string, namespace: string, name: string) {
  const found = secrets.find(
    ({ cluster: on, object: { metadata } }) =>
      metadata.name === name && metadata.namespace === namespace && (cluster === '' || cluster === on),
  )
  if (found === undefined) return undefined
  const { type } = found.object as { readonly type?: string }
  const { labels, annotations } = found.object.metadata
  return { ...(type && { type }), ...(labels && { labels }), ...(annotations && { annotations }) }
}

/** The proxy that a node describes, in the cluster that it is known to be in. */
function proxyOf(node: ProxyNode, cluster: string): Proxy | undefined {
  const proxy = proxyOfNode(node)
  return proxy && { ...proxy, cluster }
}

function staleSeconds(staleSince: string | undefined): number {
  return staleSince === undefined ? 0 : (Date.now() - Date.parse(staleSince)) / 1000
}

function cancelling(timer: NodeJS.Timeout): () => void {
  return () => clearTimeout(timer)
}
