// Gives a pod its place on the node: addresses, ports, folder, and a proxy if it is to have one.

import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { isNotFound } from '../../clusters/index.ts'
import { type ProxySettings, proxySettings } from '../../mesh/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { resources } from '../controllers/client/index.ts'
import { portMapAnnotation } from '../controllers/index.ts'
import { injectionMarks, needsSidecar, proxyContainer, proxyImage } from '../sidecar/index.ts'
import { workloadNameOf } from './owner.ts'
import { PodProxy } from './pod-proxy.ts'
import { inboundPorts, isGateway, isSidecarContainer, type PodPorts, podPorts } from './ports.ts'
import type { NodeSite, PodSite, ProxyPlan } from './site.ts'
import { requestToken, type Token } from './tokens.ts'
import type { Pod } from './types.ts'
import { PodVolumes } from './volumes.ts'

const networkLabel = 'topology.istio.io/network'

/** Settles a pod. Throws what the API server answers; nothing is kept then. */
export async function settlePod(node: NodeSite, pod: Pod): Promise<PodSite> {
  const gateway = isGateway(pod)
  const proxied = !gateway && node.proxies !== undefined && (await getsSidecar(node, pod))
  const ports = podPorts(pod, node.lowPorts)
  const marked = await mark(node, pod, ports, proxied)
  if (proxied) await showProxy(node, pod)
  const settings = proxied || gateway ? await settingsOf(node, marked) : undefined
  const address = node.addresses.take(pod.status?.podIP)
  const programAddress = proxied ? node.addresses.programAddress(address) : address
  const folder = join(node.pods, pod.metadata.uid ?? '')
  const facts = { podIP: address, hostIP: node.hostIP, cpus: availableParallelism(), memoryBytes: totalmem() }
  const proxy =
    node.proxies && settings
      ? proxyOf(node, node.proxies, marked, { address, programAddress, folder, ports, gateway, settings })
      : undefined
  return {
    node,
    folder,
    address,
    programAddress,
    proxied,
    proxy,
    ports,
    facts,
    volumes: new PodVolumes({
      api: node.api,
      folder,
      claims: node.claims,
      facts,
      onError: (error) => node.log(`pod ${pod.metadata.namespace}/${pod.metadata.name}: token: ${String(error)}`),
    }),
    servedBy: `${node.cluster}/${pod.metadata.namespace}/${pod.metadata.name}`,
  }
}

async function getsSidecar(node: NodeSite, pod: Pod): Promise<boolean> {
  if (pod.spec?.containers.some(isSidecarContainer)) return true
  const name = pod.metadata.namespace ?? 'default'
  const namespace = await node.api.get<KubeObject>(resources.namespaces, '', name)
  return needsSidecar(pod, { name, labels: namespace.metadata.labels ?? {} })
}

/** Writes on the pod what others read off it: that it has a proxy, and which of its ports are not where they say. */
async function mark(node: NodeSite, pod: Pod, ports: PodPorts, proxied: boolean): Promise<Pod> {
  const marks = proxied
    ? injectionMarks(pod.metadata.labels ?? {}, workloadNameOf(pod))
    : { labels: {}, annotations: {} }
  const annotations: Record<string, string> = {
    ...marks.annotations,
    ...(ports.shifted === undefined ? {} : { [portMapAnnotation]: ports.shifted }),
  }
  const there = { ...pod.metadata.annotations }
  const isThere = Object.entries(annotations).every(([key, value]) => there[key] === value)
  if (isThere && Object.keys(marks.labels).length === 0) return pod
  const body = { metadata: { uid: pod.metadata.uid, labels: marks.labels, annotations } }
  return node.api.patch<Pod>(resources.pods, pod.metadata, { type: 'merge', body })
}

/**
 * Adds the proxy to the pod spec as far as a client can, as an ephemeral container: so that its state shows, and
 * `kubectl logs` and `exec` find it. An API server that does not take it is none the worse for it.
 */
async function showProxy(node: NodeSite, pod: Pod): Promise<void> {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.ephemeralContainers ?? [])]
  if (containers.some((container) => container.name === proxyContainer)) return
  const body = { spec: { ephemeralContainers: [{ name: proxyContainer, image: proxyImage }] } }
  const patch = { type: 'strategic-merge', subresource: 'ephemeralcontainers', body } as const
  await node.api.patch(resources.pods, pod.metadata, patch).catch((error: unknown) => {
    node.log(`pod ${pod.metadata.namespace}/${pod.metadata.name}: the proxy is not shown: ${String(error)}`)
  })
}

interface Placed {
  readonly address: string
  readonly programAddress: string
  readonly folder: string
  readonly ports: PodPorts
  readonly gateway: boolean
  readonly settings: ProxySettings
}

const systemNamespace = 'istio-system'

/** What ProxyConfigs say of the pod; nothing where the cluster has none. */
async function settingsOf(node: NodeSite, { metadata }: Pod): Promise<ProxySettings> {
  const objects = await node.api.list(resources.proxyConfigs).catch((error: unknown) => {
    if (isNotFound(error)) return []
    throw error
  })
  const { namespace = 'default', labels = {} } = metadata
  return proxySettings(objects, systemNamespace, { namespace, labels })
}

const metadataPrefix = 'ISTIO_META_'

/** Node metadata that the pod spec gives its proxy, by variables that begin with ISTIO_META_, as Istio's agent reads them. */
function saidToProxy(pod: Pod): Record<string, string> {
  const variables = (pod.spec?.containers ?? []).find(({ name }) => name === proxyContainer)?.env ?? []
  return asMetadata(variables.map(({ name, value }) => [name, value ?? '']))
}

function asMetadata(variables: readonly (readonly [string, string])[]): Record<string, string> {
  const said = variables.filter(([name]) => name.startsWith(metadataPrefix))
  return Object.fromEntries(said.map(([name, value]) => [name.slice(metadataPrefix.length), value]))
}

function proxyOf(node: NodeSite, plan: ProxyPlan, pod: Pod, placed: Placed): PodProxy {
  const { address, programAddress, folder, ports, gateway, settings } = placed
  const { namespace = 'default', name, labels = {}, annotations = {} } = pod.metadata
  let token: Token | undefined
  return new PodProxy({
    role: gateway ? 'gateway' : 'sidecar',
    envoyPath: plan.envoyPath,
    directory: join(folder, 'proxy'),
    address,
    appAddress: gateway ? undefined : programAddress,
    ...(plan.machines && { machines: plan.machines }),
    ports: gateway ? [] : inboundPorts(ports, address, programAddress),
    pod: {
      name,
      namespace,
      labels,
      annotations,
      serviceAccount: pod.spec?.serviceAccountName ?? 'default',
      nodeName: node.name,
      workloadName: workloadNameOf(pod),
    },
    cluster: node.cluster,
    network: labels[networkLabel] ?? plan.network,
    metadata: { ...asMetadata(Object.entries(settings.environment)), ...saidToProxy(pod) },
    ...(settings.concurrency !== undefined && { concurrency: settings.concurrency }),
    locality: node.locality(),
    xds: plan.xds,
    token: async () => {
      if (!token || Date.now() > token.renewAtMs) token = await requestToken(node.api, pod, 'istio-ca', 12 * 3600)
      return token.token
    },
    log: (line) => node.log(`pod ${namespace}/${name}: ${line}`),
  })
}
