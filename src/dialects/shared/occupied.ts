// Hosts whose routes or rules a user's own Istio object decides. Fairlead writes nothing beside it.

import { hostsOverlap } from '../../discovery/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import { groupKind, type KubeObject, objectsOf, refOf, type Snapshot } from '../../resources/index.ts'
import { sameItems } from './memory.ts'
import { isOwn } from './objects.ts'
import { asList, asText, at } from './plain.ts'

/** Finds the user's object that stands in the way; undefined if there is none. */
export interface Occupied {
  /** An object with a host that the given one meets. */
  byHost(kind: HostKind, cluster: string, host: string): ObjectRef | undefined
  /** An object with this very name. */
  byName(
    apiVersion: string,
    kind: string,
    place: { readonly cluster: string; readonly namespace: string; readonly name: string },
  ): ObjectRef | undefined
}

interface Claimed {
  readonly ref: ObjectRef
  readonly hosts: readonly string[]
}

type HostKind = 'VirtualService' | 'DestinationRule'

const networking = 'networking.istio.io'

/** Users' own Istio objects, over several snapshots: read again where a kind has changed. */
export class OccupiedPlaces implements Occupied {
  readonly #kinds = new Map<string, Users>()
  #snapshot: Snapshot = { clusters: new Map() }
  #version = {}

  /** What follows is about this snapshot. */
  begin(snapshot: Snapshot): void {
    this.#snapshot = snapshot
    for (const [key, { cluster, kind, objects }] of this.#kinds) this.#read(key, cluster, kind, objects)
  }

  /** Another thing whenever there is another object of a user's among the kinds that were asked for. */
  get version(): object {
    return this.#version
  }

  byHost(kind: HostKind, cluster: string, host: string): ObjectRef | undefined {
    const users = this.#of(cluster, `${networking}/${kind}`)
    users.claims ??= claimsOf(users.objects.values(), kind, cluster)
    return users.claims.find(({ hosts }) => hosts.some((other) => hostsOverlap(other, host)))?.ref
  }

  byName(apiVersion: string, kind: string, place: Place): ObjectRef | undefined {
    const { objects } = this.#of(place.cluster, groupKind({ apiVersion, kind }))
    if (objects.size === 0) return undefined
    const found = objects.get(`${place.namespace}/${place.name}`)
    return found && refOf(place.cluster, found)
  }

  #of(cluster: string, kind: string): Users {
    const key = `${cluster} ${kind}`
    return this.#kinds.get(key) ?? this.#read(key, cluster, kind, undefined)
  }

  #read(key: string, cluster: string, kind: string, before: ReadonlyMap<string, KubeObject> | undefined): Users {
    const all = objectsOf(this.#snapshot.clusters.get(cluster), kind)
    const known = this.#kinds.get(key)
    if (known?.all === all) return known
    const objects = new Map([...all].filter(([, object]) => !isOwn(object)))
    // What Fairlead itself has written changes nothing.
    const isSame = before !== undefined && sameItems([...before].flat(), [...objects].flat())
    const users: Users = isSame && known ? { ...known, all } : { cluster, kind, all, objects, claims: undefined }
    if (before !== undefined && !isSame) this.#version = {}
    this.#kinds.set(key, users)
    return users
  }
}

type Place = Parameters<Occupied['byName']>[2]

/** What is known of users' objects of a kind in a cluster. */
interface Users {
  readonly cluster: string
  readonly kind: string
  readonly all: ReadonlyMap<string, KubeObject>
  readonly objects: ReadonlyMap<string, KubeObject>
  claims: readonly Claimed[] | undefined
}

function claimsOf(objects: Iterable<KubeObject>, kind: HostKind, cluster: string): Claimed[] {
  const found = [...objects].flatMap((object) => {
    const hosts = hostsOf(kind, object)
    return hosts.length === 0 ? [] : [{ ref: refOf(cluster, object), hosts }]
  })
  return found.sort((a, b) => (refText(a.ref) < refText(b.ref) ? -1 : 1))
}

const refText = (ref: ObjectRef): string => `${ref.namespace}/${ref.name}`

function hostsOf(kind: HostKind, object: KubeObject): string[] {
  const namespace = object.metadata.namespace ?? 'default'
  const full = (host: unknown): string => {
    const text = asText(host)
    return text === '*' || text.includes('.') ? text : `${text}.${namespace}.svc.cluster.local`
  }
  if (kind === 'DestinationRule') return [full(at(object.spec, 'host'))].filter((host) => !host.startsWith('.'))
  const gateways = asList(at(object.spec, 'gateways')).map(asText)
  // A VirtualService that is bound to gateways only does not touch calls inside the mesh.
  if (gateways.length > 0 && !gateways.includes('mesh')) return []
  return asList(at(object.spec, 'hosts')).map(full)
}
