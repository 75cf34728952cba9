// Hosts whose routes or rules a user's own Istio object decides. Fairlead writes nothing beside it.

import type { ObjectRef } from '../../report/index.ts'
import { type KubeObject, objectsOf, refOf, type Snapshot } from '../../resources/index.ts'
import { isOwn } from './objects.ts'
import { asList, asText, at } from './plain.ts'

/** Finds the user's object that stands in the way; undefined if there is none. */
export interface Occupied {
  /** An object with a host that the given one meets. */
  byHost(kind: 'VirtualService' | 'DestinationRule', cluster: string, host: string): ObjectRef | undefined
  /** An object with this very name. */
  byName(
    kind: string,
    place: { readonly cluster: string; readonly namespace: string; readonly name: string },
  ): ObjectRef | undefined
}

interface Claimed {
  readonly ref: ObjectRef
  readonly hosts: readonly string[]
}

const networking = 'networking.istio.io'

export function occupiedBy(snapshot: Snapshot): Occupied {
  const claimed = new Map<string, readonly Claimed[]>()
  for (const [name, cluster] of snapshot.clusters)
    for (const kind of ['VirtualService', 'DestinationRule'] as const) {
      const own = [...objectsOf(cluster, `${networking}/${kind}`).values()].filter((object) => !isOwn(object))
      const found = own.flatMap((object) => {
        const hosts = hostsOf(kind, object)
        return hosts.length === 0 ? [] : [{ ref: refOf(name, object), hosts }]
      })
      found.sort((a, b) => (refText(a.ref) < refText(b.ref) ? -1 : 1))
      claimed.set(`${kind}/${name}`, found)
    }
  return {
    byHost: (kind, cluster, host) =>
      claimed.get(`${kind}/${cluster}`)?.find(({ hosts }) => hosts.some((other) => hostsMeet(other, host)))?.ref,
    byName: (kind, { cluster, namespace, name }) => {
      const group = kind === 'AuthorizationPolicy' ? 'security.istio.io' : networking
      const found = objectsOf(snapshot.clusters.get(cluster), `${group}/${kind}`).get(`${namespace}/${name}`)
      return found === undefined || isOwn(found) ? undefined : refOf(cluster, found)
    },
  }
}

const refText = (ref: ObjectRef): string => `${ref.namespace}/${ref.name}`

function hostsOf(kind: 'VirtualService' | 'DestinationRule', object: KubeObject): string[] {
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

/** True if one host name, with or without wildcard, covers a name that the other one covers. */
function hostsMeet(a: string, b: string): boolean {
  const [x, y] = [a.startsWith('*'), b.startsWith('*')]
  if (!x && !y) return a === b
  if (x && y) return a.slice(1).endsWith(b.slice(1)) || b.slice(1).endsWith(a.slice(1))
  return x ? b.endsWith(a.slice(1)) : a.endsWith(b.slice(1))
}
