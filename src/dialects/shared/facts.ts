// What one cluster's Kubernetes objects say, as far as discovery needs it. Read lazily, once per snapshot of the cluster.

import { compareText } from '../../lib/index.ts'
import { type ClusterSnapshot, type KubeObject, objectsOf } from '../../resources/index.ts'
import type { Endpoint } from './model.ts'
import { asInteger, asList, asMap, asText, asTexts, at } from './plain.ts'
import { hasLabels } from './selectors.ts'

type Labels = Readonly<Record<string, string>>

/** A Deployment, DaemonSet or StatefulSet. */
export interface Controller {
  readonly kind: string
  readonly name: string
  readonly namespace: string
  readonly object: KubeObject
  readonly podLabels: Labels
  readonly podAnnotations: Labels
  readonly serviceAccount: string
  readonly images: readonly { readonly name: string; readonly image: string }[]
  readonly hostNetwork: boolean
}

export interface FactPort {
  readonly number: number
  readonly name: string
  readonly protocol: string
  readonly appProtocol?: string
  readonly targetPort?: number | string
  readonly nodePort?: number
}

/** A Kubernetes Service. */
export interface FactService {
  readonly object: KubeObject
  readonly name: string
  readonly namespace: string
  readonly labels: Labels
  readonly selector: Labels
  readonly type: string
  readonly ports: readonly FactPort[]
}

export const regionLabels = ['topology.kubernetes.io/region', 'failure-domain.beta.kubernetes.io/region']
export const zoneLabels = ['topology.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/zone']
export const subzoneLabel = 'topology.istio.io/subzone'

/** Labels that controllers add to tell pods of one template from another's; they say nothing of the program. */
const hashLabels = [
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
]

/** Reads an object once, as long as it is the very same one. */
function once<T>(read: (object: KubeObject) => T): (object: KubeObject) => T {
  const known = new WeakMap<KubeObject, { readonly value: T }>()
  return (object) => {
    const found = known.get(object) ?? { value: read(object) }
    known.set(object, found)
    return found.value
  }
}

const namespaceOf = (object: KubeObject): string => object.metadata.namespace ?? 'default'

/** Facts of one cluster. */
export class ClusterFacts {
  readonly name: string
  #snapshot: ClusterSnapshot | undefined
  /** What was read of it, by kind. */
  readonly #read = new Map<string, ReadonlyMap<string, KubeObject>>()
  #services: ReadonlyMap<string, FactService> | undefined
  #controllers: readonly Controller[] | undefined
  #slices: ReadonlyMap<string, readonly KubeObject[]> | undefined
  #pods: ReadonlyMap<string, readonly KubeObject[]> | undefined
  #region: string | undefined

  constructor(name: string, snapshot: ClusterSnapshot | undefined) {
    this.name = name
    this.#snapshot = snapshot
  }

  /** Takes a later snapshot of the cluster, if nothing that was read before is different there; else returns false. */
  hold(snapshot: ClusterSnapshot | undefined): boolean {
    if (snapshot === this.#snapshot) return true
    for (const [kind, objects] of this.#read) if (objectsOf(snapshot, kind) !== objects) return false
    this.#snapshot = snapshot
    return true
  }

  #objects(kind: string): ReadonlyMap<string, KubeObject> {
    const objects = objectsOf(this.#snapshot, kind)
    this.#read.set(kind, objects)
    return objects
  }

  /** Services by `namespace/name`. */
  get services(): ReadonlyMap<string, FactService> {
    this.#services ??= new Map(
      this.objects('/Service').map((object) => {
        const service = readService(object)
        return [`${service.namespace}/${service.name}`, service]
      }),
    )
    return this.#services
  }

  get controllers(): readonly Controller[] {
    this.#controllers ??= ['apps/Deployment', 'apps/DaemonSet', 'apps/StatefulSet'].flatMap((kind) =>
      this.objects(kind).map(readController),
    )
    return this.#controllers
  }

  /** Pods of a namespace. */
  podsIn(namespace: string): readonly KubeObject[] {
    this.#pods ??= Map.groupBy(this.objects('/Pod'), namespaceOf)
    return this.#pods.get(namespace) ?? []
  }

  objects(kind: string): readonly KubeObject[] {
    return [...this.#objects(kind)].sort(([a], [b]) => compareText(a, b)).map(([, object]) => object)
  }

  object(kind: string, key: string): KubeObject | undefined {
    return this.#objects(kind).get(key)
  }

  /** Region of the cluster: that of the first node that has one; "" if none has. */
  get region(): string {
    this.#region ??=
      this.objects('/Node')
        .map((node) => firstLabel(node, regionLabels))
        .find((region) => region !== '') ?? ''
    return this.#region
  }

  /** `region/zone/subzone` of a node, as far as known. */
  localityOf(node: string, zone = ''): string {
    const object = this.object('/Node', node)
    const region = firstLabel(object, regionLabels) || this.region
    const parts = [region, firstLabel(object, zoneLabels) || zone, object?.metadata.labels?.[subzoneLabel] ?? '']
    while (parts.at(-1) === '') parts.pop()
    return parts.join('/')
  }

  /** Ready endpoints of a service: from EndpointSlices (or Endpoints, where there are none) and WorkloadEntries. */
  endpoints(service: FactService, labelsOfPod: (pod: string) => Labels): readonly Endpoint[] {
    const slices = this.#slicesOf(service)
    const found =
      slices.length > 0
        ? slices.flatMap((slice) => this.#fromSlice(slice, service, labelsOfPod))
        : this.#fromEndpoints(service, labelsOfPod)
    return [...found, ...this.#fromWorkloadEntries(service)]
  }

  #slicesOf({ namespace, name }: FactService): readonly KubeObject[] {
    this.#slices ??= Map.groupBy(
      this.objects('discovery.k8s.io/EndpointSlice'),
      (slice) => `${namespaceOf(slice)}/${slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`,
    )
    return this.#slices.get(`${namespace}/${name}`) ?? []
  }

  #fromSlice(slice: KubeObject, { namespace }: FactService, labelsOfPod: (pod: string) => Labels): Endpoint[] {
    const value = asMap(slice)
    if (value['addressType'] === 'FQDN') return []
    const ports = portTable(value['ports'])
    return asList(value['endpoints']).flatMap((endpoint) => {
      if (at(endpoint, 'conditions', 'ready') === false) return []
      const pod = asText(at(endpoint, 'targetRef', 'name'))
      const address = asText(asList(at(endpoint, 'addresses'))[0])
      if (address === '') return []
      const locality = this.localityOf(asText(at(endpoint, 'nodeName')), asText(at(endpoint, 'zone')))
      return [{ address, labels: this.#podLabels(namespace, pod, labelsOfPod), locality, ports }]
    })
  }

  #fromEndpoints(service: FactService, labelsOfPod: (pod: string) => Labels): Endpoint[] {
    const object = this.object('/Endpoints', `${service.namespace}/${service.name}`)
    return asList(asMap(object)['subsets']).flatMap((subset) => {
      const ports = portTable(at(subset, 'ports'))
      return asList(at(subset, 'addresses')).map((address) => ({
        address: asText(at(address, 'ip')),
        labels: this.#podLabels(service.namespace, asText(at(address, 'targetRef', 'name')), labelsOfPod),
        locality: this.localityOf(asText(at(address, 'nodeName'))),
        ports,
      }))
    })
  }

  /** Labels of the pod itself; where the pod is not known, those of its controller. */
  #podLabels(namespace: string, pod: string, labelsOfPod: (pod: string) => Labels): Labels {
    const object = pod === '' ? undefined : this.object('/Pod', `${namespace}/${pod}`)
    return object === undefined ? labelsOfPod(pod) : podLabels(object)
  }

  /** Virtual machines that a Service selects. */
  #fromWorkloadEntries({ namespace, selector, ports }: FactService): Endpoint[] {
    if (Object.keys(selector).length === 0) return []
    return this.objects('networking.istio.io/WorkloadEntry').flatMap((entry) => {
      const labels = machineLabels(entry)
      const address = asText(at(entry.spec, 'address'))
      if (namespaceOf(entry) !== namespace || address === '' || !hasLabels(labels, selector)) return []
      const own = asMap(at(entry.spec, 'ports'))
      const table = new Map(
        ports.map((port) => [
          port.name || port.protocol,
          asInteger(own[port.name]) ?? asInteger(port.targetPort) ?? port.number,
        ]),
      )
      return [{ address, labels, locality: asText(at(entry.spec, 'locality')), ports: table }]
    })
  }
}

const tlsMode = 'security.istio.io/tlsMode'

/** Labels of a machine. One that has an identity takes the mesh's mutual TLS, if it does not say otherwise; pods say so. */
function machineLabels({ spec }: KubeObject): Labels {
  const own = asTexts(at(spec, 'labels'))
  return asText(at(spec, 'serviceAccount')) === '' ? own : { [tlsMode]: 'istio', ...own }
}

function portTable(ports: unknown): ReadonlyMap<string, number> {
  return new Map(
    asList(ports).map((port) => [
      asText(at(port, 'name')) || asText(at(port, 'protocol')) || 'TCP',
      asInteger(at(port, 'port')) ?? 0,
    ]),
  )
}

/** Labels of a pod that it has in common with the others of its template. */
const podLabels = once(
  ({ metadata }): Labels =>
    Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(([key]) => !hashLabels.includes(key))),
)

function firstLabel(object: KubeObject | undefined, names: readonly string[]): string {
  return names.map((name) => object?.metadata.labels?.[name] ?? '').find((value) => value !== '') ?? ''
}

const readService = once((object): FactService => {
  const { spec } = object
  return {
    object,
    name: object.metadata.name,
    namespace: namespaceOf(object),
    labels: asTexts(object.metadata.labels),
    selector: asTexts(at(spec, 'selector')),
    type: asText(at(spec, 'type')) || 'ClusterIP',
    ports: asList(at(spec, 'ports')).map(readPort),
  }
})

function readPort(port: unknown): FactPort {
  const appProtocol = asText(at(port, 'appProtocol'))
  const targetPort = at(port, 'targetPort')
  const nodePort = asInteger(at(port, 'nodePort'))
  return {
    number: asInteger(at(port, 'port')) ?? 0,
    name: asText(at(port, 'name')),
    protocol: asText(at(port, 'protocol')) || 'TCP',
    ...(appProtocol !== '' && { appProtocol }),
    ...((typeof targetPort === 'number' || typeof targetPort === 'string') && { targetPort }),
    ...(nodePort !== undefined && { nodePort }),
  }
}

const readController = once((object): Controller => {
  const template = at(object.spec, 'template')
  const containers = [...asList(at(template, 'spec', 'initContainers')), ...asList(at(template, 'spec', 'containers'))]
  return {
    kind: object.kind,
    name: object.metadata.name,
    namespace: namespaceOf(object),
    object,
    podLabels: asTexts(at(template, 'metadata', 'labels')),
    podAnnotations: asTexts(at(template, 'metadata', 'annotations')),
    serviceAccount:
      asText(at(template, 'spec', 'serviceAccountName')) || asText(at(template, 'spec', 'serviceAccount')) || 'default',
    images: containers.map((container) => ({
      name: asText(at(container, 'name')),
      image: asText(at(container, 'image')),
    })),
    hostNetwork: at(template, 'spec', 'hostNetwork') === true,
  }
})
