// Keeps WorkloadEntries of machines in step with who is connected: by whichever replica the machine is connected to,
// since it alone sees it come and go. What is left over of replicas that died, the holder of the Lease removes.
import type { ProxyNode } from '../../ads/index.ts'
import { isNotFound, type KubeClient, type ResourceType } from '../../clusters/index.ts'
import { parseSpiffeId } from '../../identity/index.ts'
import { proxyOfNode } from '../../mesh/index.ts'
import type { Engine, Observer, Query, Table } from '../../pipeline/index.ts'
import { type KubeObject, objectKey } from '../../resources/index.ts'
import type { WorkloadEntry, WorkloadGroup } from '../../resources/istio/index.ts'
import type { Log } from '../log.ts'
import type { ObjectTables } from '../xds/index.ts'
import { entryName, isLeftOver, type MachineSession, nextStep, type Step } from './entry.ts'

export interface RegistrarOptions {
  readonly engine: Engine
  readonly tables: ObjectTables
  readonly clientOf: (cluster: string) => KubeClient | undefined
  readonly clusters: () => readonly string[]
  /** Name of this replica. */
  readonly instance: string
  /** Whether this replica writes to clusters. */
  readonly mayWrite: () => boolean
  readonly now: () => number
  readonly log: Log
}

const kinds = { entry: 'networking.istio.io/WorkloadEntry', group: 'networking.istio.io/WorkloadGroup' } as const
const entryType: ResourceType = {
  group: 'networking.istio.io',
  version: 'v1',
  plural: 'workloadentries',
  kind: 'WorkloadEntry',
  namespaced: true,
}

const tickMs = 1000
/** A write whose effect has not been seen is done again after this. */
const againMs = 5000
const sweepEvery = 10

interface Due {
  readonly session: MachineSession
  readonly entry: WorkloadEntry | undefined
  readonly group: WorkloadGroup | undefined
}

export class MachineRegistrar {
  readonly #options: RegistrarOptions
  /** By `cluster/namespace/entry`. */
  readonly #sessions: Table<MachineSession>
  /** Connections of each; an agent beside an Envoy has one of its own. */
  readonly #connections = new Map<string, number>()
  /** As of now: the table shows it after the next rebuild. */
  readonly #current = new Map<string, MachineSession>()
  readonly #due: Query<string, readonly Due[]>
  readonly #observer: Observer
  readonly #timer: NodeJS.Timeout
  readonly #busy = new Set<string>()
  readonly #tried = new Map<string, { readonly step: string; readonly at: number }>()
  #ticks = 0

  constructor(options: RegistrarOptions) {
    this.#options = options
    const { engine, tables } = options
    this.#sessions = engine.table<MachineSession>('machines')
    this.#due = engine.define<string, readonly Due[]>('machines and their entries', (read) =>
      read.all(this.#sessions).map((session) => {
        const { cluster, namespace, name, group } = session
        return {
          session,
          entry: read.get(tables.table(cluster, kinds.entry), `${namespace}/${name}`) as WorkloadEntry | undefined,
          group:
            group === ''
              ? undefined
              : (read.get(tables.table(cluster, kinds.group), `${namespace}/${group}`) as WorkloadGroup | undefined),
        }
      }),
    )
    this.#observer = engine.observe(() => this.#work())
    this.#observer.watch(this.#due, '')
    this.#timer = setInterval(() => this.#tick(), tickMs)
    this.#timer.unref()
  }

  /** A proxy has connected. Most are no machines. */
  connected(node: ProxyNode, cluster: string): void {
    const session = this.#sessionOf(node, cluster)
    if (!session) return
    const key = keyOf(session)
    this.#connections.set(key, (this.#connections.get(key) ?? 0) + 1)
    const known = this.#current.get(key)
    if (known && known.disconnectedAt === undefined) return
    this.#set(key, known ? { ...session, health: known.health } : session)
  }

  gone(node: ProxyNode, cluster: string): void {
    const session = this.#sessionOf(node, cluster)
    if (!session) return
    const key = keyOf(session)
    const left = (this.#connections.get(key) ?? 1) - 1
    this.#connections.set(key, left)
    const known = this.#current.get(key)
    if (left > 0 || !known) return
    this.#connections.delete(key)
    this.#set(key, { ...known, disconnectedAt: this.#options.now() })
  }

  /** The agent of a machine tells how its program is; `problem` undefined: well. */
  reported(node: ProxyNode, cluster: string, problem: string | undefined): void {
    const session = this.#sessionOf(node, cluster)
    const known = session && this.#current.get(keyOf(session))
    if (!session || !known) return
    const health = { healthy: problem === undefined, message: problem ?? '', since: this.#options.now() }
    if (known.health?.healthy === health.healthy && known.health.message === health.message) return
    this.#set(keyOf(session), { ...known, health })
  }

  /** Machines that are connected, or were within the grace period. */
  get sessions(): readonly MachineSession[] {
    return [...this.#current.values()]
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#observer.close()
  }

  #set(key: string, session: MachineSession): void {
    this.#current.set(key, session)
    this.#sessions.set(key, session)
    this.#tried.delete(key)
  }

  #forget(key: string): void {
    this.#current.delete(key)
    this.#sessions.delete(key)
    this.#tried.delete(key)
  }

  /** The machine that a node describes; undefined if it is none that registers, or it has not proved who it is. */
  #sessionOf(node: ProxyNode, cluster: string): MachineSession | undefined {
    const text = (name: string): string => (typeof node.metadata[name] === 'string' ? node.metadata[name] : '')
    const [group, entry] = [text('AUTO_REGISTER_GROUP'), text('WORKLOAD_ENTRY')]
    if (group === '' && entry === '') return undefined
    const id = node.identity === undefined ? undefined : parseSpiffeId(node.identity)
    const proxy = proxyOfNode(node)
    const [address = ''] = proxy?.addresses ?? []
    if (!id || !proxy || address === '') return undefined
    const { network, locality, labels } = proxy
    const config = node.metadata['PROXY_CONFIG'] as { readinessProbe?: unknown } | undefined
    return {
      cluster,
      namespace: id.namespace,
      name: group === '' ? entry : entryName({ group, address, network }),
      group,
      serviceAccount: id.serviceAccount,
      address,
      network,
      locality,
      labels,
      isProbed: config?.readinessProbe !== undefined,
      connectedAt: this.#options.now(),
      disconnectedAt: undefined,
      health: undefined,
    }
  }

  #tick(): void {
    this.#work()
    this.#ticks++
    if (this.#ticks % sweepEvery === 0 && this.#options.mayWrite()) void this.#sweep()
  }

  #work(): void {
    const { engine, instance, now } = this.#options
    for (const { session, entry, group } of engine.get(this.#due, '')) {
      const key = keyOf(session)
      // What the table has may be older than what was heard since.
      if (this.#current.get(key) !== session || this.#busy.has(key)) continue
      const step = nextStep(session, { entry, group, now: now(), instance })
      if (step.do === 'wait') continue
      if (step.do === 'forget') {
        this.#forget(key)
        continue
      }
      const text = JSON.stringify(step)
      const tried = this.#tried.get(key)
      if (tried?.step === text && now() - tried.at < againMs) continue
      this.#tried.set(key, { step: text, at: now() })
      void this.#carryOut(key, session, step)
    }
  }

  async #carryOut(key: string, session: MachineSession, step: Step): Promise<void> {
    const { clientOf, log } = this.#options
    const { cluster, namespace, name } = session
    const about = { cluster, entry: `${namespace}/${name}` }
    const client = clientOf(cluster)
    if (step.do === 'refuse') return log.warn(about, step.why)
    if (!client) return
    this.#busy.add(key)
    try {
      await write(client, session, step)
      if (step.do === 'create') log.info(about, 'machine registered')
      if (step.do === 'delete') log.info(about, 'machine is gone; its entry is removed')
      if (step.do === 'tell-health')
        log.info({ ...about, healthy: session.health?.healthy }, 'health of a machine changed')
    } catch (error) {
      // Whoever was quicker: the watch brings the newer state, and the next step starts from that.
      log.debug(
        { ...about, step: step.do, err: error instanceof Error ? error.message : String(error) },
        'will try again',
      )
    } finally {
      this.#busy.delete(key)
    }
  }

  async #sweep(): Promise<void> {
    const { tables, clusters, clientOf, now, log } = this.#options
    for (const cluster of clusters()) {
      for (const entry of tables.table(cluster, kinds.entry).rows.values()) {
        if (!isLeftOver(entry, now()) || this.#current.has(`${cluster}/${objectKey(entry)}`)) continue
        const { name, namespace, uid } = entry.metadata
        try {
          await clientOf(cluster)?.delete(entryType, name, namespace, uid)
          log.info({ cluster, entry: objectKey(entry) }, 'entry of a machine that nobody vouches for is removed')
        } catch (error) {
          if (!isNotFound(error)) log.debug({ cluster, entry: objectKey(entry), err: String(error) }, 'will try again')
        }
      }
    }
  }
}

function keyOf({ cluster, namespace, name }: MachineSession): string {
  return `${cluster}/${namespace}/${name}`
}

async function write(client: KubeClient, { namespace, name }: MachineSession, step: Step): Promise<KubeObject | void> {
  switch (step.do) {
    case 'create':
      return client.create(entryType, step.object)
    case 'annotate':
      return client.mergePatch(
        entryType,
        { name, namespace },
        { metadata: { resourceVersion: step.resourceVersion, annotations: step.annotations } },
      )
    case 'tell-health':
      return client.mergePatch(
        entryType,
        { name, namespace, subresource: 'status' },
        { metadata: { resourceVersion: step.resourceVersion }, status: { conditions: step.conditions } },
      )
    case 'delete':
      return client.delete(entryType, name, namespace, step.uid)
    default:
      return undefined
  }
}
