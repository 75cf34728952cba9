import { type ClusterSpec, outboundClusterSpecs } from '../../../backends/envoy/index.ts'
import type { Query } from '../../../discovery/index.ts'
import { type ProxyScope, viewOf } from '../../../mesh/index.ts'
import { versionOf } from '../encode.ts'
import { clusterClass, endpointClass, remembered, type SpecList } from './keys.ts'

export const specLists: Query<ProxyScope, SpecList> = {
  name: 'xds/cluster-specs',
  keyOf: ({ view }) => viewOf.keyOf(view),
  compute: (world, scope) => {
    const specs = world.get(outboundClusterSpecs, scope)
    const digest = versionOf([...specs.values()].map(specText).join('\n'))
    const someNamed = [...specs.values()].some(isNamed)
    return shared(specListPool, digest, () => ({ digest, specs, someNamed }))
  },
  equals: (a, b) => a.digest === b.digest,
}

const specListPool = new Map<string, WeakRef<SpecList>>()

/** The one object of a digest, for as long as somebody holds it. */
export function shared<T extends object>(pool: Map<string, WeakRef<T>>, digest: string, make: () => T): T {
  const known = pool.get(digest)?.deref()
  if (known) return known
  for (const [key, ref] of pool) if (!ref.deref()) pool.delete(key)
  const made = make()
  pool.set(digest, new WeakRef(made))
  return made
}

export const specText: (spec: ClusterSpec) => string = remembered((spec) => `${spec.name}|${spec.binding.key}`)

export function isNamed({ binding: { service } }: ClusterSpec): boolean {
  return (
    service.resolution === 'dns' || service.resolution === 'dns-round-robin' || service.resolution === 'dynamic-dns'
  )
}

/** The cluster of a name, for proxies that ask for clusters by name. */
export const specOf: Query<{ readonly name: string; readonly scope: ProxyScope }, ClusterSpec | undefined> = {
  name: 'xds/cluster-spec',
  keyOf: ({ name, scope }) => `${name} ${specLists.keyOf(scope)}`,
  compute: (world, { name, scope }) => world.get(specLists, scope).specs.get(name),
  equals: (a, b) => a === b || (a !== undefined && b !== undefined && specText(a) === specText(b)),
}

/** What of a scope decides over clusters and endpoints that proxies ask for by name. */
export const demandClass = (scope: ProxyScope): string =>
  `${specLists.keyOf(scope)} ${clusterClass(scope)} ${endpointClass(scope)}`
