import {
  type Access,
  Fleet,
  type FleetCache,
  type FleetCluster,
  isRemoteSecret,
  joinedBy,
  joinedClusters,
  type Member,
  registeredClusters,
  registrationKinds,
} from '../clusters/index.ts'
import { compareText } from '../lib/index.ts'
import type { Engine, Query, Read, Table } from '../pipeline/index.ts'
import type { Problem } from '../report/index.ts'
import { type ClusterRow, clusterRow, sameClusterRow } from './cluster-rows.ts'
import type { GuardedEndpoints } from './guarded-endpoints.ts'
import { watchedKinds } from './watched-kinds.ts'
import type { ObjectTables } from './xds/object-tables.ts'

/** A cluster of the command line. */
export interface NamedContext {
  readonly name: string
  /** The user chose the name; else it is only a word for it until something better is known. */
  readonly isNamed: boolean
  readonly access: Access
}

export interface InputOptions {
  readonly engine: Engine
  readonly tables: ObjectTables
  /** Where the objects of clusters go: the tables, with a guard before them. */
  readonly sink: GuardedEndpoints
  /** The first is the management cluster. */
  readonly contexts: readonly NamedContext[]
  readonly cache: FleetCache | undefined
  /** A cluster came, went, or has another state. */
  readonly changed: (cluster: FleetCluster) => void
  /** Nobody wants the cluster any more; what was written there is to be removed. */
  readonly leaving: (cluster: FleetCluster) => Promise<void>
}

interface Wanted {
  readonly members: readonly Member[]
  readonly problems: readonly Problem[]
}

/** A registration's name is the one that policies use; then one that a user chose, a remote secret's, a context's. */
const chosenRank = 10
const contextRank = 40
const remoteSecretLabel = 'remote secret'

/**
 * First stage: API servers → tables. Which clusters there are is itself told by objects: registrations on the
 * management cluster, and Istio's remote secrets on any. So the fleet follows a query.
 */
export class Inputs {
  readonly fleet: Fleet
  /** Clusters that registrations name. */
  readonly registered: Query<string, readonly Member[]>
  /** What is wrong with registrations. */
  readonly problems: Query<string, readonly Problem[]>
  readonly clusters: Table<ClusterRow>
  readonly #options: InputOptions
  readonly #management: string

  constructor(options: InputOptions) {
    this.#options = options
    const { engine, sink, cache } = options
    this.#management = options.contexts[0]?.name ?? ''
    this.clusters = engine.table<ClusterRow>('clusters', { equals: sameClusterRow })
    this.fleet = new Fleet({
      kinds: watchedKinds,
      ...(cache && { cache }),
      sink: {
        replace: (cluster, kind, objects) => sink.replace(cluster, kind, objects),
        set: (cluster, kind, key, object) => sink.set(cluster, kind, key, object),
        delete: (cluster, kind, key) => sink.delete(cluster, kind, key),
        cluster: (cluster) => {
          sink.sighted(cluster.name, cluster.state.staleSince)
          this.clusters.set(cluster.name, clusterRow(cluster, this.#management))
          options.changed(cluster)
        },
        gone: (name) => {
          this.clusters.delete(name)
          sink.forget(name)
        },
        leaving: options.leaving,
      },
    })
    const wanted = engine.define<string, Wanted>('wanted clusters', (read) => this.#wanted(read))
    this.registered = engine.define<string, readonly Member[]>('registered clusters', (read) =>
      read.query(wanted, '').members.filter((member) => member.registration !== undefined),
    )
    this.problems = engine.define('registration problems', (read) => read.query(wanted, '').problems)
    this.#joinClusters(engine)
    const observer = engine.observe(() => this.#reconcile(observer.watch(wanted, '').members))
    observer.watch(wanted, '')
  }

  /** Connects the clusters of the command line; others follow. */
  start(): void {
    this.#reconcile([])
  }

  stop(): Promise<void> {
    return this.fleet.stop()
  }

  #reconcile(members: readonly Member[]): void {
    const { contexts } = this.#options
    const own = contexts.map(({ name, isNamed, access }): Member => {
      const source = `context ${access.context}`
      return { name, source, rank: isNamed ? chosenRank : contextRank, access, fingerprint: '' }
    })
    this.fleet.reconcile([...own, ...members])
  }

  #wanted(read: Read): Wanted {
    const { tables } = this.#options
    const members: Member[] = []
    const problems: Problem[] = []
    for (const { name, isManagement } of read.all(this.clusters)) {
      const secrets = tables.table(name, '/Secret')
      const joined = joinedClusters(name, this.#remoteSecrets(read, name))
      members.push(...joined.members)
      problems.push(...joined.problems)
      if (!isManagement) continue
      for (const kind of registrationKinds) {
        const objects = read.all(tables.table(name, kind))
        const found = registeredClusters(name, objects, (ns, secret) => read.get(secrets, `${ns}/${secret}`))
        members.push(...found.members)
        problems.push(...found.problems)
      }
    }
    return { members, problems }
  }

  #remoteSecrets(read: Read, cluster: string) {
    const keys = (object: Parameters<typeof isRemoteSecret>[0]): string[] => (isRemoteSecret(object) ? ['yes'] : [])
    return read.by(this.#options.tables.index(cluster, { name: remoteSecretLabel, kind: '/Secret', keys }), 'yes')
  }

  /** Tells the worlds of the proxies which clusters share services: those that hold each other's remote secrets. */
  #joinClusters(engine: Engine): void {
    const { tables } = this.#options
    const facts = engine.define<string, readonly { name: string; joined: string[]; staleSince: string | undefined }[]>(
      'joined clusters',
      (read) => {
        const rows = read.all(this.clusters)
        const nameOf = (id: string): string | undefined =>
          rows.find((row) => row.name === id || row.aliases.includes(id))?.name
        return rows.map(({ name, staleSince }) => {
          const ids = this.#remoteSecrets(read, name).flatMap(joinedBy)
          const joined = new Set(
            ids.map(nameOf).filter((other): other is string => other !== undefined && other !== name),
          )
          return { name, joined: [...joined].sort(compareText), staleSince }
        })
      },
    )
    const write = (): void => {
      for (const { name, joined, staleSince } of observer.watch(facts, ''))
        tables.facts.set(name, { joined, staleSince })
    }
    const observer = engine.observe(write)
    write()
  }
}
