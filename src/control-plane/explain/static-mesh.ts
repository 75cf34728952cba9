// The proxies of a mesh that is known from objects alone: every pod with a proxy in it, with what it would be given.
import { buildProxyConfig } from '../../backends/envoy/index.ts'
import { kinds, networkOfWorkload, podWorkload, type World } from '../../discovery/index.ts'
import type { Mesh, ProxyConfig } from '../../evaluator/index.ts'
import { type Proxy, proxyOfDescription } from '../../mesh/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { evaluated } from './evaluated.ts'
import { frontsOf } from './fronts.ts'

/** What of pods and services is read here, beside what discovery reads. */
interface PodFields extends KubeObject {
  readonly spec?: {
    readonly serviceAccountName?: string
    readonly nodeName?: string
    readonly containers?: readonly {
      readonly name?: string
      readonly args?: readonly string[]
      readonly env?: readonly { readonly name: string; readonly value?: string }[]
    }[]
  }
  readonly status?: { readonly podIP?: string }
}

interface ProxiedPod {
  readonly cluster: string
  readonly pod: PodFields
}

/** A mesh over worlds that do not change. */
export interface StaticMesh extends Mesh {
  /** Proxies by name: `pod.namespace`, or `CLUSTER/pod.namespace`. Several if the name does not tell them apart. */
  find(name: string): readonly ProxyConfig[]
  /** Port of a pod at which connections to a port of its Service arrive; undefined if no Service leads there. */
  entryPort(podAddress: string, servicePort: number): number | undefined
  /** Names of all, as `CLUSTER/pod.namespace`. */
  readonly names: readonly string[]
  readonly clusters: readonly string[]
  /** Clusters in which something has that address: a pod with a proxy, or a Service. */
  ownersOf(address: string): readonly string[]
}

/** `worldOf`: the mesh as proxies of a cluster see it. */
export function staticMesh(clusters: readonly string[], worldOf: (cluster: string) => World): StaticMesh {
  const pods = clusters.flatMap((cluster) =>
    worldOf(cluster)
      .objects(cluster, kinds.pod)
      .map((pod): ProxiedPod => ({ cluster, pod: pod as PodFields }))
      .filter(({ pod }) => hasProxy(pod)),
  )
  const made = new Map<string, ProxyConfig>()
  const configOf = (each: ProxiedPod): ProxyConfig => {
    const name = nameOf(each)
    const known = made.get(name) ?? configured(worldOf(each.cluster), each)
    made.set(name, known)
    return known
  }
  const fronts = clusters.flatMap((cluster) => frontsOf(worldOf(cluster), cluster))
  const at = (address: string): ProxyConfig[] => pods.filter(({ pod }) => pod.status?.podIP === address).map(configOf)
  return {
    names: pods.map(nameOf),
    clusters,
    ownersOf: (address) => [
      ...new Set([
        ...pods.filter(({ pod }) => pod.status?.podIP === address).map(({ cluster }) => cluster),
        ...fronts.filter((front) => front.address === address).map(({ cluster }) => cluster),
      ]),
    ],
    find: (name) => pods.filter((each) => nameOf(each) === name || nameOf(each).endsWith(`/${name}`)).map(configOf),
    entryPort: (address, port) =>
      fronts.find((front) => front.podAddress === address && front.port === port)?.targetPort,
    proxiesAt(address, port) {
      const own = at(address)
      if (own.length > 0) return own.map((proxy) => ({ proxy, port }))
      return fronts
        .filter((front) => front.port === port && front.address === address)
        .flatMap(({ podAddress, targetPort }) => at(podAddress).map((proxy) => ({ proxy, port: targetPort })))
    },
  }
}

function nameOf({ cluster, pod }: ProxiedPod): string {
  return `${cluster}/${pod.metadata.name}.${pod.metadata.namespace ?? 'default'}`
}

function hasProxy({ metadata, spec }: PodFields): boolean {
  return (
    metadata.labels?.['security.istio.io/tlsMode'] === 'istio' ||
    metadata.annotations?.['sidecar.istio.io/status'] !== undefined ||
    (spec?.containers ?? []).some(({ name }) => name === 'istio-proxy')
  )
}

function isGateway({ metadata, spec }: PodFields): boolean {
  return (
    metadata.annotations?.['inject.istio.io/templates'] === 'gateway' ||
    (spec?.containers ?? []).some(({ args }) => args?.includes('router'))
  )
}

const metadataPrefix = 'ISTIO_META_'

/** What the proxy says of itself: its agent takes it from the environment. */
function metadataOf({ spec }: PodFields): Record<string, string> {
  const variables = (spec?.containers ?? []).flatMap(({ env }) => env ?? [])
  return Object.fromEntries(
    variables
      .filter(({ name, value }) => name.startsWith(metadataPrefix) && value !== undefined)
      .map(({ name, value = '' }) => [name.slice(metadataPrefix.length), value]),
  )
}

function configured(world: World, each: ProxiedPod): ProxyConfig {
  const { cluster, pod } = each
  const { name, namespace = 'default' } = pod.metadata
  const workload = world.get(podWorkload, { cluster, key: `${namespace}/${name}` })
  const address = pod.status?.podIP ?? ''
  const labels = workload?.labels ?? pod.metadata.labels
  const proxy: Proxy = proxyOfDescription(
    {
      type: isGateway(pod) ? 'gateway' : 'sidecar',
      name,
      namespace,
      serviceAccount: pod.spec?.serviceAccountName ?? 'default',
      cluster,
      network: workload?.network ?? networkOfWorkload(world, cluster, { labels, address }),
      labels: labels ?? {},
      ips: address === '' ? [] : [address],
      node: pod.spec?.nodeName ?? '',
      locality: workload?.locality ?? '',
      metadata: metadataOf(pod),
    },
    cluster,
  )
  const identity = workload?.identity
  return evaluated(buildProxyConfig(world, proxy), {
    name: nameOf(each),
    addresses: proxy.addresses,
    ...(identity && { principal: identity }),
  })
}
