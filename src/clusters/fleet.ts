import type { KubeObject } from '../resources/index.ts'
import type { Access } from './client/index.ts'
import {
  ClusterConnection,
  type ConnectionOptions,
  type ConnectionState,
  type KnownState,
  type WatchedKind,
} from './connection.ts'

/** A cluster that is wanted in sight, under one of its names. */
export interface Member {
  readonly name: string
  /** Where the wish comes from, as messages show it: `KubernetesCluster service-mesh-hub/remote`. */
  readonly source: string
  /** Of several names of one cluster, the one of the lowest rank is its name; the others are aliases. */
  readonly rank: number
  readonly access: Access
  /** Changes with the credentials. */
  readonly fingerprint: string
  /** The object that registers it. */
  readonly registration?: KubeObject
}

/** A cluster in sight. */
export interface FleetCluster {
  readonly name: string
  /** Other names of the same cluster, sorted. */
  readonly aliases: readonly string[]
  readonly sources: readonly string[]
  readonly connection: ClusterConnection
  readonly state: ConnectionState
}

/** Takes what the fleet sees; `ClusterSink` with names of clusters. */
export interface FleetSink {
  replace(cluster: string, kind: string, objects: ReadonlyMap<string, KubeObject>): void
  set(cluster: string, kind: string, key: string, object: KubeObject): void
  delete(cluster: string, kind: string, key: string): void
  /** A cluster is new, has other aliases, or another state. */
  cluster(cluster: FleetCluster): void
  /** A cluster is gone, or has another name now. Its objects are to be forgotten. */
  gone(name: string): void
  /** Nobody wants the cluster any more. Its connection is stopped when this is done. */
  leaving(cluster: FleetCluster): Promise<void>
}

/** Remembers clusters over a restart. */
export interface FleetCache {
  load(name: string): KnownState | undefined
  /** What the named cluster shows from now on is remembered. */
  follow(name: string, connection: ClusterConnection): void
  replace(name: string, kind: string, objects: ReadonlyMap<string, KubeObject>): void
  set(name: string, kind: string, key: string, object: KubeObject): void
  delete(name: string, kind: string, key: string): void
  forget(name: string): void
}

export interface FleetOptions {
  readonly kinds: readonly WatchedKind[]
  readonly sink: FleetSink
  readonly cache?: FleetCache
  readonly connection?: Pick<ConnectionOptions, 'timing' | 'reflectorTiming'>
}

/** One API server: the members that lead to it, and the connection that shows it. */
interface Group {
  name: string
  readonly members: Map<string, Member>
  /** The member whose credentials the connection uses. */
  via: Member
  connection: ClusterConnection
  /** Made with newer credentials; takes over when it has seen everything. */
  successor: { readonly via: Member; readonly connection: ClusterConnection } | undefined
}

/**
 * The clusters in sight. Members that turn out to lead to the same API server (same uid of kube-system) become one
 * cluster with several names. Credentials change without a gap: the old connection serves until the new one has
 * synced. What is removed is left only after `leaving` is done.
 */
export class Fleet {
  readonly #options: FleetOptions
  readonly #groups = new Set<Group>()
  readonly #leaving = new Set<Promise<void>>()
  #stopped = false

  constructor(options: FleetOptions) {
    this.#options = options
  }

  get clusters(): FleetCluster[] {
    return [...this.#groups].map((group) => describe(group))
  }

  /** By name or alias. */
  find(name: string): FleetCluster | undefined {
    for (const group of this.#groups) if (group.members.has(name) || group.name === name) return describe(group)
    return undefined
  }

  /** Makes these the members: connects what is new, swaps credentials that changed, leaves what is not among them. */
  reconcile(members: readonly Member[]): void {
    if (this.#stopped) return
    const wanted = new Map<string, Member>()
    for (const member of [...members].sort((a, b) => a.rank - b.rank))
      if (!wanted.has(member.name)) wanted.set(member.name, member)
    for (const group of this.#groups) this.#update(group, wanted)
    for (const member of wanted.values()) if (!this.#groupOf(member.name)) this.#join(member)
  }

  /** Stops all connections. Clusters are not left: nothing is cleaned up. */
  async stop(): Promise<void> {
    this.#stopped = true
    const groups = [...this.#groups]
    await Promise.all([
      ...groups.flatMap((g) => [g.connection.stop(), g.successor?.connection.stop()]),
      ...this.#leaving,
    ])
  }

  #groupOf(name: string): Group | undefined {
    for (const group of this.#groups) if (group.members.has(name)) return group
    return undefined
  }

  /** Brings the members of a group up to date; leaves the cluster if none is left. */
  #update(group: Group, wanted: ReadonlyMap<string, Member>): void {
    for (const name of group.members.keys()) {
      const member = wanted.get(name)
      if (member === undefined) group.members.delete(name)
      else group.members.set(name, member)
    }
    if (group.members.size === 0) return this.#leave(group)
    const via = group.members.get(group.via.name) ?? best(group)
    const current = group.successor?.via ?? group.via
    if (via.name !== current.name || via.fingerprint !== current.fingerprint) this.#succeed(group, via)
    this.#rename(group)
    this.#options.sink.cluster(describe(group))
  }

  #join(member: Member): void {
    const known = this.#options.cache?.load(member.name)
    const twin = known && this.#groupWith(known.uid)
    if (twin) return this.#merge(twin, member)
    const group: Group = {
      name: member.name,
      members: new Map([[member.name, member]]),
      via: member,
      connection: undefined as unknown as ClusterConnection, // Set in the next line: the two know each other.
      successor: undefined,
    }
    group.connection = this.#connect(group, member, known)
    this.#groups.add(group)
    if (known) this.#options.cache?.follow(group.name, group.connection)
    this.#options.sink.cluster(describe(group))
    group.connection.start()
  }

  #groupWith(uid: string): Group | undefined {
    for (const group of this.#groups) if (group.connection.state.uid === uid) return group
    return undefined
  }

  #connect(group: Group, via: Member, known: KnownState | undefined): ClusterConnection {
    const { sink, cache, kinds, connection: timing } = this.#options
    const inForce = (): boolean => group.connection === connection && this.#groups.has(group)
    const connection = new ClusterConnection({
      access: via.access,
      kinds,
      ...(known && { known }),
      ...timing,
      admit: (uid) => this.#admit(group, connection, uid),
      sink: {
        replace: (kind, objects) => {
          if (!inForce()) return
          sink.replace(group.name, kind, objects)
          cache?.replace(group.name, kind, objects)
        },
        set: (kind, key, object) => {
          if (!inForce()) return
          sink.set(group.name, kind, key, object)
          cache?.set(group.name, kind, key, object)
        },
        delete: (kind, key) => {
          if (!inForce()) return
          sink.delete(group.name, kind, key)
          cache?.delete(group.name, kind, key)
        },
        changed: () => {
          if (group.successor?.connection === connection && connection.state.synced) this.#takeOver(group)
          else if (inForce()) sink.cluster(describe(group))
        },
      },
    })
    return connection
  }

  /** A connection learned whom it talks to. False: another group shows that cluster already. */
  #admit(group: Group, connection: ClusterConnection, uid: string): boolean {
    if (group.connection !== connection) return true // A successor, perhaps to a cluster that was made anew.
    for (const other of this.#groups) {
      if (other === group || other.connection.state.uid !== uid) continue
      this.#groups.delete(group)
      void connection.stop()
      this.#options.sink.gone(group.name)
      this.#options.cache?.forget(group.name)
      for (const member of group.members.values()) this.#merge(other, member)
      return false
    }
    this.#options.cache?.follow(group.name, connection)
    return true
  }

  #merge(group: Group, member: Member): void {
    group.members.set(member.name, member)
    this.#rename(group)
    this.#options.sink.cluster(describe(group))
  }

  /** The name is that of the member with the lowest rank; a change moves all objects. */
  #rename(group: Group): void {
    const { name } = best(group)
    if (name === group.name) return
    this.#options.sink.gone(group.name)
    this.#options.cache?.forget(group.name)
    group.name = name
    this.#show(group)
  }

  #show(group: Group): void {
    const { sink, cache } = this.#options
    cache?.follow(group.name, group.connection)
    for (const kind of group.connection.state.kinds.keys()) {
      const objects = group.connection.objects(kind)
      sink.replace(group.name, kind, objects)
      cache?.replace(group.name, kind, objects)
    }
  }

  #succeed(group: Group, via: Member): void {
    void group.successor?.connection.stop()
    const connection = this.#connect(group, via, undefined)
    group.successor = { via, connection }
    connection.start()
  }

  #takeOver(group: Group): void {
    if (group.successor === undefined) return
    const old = group.connection
    group.connection = group.successor.connection
    group.via = group.successor.via
    group.successor = undefined
    void old.stop()
    this.#show(group)
    this.#options.sink.cluster(describe(group))
  }

  #leave(group: Group): void {
    this.#groups.delete(group)
    const { sink, cache } = this.#options
    sink.gone(group.name)
    cache?.forget(group.name)
    const left = sink.leaving(describe(group)).then(async () => {
      await Promise.all([group.connection.stop(), group.successor?.connection.stop()])
      this.#leaving.delete(left)
    })
    this.#leaving.add(left)
  }
}

function best(group: Group): Member {
  const [first, ...others] = group.members.values()
  if (first === undefined) return group.via
  return others.reduce((a, b) => (b.rank < a.rank || (b.rank === a.rank && b.name < a.name) ? b : a), first)
}

function describe(group: Group): FleetCluster {
  const members = [...group.members.values()]
  return {
    name: group.name,
    aliases: members
      .map((m) => m.name)
      .filter((name) => name !== group.name)
      .sort(),
    sources: members.map((m) => m.source).sort(),
    connection: group.connection,
    state: group.connection.state,
  }
}
