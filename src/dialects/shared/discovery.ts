// Kubernetes facts of one cluster → its mesh, and the workloads and services of the mesh, whatever generation asks.
// Names and forms of the discovery objects are the generation's affair.
import { parse } from 'yaml'
import { matchesRequirement } from '../../lib/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { ClusterFacts, Controller, FactService } from './facts.ts'
import { asList, asMap, asText, asTexts, at } from './plain.ts'
import { hasLabels } from './selectors.ts'

/** A control plane that was found. */
export interface FoundMesh {
  /** `istiod`, or `istiod-<revision>`. */
  readonly deployment: string
  readonly namespace: string
  readonly version: string
  readonly podLabels: Readonly<Record<string, string>>
  readonly serviceAccount: string
  readonly trustDomain: string
  readonly smartDns: boolean
  readonly annotations: Readonly<Record<string, string>>
  /** Something about it that is not as it should be. */
  readonly warning?: string
}

/** Label of the system namespace of a cluster whose Envoys Fairlead drives itself: there is no istiod. */
export const dataPlaneLabel = 'fairlead.dev/data-plane'

/** The control planes of a cluster. */
export function findMeshes(facts: ClusterFacts): FoundMesh[] {
  const istiods = facts.controllers.filter(
    ({ kind, name, images }) =>
      kind === 'Deployment' &&
      name.startsWith('istiod') &&
      images.some(({ image }) => image.includes('istio') && image.includes('pilot')),
  )
  if (istiods.length > 0) return istiods.map((istiod) => readIstiod(facts, istiod))
  return facts
    .objects('/Namespace')
    .filter(({ metadata }) => metadata.labels?.[dataPlaneLabel] === 'envoy')
    .map(({ metadata }) => ({
      deployment: 'istiod',
      namespace: metadata.name,
      version: 'fairlead',
      podLabels: {},
      serviceAccount: 'istiod',
      annotations: {},
      ...meshConfig(facts, metadata.name, 'istio'),
    }))
}

function readIstiod(facts: ClusterFacts, istiod: Controller): FoundMesh {
  const { name, namespace, object } = istiod
  const revision = name.replace(/^istiod-?/, '')
  const pilot = istiod.images.find(({ image }) => image.includes('pilot'))
  return {
    deployment: name,
    namespace,
    version: imageVersion(pilot?.image ?? ''),
    podLabels: asTexts(at(object.spec, 'selector', 'matchLabels')),
    serviceAccount: istiod.serviceAccount,
    annotations: asTexts(object.metadata.annotations),
    ...meshConfig(facts, namespace, revision === '' ? 'istio' : `istio-${revision}`),
  }
}

/** Tag of an image, or its digest. */
function imageVersion(image: string): string {
  const at = image.indexOf('@')
  if (at >= 0) return image.slice(at + 1)
  const last = image.slice(image.lastIndexOf('/') + 1)
  const colon = last.indexOf(':')
  return colon < 0 ? 'latest' : last.slice(colon + 1)
}

function meshConfig(
  facts: ClusterFacts,
  namespace: string,
  name: string,
): Pick<FoundMesh, 'trustDomain' | 'smartDns' | 'warning'> {
  const text = at(facts.object('/ConfigMap', `${namespace}/${name}`), 'data', 'mesh')
  const fallback = { trustDomain: 'cluster.local', smartDns: false }
  if (typeof text !== 'string')
    return {
      ...fallback,
      warning: `ConfigMap ${namespace}/${name} has no key "mesh"; trust domain cluster.local is assumed`,
    }
  let config: unknown
  try {
    config = parse(text)
  } catch {
    return {
      ...fallback,
      warning: `key "mesh" of ConfigMap ${namespace}/${name} is not valid YAML; trust domain cluster.local is assumed`,
    }
  }
  return {
    trustDomain: asText(at(config, 'trustDomain')) || 'cluster.local',
    smartDns: asText(at(config, 'defaultConfig', 'proxyMetadata', 'ISTIO_META_DNS_CAPTURE')) === 'true',
  }
}

const systemNamespaces = ['kube-system', 'kube-public', 'kube-node-lease', 'local-path-storage']

/** True if the pods of a controller are (or would be) given a proxy. */
export function isInMesh(facts: ClusterFacts, controller: Controller): boolean {
  const { namespace, podLabels, podAnnotations, images, hostNetwork } = controller
  if (images.some(isProxy)) return true
  if (hasProxyPod(facts, controller)) return true
  if (hostNetwork || systemNamespaces.includes(namespace)) return false
  const said = podLabels['sidecar.istio.io/inject'] ?? podAnnotations['sidecar.istio.io/inject'] ?? ''
  // As the injector reads it: any other word counts as no.
  if (said !== '') return ['true', 'yes', 'y', 'on'].includes(said.toLowerCase())
  const selected = injectorSelectors(facts, podLabels)
  if (selected !== undefined) return selected
  const labels = facts.object('/Namespace', namespace)?.metadata.labels ?? {}
  return (
    labels['istio-injection'] === 'enabled' ||
    (labels['istio-injection'] !== 'disabled' && labels['istio.io/rev'] !== undefined)
  )
}

function isProxy({ name, image }: { readonly name: string; readonly image: string }): boolean {
  return name === 'istio-proxy' || (image.includes('istio') && image.includes('proxy'))
}

// Pods with a proxy, by namespace, are looked for once for each state of a cluster.
const proxyPods = new WeakMap<ClusterFacts, Map<string, readonly KubeObject[]>>()

function proxyPodsIn(facts: ClusterFacts, namespace: string): readonly KubeObject[] {
  const known = proxyPods.get(facts) ?? new Map<string, readonly KubeObject[]>()
  proxyPods.set(facts, known)
  const found = known.get(namespace) ?? facts.podsIn(namespace).filter(hasProxy)
  known.set(namespace, found)
  return found
}

function hasProxy({ spec }: KubeObject): boolean {
  const containers = [...asList(at(spec, 'initContainers')), ...asList(at(spec, 'containers'))]
  return containers.some((container) =>
    isProxy({ name: asText(at(container, 'name')), image: asText(at(container, 'image')) }),
  )
}

function hasProxyPod(facts: ClusterFacts, { namespace, podLabels, name }: Controller): boolean {
  if (Object.keys(podLabels).length === 0) return false
  return proxyPodsIn(facts, namespace).some(
    ({ metadata }) => metadata.name.startsWith(`${name}-`) && hasLabels(metadata.labels ?? {}, podLabels),
  )
}

/** What the injector's own selectors say; undefined if nothing. */
function injectorSelectors(facts: ClusterFacts, labels: Readonly<Record<string, string>>): boolean | undefined {
  for (const injector of facts
    .objects('/ConfigMap')
    .filter(({ metadata }) => metadata.name === 'istio-sidecar-injector')) {
    const text = asText(at(injector, 'data', 'config'))
    let config: unknown
    try {
      config = parse(text)
    } catch {
      continue
    }
    const matches = (key: string): boolean => asList(asMap(config)[key]).some((selector) => selects(selector, labels))
    if (matches('neverInjectSelector')) return false
    if (matches('alwaysInjectSelector')) return true
  }
  return undefined
}

/** A Kubernetes label selector; an empty one selects nothing here, as the injector reads it. */
function selects(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  const wanted = asTexts(at(selector, 'matchLabels'))
  const expressions = asList(at(selector, 'matchExpressions'))
  if (Object.keys(wanted).length === 0 && expressions.length === 0) return false
  return hasLabels(labels, wanted) && expressions.every((expression) => holds(expression, labels))
}

function holds(expression: unknown, labels: Readonly<Record<string, string>>): boolean {
  const key = asText(at(expression, 'key'))
  const operator = asText(at(expression, 'operator'))
  return matchesRequirement({ key, operator, values: asList(at(expression, 'values')).map(asText) }, labels)
}

/** Pod labels that two or more of the backing workloads' pods have with different values, with these values. */
export function labelsThatDiffer(
  workloads: readonly { readonly labels: Readonly<Record<string, string>> }[],
  atLeast: number,
): Record<string, string[]> {
  const ignored = ['pod-template-hash', 'service.istio.io/canonical-revision']
  const values = new Map<string, Set<string>>()
  for (const { labels } of workloads)
    for (const [key, value] of Object.entries(labels))
      if (!ignored.includes(key)) values.set(key, (values.get(key) ?? new Set()).add(value))
  return Object.fromEntries(
    [...values]
      .filter(([, found]) => found.size >= atLeast)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, found]) => [key, [...found].sort()]),
  )
}

/** Addresses under which a service is reached from outside its cluster: those that its owner set, then its own. */
export function externalAddresses(facts: ClusterFacts, service: FactService): string[] {
  return [...new Set([...givenAddresses(service), ...ownAddresses(facts, service)])]
}

/** The one address for those who take only one: that of the load balancer or node, else one that its owner set. */
export function entryAddress(facts: ClusterFacts, service: FactService): string | undefined {
  return ownAddresses(facts, service)[0] ?? givenAddresses(service)[0]
}

const givenAddresses = ({ object }: FactService): string[] =>
  asList(at(object.spec, 'externalIPs'))
    .map(asText)
    .filter((address) => address !== '')

function ownAddresses(facts: ClusterFacts, service: FactService): string[] {
  if (service.type === 'LoadBalancer')
    return asList(at(service.object.status, 'loadBalancer', 'ingress'))
      .map((ingress) => asText(at(ingress, 'ip')) || asText(at(ingress, 'hostname')))
      .filter((address) => address !== '')
  return service.type === 'NodePort' ? nodeAddresses(facts, service) : []
}

/** Addresses of the nodes that run pods of the service (of all nodes, if that is not known). */
function nodeAddresses(facts: ClusterFacts, { selector, namespace }: FactService): string[] {
  const pods = facts.podsIn(namespace).filter((pod) => hasLabels(pod.metadata.labels ?? {}, selector))
  const names = new Set(pods.map((pod) => asText(at(pod.spec, 'nodeName'))))
  const nodes = facts.objects('/Node').filter((node) => names.size === 0 || names.has(node.metadata.name))
  return nodes.flatMap((node) => {
    const addresses = asList(at(node.status, 'addresses'))
    const of = (...types: readonly string[]): string[] =>
      addresses.filter((each) => types.includes(asText(at(each, 'type')))).map((each) => asText(at(each, 'address')))
    const outside = of('ExternalDNS', 'ExternalIP')
    const inside = of('InternalIP')
    // The nodes of kind have no outside; there, and where nothing else is known, the inner address is reachable.
    if (outside.length > 0 && !isKindNode(node)) return outside
    return inside.length > 0 ? inside.slice(0, 1) : [...outside, ...of('Hostname')].slice(0, 1)
  })
}

function isKindNode(node: KubeObject): boolean {
  if (asText(at(node.spec, 'providerID')).startsWith('kind://')) return true
  const images = asList(at(node.status, 'images'))
  return images.some((image) => asList(at(image, 'names')).some((name) => asText(name).includes('kindnetd')))
}
