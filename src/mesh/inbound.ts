import {
  type Endpoint,
  endpointsOfService,
  kinds,
  kubernetesService,
  type PodObject,
  type Protocol,
  parseProtocol,
  type Query,
  type Service,
  type ServiceObject,
  selects,
  serviceEntriesByNamespace,
  servicesByNamespace,
  servicesOfHost,
  type World,
} from '../discovery/index.ts'
import { compareText, sameStructure } from '../lib/index.ts'
import { objectKey } from '../resources/index.ts'
import type { IngressListener } from './istio.ts'
import type { InboundPort, Proxy } from './proxy.ts'
import { selectSidecar, sidecarOf } from './sidecar/select.ts'

/** A port of a workload that its proxy takes connections for. */
export interface InboundTarget {
  /** Of the workload; of a Sidecar's ingress the number that it listens on. Names the cluster. */
  readonly port: number
  readonly protocol: Protocol
  /** Port of the first service; the same as `port` where there is none. */
  readonly servicePort: number
  readonly servicePortName: string
  /** Oldest first; the first decides the protocol. Empty: nobody but the pod itself declares the port. */
  readonly services: readonly Service[]
  /** The Sidecar's ingress listener, in place of services. */
  readonly ingress: IngressListener | undefined
  /** Where the proxy listens and where the program does, if traffic is not captured. */
  readonly direct: InboundPort | undefined
}

/**
 * What a sidecar takes connections for, by port: the ingress listeners of its Sidecar, else the ports of the services
 * that stand before it. Without capture also the ports that the pod declares.
 */
export function inboundTargets(world: World, proxy: Proxy): InboundTarget[] {
  const sidecar = sidecarOf(world, selectSidecar(world, proxy))
  const ingress = sidecar?.ingress ?? []
  const targets =
    ingress.length > 0 ? ingress.map((listener) => ingressTarget(listener)) : declaredTargets(world, proxy)
  const first = new Map<number, InboundTarget>()
  for (const target of targets) if (!first.has(target.port)) first.set(target.port, target)
  for (const direct of proxy.inboundPorts) {
    const known = first.get(direct.port)
    first.set(direct.port, known ? { ...known, direct } : undeclared(direct))
  }
  return [...first.values()].sort((a, b) => a.port - b.port)
}

function undeclared(direct: InboundPort): InboundTarget {
  const { port } = direct
  return { port, protocol: 'auto', servicePort: port, servicePortName: '', services: [], ingress: undefined, direct }
}

function ingressTarget(ingress: IngressListener): InboundTarget {
  const { number = 0, protocol = '', name = '' } = ingress.port
  return {
    port: number,
    protocol: parseProtocol(protocol),
    servicePort: number,
    servicePortName: name,
    services: [],
    ingress,
    direct: undefined,
  }
}

/** A port of a service that a workload stands behind. */
export interface ServiceTarget {
  readonly service: Service
  readonly servicePort: Service['ports'][number]
  /** Of the workload. */
  readonly port: number
}

/** All ports of all services that a proxy's workload stands behind, oldest service first. */
export function serviceTargets(world: World, proxy: Proxy): ServiceTarget[] {
  return [...kubernetesTargets(world, proxy), ...entryTargets(world, proxy)].sort(
    (a, b) => compareText(a.service.createdAt, b.service.createdAt) || compareText(a.service.name, b.service.name),
  )
}

function declaredTargets(world: World, proxy: Proxy): InboundTarget[] {
  const byPort = Map.groupBy(serviceTargets(world, proxy), ({ port }) => port)
  return [...byPort].flatMap(([port, [first, ...others]]) => {
    if (!first) return []
    const { servicePort, service } = first
    const services = [...new Set([service, ...others.map((each) => each.service)])]
    const { number, name, protocol } = servicePort
    return [
      { port, protocol, servicePort: number, servicePortName: name, services, ingress: undefined, direct: undefined },
    ]
  })
}

/**
 * Services of the proxy's cluster that select its pod, or list it as an endpoint. Services that select other pods are
 * asked for their endpoints only if none is found otherwise: labels that a proxy tells may be older than those of its pod.
 */
function kubernetesTargets(world: World, proxy: Proxy): ServiceTarget[] {
  const { cluster, namespace, name, labels } = proxy
  const pod = world.object(cluster, kinds.pod, `${namespace}/${name}`) as PodObject | undefined
  const others: Service[] = []
  const found = world.lookup(cluster, servicesByNamespace, namespace).flatMap((object) => {
    const service = world.get(kubernetesService, { cluster, key: objectKey(object) })
    if (!service || service.resolution === 'alias') return []
    if (!service.selector || Object.keys(service.selector).length === 0) return endpointTargets(world, service, proxy)
    if (selects(service.selector, labels)) return selectedTargets(world, service, object as ServiceObject, pod, proxy)
    others.push(service)
    return []
  })
  return found.length > 0 ? found : others.flatMap((service) => endpointTargets(world, service, proxy))
}

function selectedTargets(
  world: World,
  service: Service,
  { spec }: ServiceObject,
  pod: PodObject | undefined,
  proxy: Proxy,
): ServiceTarget[] {
  return (spec?.ports ?? []).flatMap(({ port = 0, targetPort = port }, at) => {
    const servicePort = service.ports[at]
    const number = typeof targetPort === 'number' ? targetPort : namedPort(pod, targetPort)
    const found =
      number ?? endpointTargets(world, service, proxy).find((each) => each.servicePort === servicePort)?.port
    return servicePort && found ? [{ service, servicePort, port: found }] : []
  })
}

function namedPort(pod: PodObject | undefined, name: string): number | undefined {
  const ports = (pod?.spec?.containers ?? []).flatMap((container) => container.ports ?? [])
  const numeric = /^\d+$/.test(name) ? Number(name) : undefined
  return ports.find((port) => port.name === name)?.containerPort ?? numeric
}

interface ListedKey {
  readonly namespace: string
  readonly host: string
  readonly cluster: string
  readonly address: string
}

/** Ports at which a service lists an address. Apart, so that changes of its other endpoints stop here. */
const listedPorts: Query<ListedKey, readonly Pick<Endpoint, 'port' | 'portName'>[]> = {
  name: 'mesh/listed-ports',
  keyOf: ({ namespace, host, cluster, address }) => `${namespace}/${host} ${cluster} ${address}`,
  compute: (world, { namespace, host, cluster, address }) =>
    world
      .get(endpointsOfService, { namespace, host })
      .filter((endpoint) => endpoint.address === address && (endpoint.workload.cluster === cluster || cluster === ''))
      .map(({ port, portName }) => ({ port, portName })),
  equals: sameStructure,
}

/** Ports at which a service lists the proxy's own address. */
function endpointTargets(world: World, service: Service, { addresses, cluster }: Proxy): ServiceTarget[] {
  const { namespace, host } = service
  const listed = world.get(listedPorts, { namespace, host, cluster, address: addresses[0] ?? '' })
  return listed.flatMap(({ port, portName }) => {
    const servicePort = service.ports.find(({ name }) => name === portName)
    return servicePort ? [{ service, servicePort, port }] : []
  })
}

/** ServiceEntries of the namespace that the proxy's workload stands behind. */
function entryTargets(world: World, proxy: Proxy): ServiceTarget[] {
  const entries = world.lookup(world.primary, serviceEntriesByNamespace, proxy.namespace)
  const hosts = new Set(entries.flatMap(({ spec }) => (spec as { hosts?: string[] } | undefined)?.hosts ?? []))
  return [...hosts].flatMap((host) =>
    world
      .get(servicesOfHost, host)
      .filter(({ registry, namespace }) => registry === 'service-entry' && namespace === proxy.namespace)
      .flatMap((service) => endpointTargets(world, service, proxy)),
  )
}
