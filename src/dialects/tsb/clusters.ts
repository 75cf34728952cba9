// What a cluster is, as far as calls from and to other clusters are concerned: its network, its trust domain, its
// services and what stands behind them.
import { compareText } from '../../lib/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import {
  asInteger,
  asList,
  asText,
  asTexts,
  at,
  type ClusterFacts,
  type Controller,
  canonical,
  dataPlaneLabel,
  type FactService,
  findMeshes,
  hasLabels,
  isInMesh,
} from '../shared/index.ts'
import type { TsbObject } from './objects.ts'

type Labels = Readonly<Record<string, string>>

export interface TsbCluster {
  readonly name: string
  readonly facts: ClusterFacts
  /** Network of its pods; its own name if nothing is said. */
  readonly network: string
  /** Networks that it reaches; undefined: all. */
  readonly reaches: ReadonlySet<string> | undefined
  readonly trustDomain: string
  /** Fairlead drives its Envoys; else Istio does. */
  readonly isOurs: boolean
}

const networkLabel = 'topology.istio.io/network'

/** The clusters in sight, with what TSB's Cluster objects and the organization's settings say of them. */
export function readClusters(
  allFacts: readonly ClusterFacts[],
  described: readonly TsbObject[],
  organizationSettings: readonly TsbObject[],
): TsbCluster[] {
  const reachability = new Map<string, ReadonlySet<string>>()
  for (const { spec } of organizationSettings)
    for (const [from, to] of Object.entries(asTexts(at(spec, 'networkSettings', 'networkReachability'))))
      reachability.set(from, new Set(to.split(',').map((name) => name.trim())))
  return allFacts.map((facts) => {
    const [mesh] = findMeshes(facts)
    const said = asText(described.find(({ name }) => name === facts.name)?.spec['network'])
    const system = facts.object('/Namespace', mesh?.namespace ?? 'istio-system')
    const labels = asTexts(system?.metadata.labels)
    const network = said || labels[networkLabel] || facts.name
    return {
      name: facts.name,
      facts,
      network,
      reaches: reachability.size === 0 ? undefined : (reachability.get(network) ?? new Set()),
      trustDomain: mesh?.trustDomain ?? 'cluster.local',
      isOurs: labels[dataPlaneLabel] === 'envoy',
    }
  })
}

/** Whether pods of one cluster can reach gateways of another. */
export function canReach(from: TsbCluster, to: TsbCluster): boolean {
  return from.network === to.network || from.reaches === undefined || from.reaches.has(to.network)
}

/** Ready pods of a service that are alike. */
export interface Backend {
  /** Labels that say what the pods are: those of their template. */
  readonly labels: Labels
  readonly serviceAccount: string
  /** Has a proxy, so it takes the mesh's mutual TLS. */
  readonly inMesh: boolean
  /** `region/zone/subzone`, as far as known. */
  readonly locality: string
  readonly count: number
}

const passingLabels = [
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
]

const backendsByFacts = new WeakMap<ClusterFacts, Map<string, readonly Backend[]>>()
const slicesByFacts = new WeakMap<ClusterFacts, ReadonlyMap<string, readonly KubeObject[]>>()

/** What stands behind a service, ready to be called; of equal ones the number. */
export function backendsOf(facts: ClusterFacts, service: FactService): readonly Backend[] {
  const known = backendsByFacts.get(facts) ?? new Map<string, readonly Backend[]>()
  backendsByFacts.set(facts, known)
  const key = `${service.namespace}/${service.name}`
  const found = known.get(key) ?? grouped(isObserved(facts) ? podsBehind(facts, service) : plannedPods(facts, service))
  known.set(key, found)
  return found
}

/** Whether the state of the cluster is known, not only what users wrote (files have no EndpointSlices). */
export function isObserved(facts: ClusterFacts): boolean {
  return slicesOf(facts).size > 0
}

function slicesOf(facts: ClusterFacts): ReadonlyMap<string, readonly KubeObject[]> {
  const known = slicesByFacts.get(facts)
  if (known !== undefined) return known
  const found = Map.groupBy(
    facts.objects('discovery.k8s.io/EndpointSlice'),
    ({ metadata }) => `${metadata.namespace ?? 'default'}/${metadata.labels?.['kubernetes.io/service-name'] ?? ''}`,
  )
  slicesByFacts.set(facts, found)
  return found
}

function podsBehind(facts: ClusterFacts, { namespace, name }: FactService): Backend[] {
  const slices = slicesOf(facts).get(`${namespace}/${name}`) ?? []
  const pods = new Set(
    slices.flatMap((slice) =>
      asList(at(slice, 'endpoints')).flatMap((endpoint) =>
        at(endpoint, 'conditions', 'ready') === false ? [] : asText(at(endpoint, 'targetRef', 'name')),
      ),
    ),
  )
  return [...pods].flatMap((pod) => {
    const object = facts.object('/Pod', `${namespace}/${pod}`)
    return object === undefined ? [] : backendOfPod(facts, object)
  })
}

function backendOfPod(facts: ClusterFacts, { metadata, spec }: KubeObject): Backend {
  const all = metadata.labels ?? {}
  const containers = asList(at(spec, 'containers')).map((each) => asText(at(each, 'name')))
  return {
    labels: Object.fromEntries(Object.entries(all).filter(([key]) => !isPassing(key))),
    serviceAccount: asText(at(spec, 'serviceAccountName')) || 'default',
    inMesh: all['security.istio.io/tlsMode'] === 'istio' || containers.includes('istio-proxy'),
    locality: facts.localityOf(asText(at(spec, 'nodeName'))),
    count: 1,
  }
}

/** Labels that tell nothing of the program, or that injection adds. */
function isPassing(label: string): boolean {
  return passingLabels.includes(label) || label.startsWith('service.istio.io/') || label === 'security.istio.io/tlsMode'
}

/** Where only files are known: the pods that controllers would have. */
function plannedPods(facts: ClusterFacts, service: FactService): Backend[] {
  return facts.controllers
    .filter((controller) => isBehind(controller, service))
    .map((controller) => {
      const { podLabels, serviceAccount, object } = controller
      const count = asInteger(at(object.spec, 'replicas')) ?? 1
      return { labels: podLabels, serviceAccount, inMesh: isInMesh(facts, controller), locality: facts.region, count }
    })
}

function isBehind({ namespace, podLabels }: Controller, service: FactService): boolean {
  const { selector } = service
  return namespace === service.namespace && Object.keys(selector).length > 0 && hasLabels(podLabels, selector)
}

function grouped(pods: readonly Backend[]): Backend[] {
  const alike = Map.groupBy(pods, (pod) => canonical({ ...pod, count: 0 }))
  return [...alike]
    .sort(([a], [b]) => compareText(a, b))
    .flatMap(([, each]) => {
      const [first] = each
      const count = each.reduce((sum, pod) => sum + pod.count, 0)
      return first === undefined || count === 0 ? [] : [{ ...first, count }]
    })
}

export function countOf(backends: readonly Backend[]): number {
  return backends.reduce((sum, { count }) => sum + count, 0)
}
