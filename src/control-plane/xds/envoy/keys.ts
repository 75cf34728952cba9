// What lists and resources of Envoy proxies are made from, and the parts of a scope that decide over each.
import type { ClusterSpec, CredentialKey, ListenerKey } from '../../../backends/envoy/index.ts'
import { type PatchTarget, type Proxy, type ProxyScope, viewOf } from '../../../mesh/index.ts'
import type { Key } from '../backend.ts'
import { versionOf } from '../encode.ts'

/** The patches that a sort of resources gets, as a part of keys; '' = none. */
export const patchClass = ({ patches }: ProxyScope, target: PatchTarget): string =>
  patches[target].length === 0 ? '' : ` ${versionOf(patches[target].join())}`

/** What listeners get beside what they are planned for: logs, traces and patches; '' = nothing. */
export const listenerClass = (scope: ProxyScope): string => {
  const { objects, identity } = scope.telemetry
  const observed = objects.length === 0 && !identity ? '' : ` ${versionOf(JSON.stringify(scope.telemetry))}`
  return `${observed}${patchClass(scope, 'listeners')}${scope.onDemand ? ' on demand' : ''}`
}

/** A key's text, made once for each key object. */
export function remembered<K extends object>(keyOf: (key: K) => string): (key: K) => string {
  const texts = new WeakMap<K, string>()
  return (key) => {
    let text = texts.get(key)
    if (text === undefined) {
      text = versionOf(keyOf(key))
      texts.set(key, text)
    }
    return text
  }
}

/** Tens of thousands of keys are kept: none is longer than it must be. */
export const shortText = (...parts: readonly string[]): string => versionOf(parts.join(' '))

/** What is made for one proxy's own workload: it may depend on anything that the proxy says of itself. */
export interface OwnKey {
  readonly kind: 'own'
  readonly type: 'clusters' | 'listeners'
  readonly proxy: Proxy
}

/** The clusters that a view leads to. Views with equal ones share the list. */
export interface SpecList {
  readonly digest: string
  readonly specs: ReadonlyMap<string, ClusterSpec>
  /** Whether some clusters hold their endpoints themselves, so that they depend on where the client is. */
  readonly someNamed: boolean
}

/** What a proxy's lists are made from. */
export type EnvoyList = Key &
  (
    | { readonly kind: 'clusters'; readonly specs: SpecList; readonly scope: ProxyScope }
    | { readonly kind: 'fixed-clusters'; readonly scope: ProxyScope }
    | OwnKey
    | { readonly kind: 'demanded-clusters'; readonly scope: ProxyScope }
    | { readonly kind: 'endpoints'; readonly specs: SpecList; readonly scope: ProxyScope }
    | { readonly kind: 'demanded-endpoints'; readonly scope: ProxyScope }
    | { readonly kind: 'listeners'; readonly scope: ProxyScope }
    | { readonly kind: 'explicit-proxy'; readonly proxy: Proxy; readonly scope: ProxyScope }
    | { readonly kind: 'added-listeners'; readonly scope: ProxyScope }
    | { readonly kind: 'extensions'; readonly scope: ProxyScope }
    | { readonly kind: 'routes'; readonly scope: ProxyScope }
    | { readonly kind: 'demanded-hosts'; readonly scope: ProxyScope }
    | { readonly kind: 'secrets'; readonly place: Omit<CredentialKey, 'name'>; readonly names: readonly string[] }
  )

/** What a resource is made from. */
export type EnvoyResource = Key &
  (
    | { readonly kind: 'cluster'; readonly spec: ClusterSpec; readonly scope: ProxyScope }
    | { readonly kind: 'fixed-cluster'; readonly name: string; readonly scope: ProxyScope }
    | (OwnKey & { readonly name: string })
    | { readonly kind: 'demanded-cluster'; readonly name: string; readonly scope: ProxyScope }
    | { readonly kind: 'endpoints'; readonly spec: ClusterSpec; readonly scope: ProxyScope }
    | { readonly kind: 'demanded-endpoints'; readonly name: string; readonly scope: ProxyScope }
    | { readonly kind: 'listener'; readonly key: ListenerKey; readonly scope: ProxyScope }
    | { readonly kind: 'capturing-listener'; readonly scope: ProxyScope }
    | { readonly kind: 'local-proxy'; readonly port: number; readonly scope: ProxyScope }
    | { readonly kind: 'added-listener'; readonly name: string; readonly scope: ProxyScope }
    | { readonly kind: 'explicit-proxy'; readonly proxy: Proxy; readonly scope: ProxyScope }
    | { readonly kind: 'tunnel'; readonly scope: ProxyScope }
    | { readonly kind: 'extension'; readonly name: string; readonly scope: ProxyScope }
    | { readonly kind: 'route'; readonly name: string; readonly scope: ProxyScope }
    | { readonly kind: 'demanded-host'; readonly name: string; readonly scope: ProxyScope }
    | { readonly kind: 'secret'; readonly credential: CredentialKey }
  )

/** What of a scope decides over clusters, and over endpoints: `clusterKey` and `endpointsKey` read no more than this. */
export const clusterClass = ({ type, secrets }: ProxyScope): string => `${type}|${secrets}`
export const endpointClass = (scope: ProxyScope): string => {
  const { cluster, network, networkView, locality, labels, node, ipFamilies, machines } = scope
  return JSON.stringify([cluster, network, networkView, locality, labels, node, ipFamilies, machines])
}
export const viewClass = (scope: ProxyScope): string => {
  if (scope.type === 'gateway') return scope.key
  const { type, namespace, cluster, labels, view, autoAddresses, ipFamilies, dataPath, interception, onDemand } = scope
  const views = viewOf.keyOf(view)
  const asked = onDemand ? ['on demand'] : []
  return JSON.stringify([
    type,
    namespace,
    cluster,
    labels,
    views,
    autoAddresses,
    ipFamilies,
    dataPath,
    interception,
    ...asked,
  ])
}

export const proxyText = remembered<Proxy>((proxy) => JSON.stringify(proxy))

export const own = (type: OwnKey['type'], proxy: Proxy): EnvoyList => ({
  kind: 'own',
  type,
  text: `own ${type} ${proxyText(proxy)}`,
  proxy,
})
