// Hosts whose routes or rules a user's own Istio object decides. Fairlead writes nothing beside it.

import { hostsOverlap } from '../../discovery/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import { groupKind, type KubeObject, objectsOf, refOf, type Snapshot } from '../../resources/index.ts'
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

export function occupiedBy(snapshot: Snapshot): Occupied {
  const claimed = new Map<string, readonly Claimed[]>()
  const claims = (kind: HostKind, cluster: string): readonly Claimed[] => {
    const key = `${kind}/${cluster}`
    const found = claimed.get(key) ?? claimsOf(snapshot, kind, cluster)
    claimed.set(key, found)
    return found
  }
  return {
    byHost: (kind, cluster, host) =>
      claims(kind, cluster).find(({ hosts }) => hosts.some((other) => hostsOverlap(other, host)))?.ref,
    byName: (apiVersion, kind, { cluster, namespace, name }) => {
      const objects = objectsOf(snapshot.clusters.get(cluster), groupKind({ apiVersion, kind }))
      const found = objects.get(`${namespace}/${name}`)
      return found === undefined || isOwn(found) ? undefined : refOf(cluster, found)
    },
  }
}

function claimsOf(snapshot: Snapshot, kind: HostKind, cluster: string): Claimed[] {
  const objects = objectsOf(snapshot.clusters.get(cluster), `${networking}/${kind}`)
  const found = [...objects.values()].flatMap((object) => {
    const hosts = isOwn(object) ? [] : hostsOf(kind, object)
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
