// What a sidecar listens to for its program: one listener to which captured connections come, with chains for each port;
// and listeners with sockets of their own, where a Sidecar asks for them.
import { create } from '@bufbuild/protobuf'
import type { AddressSchema } from '#gen/envoy/config/core/v3/address_pb.js'
import { TrafficDirection } from '#gen/envoy/config/core/v3/base_pb.js'
import { type FilterChain, FilterChainSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { meshConfigOf, type World } from '../../../discovery/index.ts'
import {
  type InboundTarget,
  inboundTargets,
  mayListen,
  ownAddresses,
  type Proxy,
  type ProxyScope,
  scopeOf,
} from '../../../mesh/index.ts'
import { type InboundModes, inboundModes, modeOfPort } from '../../../mesh/security/index.ts'
import type { ObjectRef, Problem } from '../../../report/index.ts'
import { address, socketAddress } from '../address.ts'
import type { Built } from '../built.ts'
import { type InboundFilters, inboundFilters } from '../filters/inbound.ts'
import { plainTcpProxy } from '../filters/tcp-proxy.ts'
import { fixedClusters, inboundClusterName, listenerNames, proxyPorts } from '../names.ts'
import { duration, type Init, noTimeout } from '../proto.ts'
import { httpAlpn, meshServerSocket, serverTlsSocket } from '../tls/downstream.ts'
import { type ChainMatch, type ChainProtocol, chainMatches, ownTlsMatch } from './inbound-chains.ts'
import { inboundInspectors } from './inbound-inspectors.ts'
import { originalDst, originalSrc } from './inspectors.ts'
import { listenerName, wildcardAddresses } from './plan.ts'

/** The inbound listeners of a sidecar, and what is wrong with the policies that they enforce. */
export interface InboundListeners {
  readonly listeners: readonly Built<Listener>[]
  readonly problems: readonly Problem[]
}

/** Everything that chains of one proxy have in common. */
interface Inbound {
  readonly world: World
  readonly proxy: Proxy
  readonly scope: ProxyScope
  readonly modes: InboundModes
  readonly filters: InboundFilters
}

export function inboundListeners(world: World, proxy: Proxy): InboundListeners {
  if (proxy.type !== 'sidecar') return { listeners: [], problems: [] }
  const scope = scopeOf(world, proxy)
  const targets = inboundTargets(world, proxy).filter((target) => hasPlace(scope, target))
  const filters = inboundFilters(world, proxy, { ports: portNumbers(proxy) })
  const inbound: Inbound = { world, proxy, scope, modes: inboundModes(world, proxy), filters }
  const own = targets.filter((target) => hasOwnSocket(inbound, target))
  const virtual = targets.filter((target) => !own.includes(target) && (proxy.dataPath === 'capture' || target.direct))
  const origin = [...inbound.modes.origin, ...filters.origin]
  const virtualListener =
    inbound.scope.interception === 'NONE' ? [] : [built(virtualInbound(inbound, virtual), virtual, origin)]
  // Without capture, ports of services belong to the program: only what a Sidecar names is listened to.
  const bound = own.filter(({ ingress }) => ingress !== undefined)
  return {
    listeners: [...virtualListener, ...bound.map((target) => built(boundListener(inbound, target), [target], origin))],
    problems: filters.problems,
  }
}

function built(resource: Listener, targets: readonly InboundTarget[], origin: readonly ObjectRef[]): Built<Listener> {
  return { resource, origin: [...targets.flatMap(({ services }) => services.flatMap((s) => s.origin)), ...origin] }
}

/** Whether the port is left to the program: some are of the proxy itself, and some it may not open. */
function hasPlace(scope: ProxyScope, { port, ingress }: InboundTarget): boolean {
  const anyAddress = ingress === undefined || ingress.bind === '0.0.0.0' || ingress.bind === '::'
  const everywhere = anyAddress && scope.dataPath === 'capture'
  if (ingress === undefined && everywhere && Object.values<number>(proxyPorts).includes(port)) return false
  const mode = ingress?.captureMode ?? 'DEFAULT'
  const socket =
    scope.dataPath === 'capture' && (mode === 'NONE' || (mode === 'DEFAULT' && scope.interception === 'NONE'))
  return mayListen(scope.closedPorts, port, { socket, everywhere })
}

function hasOwnSocket({ proxy, scope }: Inbound, { ingress }: InboundTarget): boolean {
  if (proxy.dataPath === 'loopback') return false
  const mode = ingress?.captureMode ?? 'DEFAULT'
  return mode === 'NONE' || (mode === 'DEFAULT' && scope.interception === 'NONE')
}

/** Where connections to a port really arrive: a pod whose traffic is not captured may listen elsewhere. */
function arrivalPort({ port, direct }: InboundTarget): number {
  return direct === undefined ? port : bindAddress(direct.bind).port
}

function bindAddress(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
}

/** Ports as policies name them → ports that connections arrive at, where they differ. */
function portNumbers(proxy: Proxy): ReadonlyMap<number, number> {
  return new Map(proxy.inboundPorts.map(({ port, bind }) => [port, bindAddress(bind).port]))
}

/** The listener that captured connections come to, or that stands at the pod's own address and ports. */
function virtualInbound(inbound: Inbound, targets: readonly InboundTarget[]): Listener {
  const { proxy, scope } = inbound
  const loopback = proxy.dataPath === 'loopback'
  const chains = [
    blackHoleChain(),
    ...(loopback ? [] : passthroughChains(inbound, targets)),
    ...targets.flatMap((target) => targetChains(inbound, target)),
  ]
  const [first, ...more] = loopback ? loopbackAddresses(proxy) : wildcardAddresses(scope).map(captureAddress)
  return create(ListenerSchema, {
    name: listenerNames.inbound,
    ...(first === undefined ? {} : { address: first }),
    additionalAddresses: more.map((each) => ({ address: each })),
    ...commonFields(inbound, chains),
    listenerFilters: [
      ...(loopback ? [] : [originalDst]),
      ...(scope.interception === 'TPROXY' ? [originalSrc] : []),
      ...inboundInspectors(chains),
    ],
    // Another Envoy of the same pod, left behind, would silently take half of the connections.
    ...(loopback && { enableReusePort: false }),
    ...(scope.interception === 'TPROXY' && { transparent: true }),
  })
}

type AddressInit = Init<typeof AddressSchema>

function captureAddress(host: string): AddressInit {
  return socketAddress(host, proxyPorts.inbound)
}

/** All ports of the pod from the start: to add one later would close the connections of the others. */
function loopbackAddresses(proxy: Proxy): AddressInit[] {
  const own = socketAddress(ownAddresses(proxy)[0] ?? '127.0.0.1', proxyPorts.inbound)
  return [own, ...proxy.inboundPorts.map(({ bind }) => socketAddress(bindAddress(bind).host, bindAddress(bind).port))]
}

function commonFields({ world }: Inbound, filterChains: FilterChain[]): Init<typeof ListenerSchema> {
  return {
    trafficDirection: TrafficDirection.INBOUND,
    continueOnListenerFiltersTimeout: true,
    listenerFiltersTimeout: duration(meshConfigOf(world).protocolDetectionTimeout) ?? noTimeout,
    filterChains,
  }
}

/** A listener with a socket of its own, as a Sidecar's ingress asks for it. */
function boundListener(inbound: Inbound, target: InboundTarget): Listener {
  const chains = targetChains(inbound, target)
  const [host = '', ...more] = target.ingress?.bind ? [target.ingress.bind] : ingressAddresses(inbound)
  return create(ListenerSchema, {
    name: listenerName(host, target.port),
    address: address(host, target.port),
    additionalAddresses: more.map((each) => ({ address: address(each, target.port) })),
    ...commonFields(inbound, chains),
    listenerFilters: inboundInspectors(chains),
  })
}

function ingressAddresses({ proxy, scope }: Inbound): readonly string[] {
  const [first] = ownAddresses(proxy)
  return first === undefined ? wildcardAddresses(scope) : [first]
}

/** Connections to the listener itself would come to it again, and again. */
function blackHoleChain(): FilterChain {
  return create(FilterChainSchema, {
    name: 'virtualInbound-blackhole',
    filterChainMatch: { destinationPort: proxyPorts.inbound },
    filters: [plainTcpProxy(fixedClusters.blackHole)],
  })
}

/** What a chain does once it is chosen, whatever it was chosen by. */
interface ChainBody {
  readonly port: number
  readonly cluster: string
  readonly servicePort: number
  readonly operation: string
  readonly statPrefix: string
  readonly http2: boolean
  readonly grpc: boolean
  nameOf(handles: 'http' | 'tcp'): string
}

/** Chains for ports that nobody declared; modes of single ports hold for them too. */
function passthroughChains(inbound: Inbound, targets: readonly InboundTarget[]): FilterChain[] {
  const declared = new Set(targets.map(({ port }) => port))
  const named = [...inbound.modes.ports.keys()].filter((port) => !declared.has(port)).sort((a, b) => a - b)
  return [0, ...named].flatMap((port) => {
    const body: ChainBody = {
      port,
      cluster: fixedClusters.inboundPassthrough,
      servicePort: 0,
      operation: ':0/*',
      statPrefix: fixedClusters.inboundPassthrough,
      http2: false,
      grpc: false,
      nameOf: (handles) => (handles === 'http' ? `${listenerNames.inbound}-catchall-http` : listenerNames.inbound),
    }
    const mode = port === 0 ? inbound.modes.mode : modeOfPort(inbound.modes, port)
    return chainMatches('auto', mode).map((match) => chain(inbound, body, match))
  })
}

/** Chains for a port of the program. */
function targetChains(inbound: Inbound, target: InboundTarget): FilterChain[] {
  const { scope, modes } = inbound
  const { port, servicePort, ingress, services } = target
  const [wildcard] = wildcardAddresses(scope)
  const bind = ingress === undefined ? wildcard : (ingress.bind ?? ingressAddresses(inbound)[0] ?? wildcard)
  const name = listenerName(bind, port)
  const host = services[0]?.host ?? ''
  const body: ChainBody = {
    port: arrivalPort(target),
    cluster: inboundClusterName(port),
    servicePort,
    operation: `${host}:${servicePort}/*`,
    statPrefix: `inbound_${name}`,
    http2: ['HTTP2', 'GRPC', 'GRPC-Web'].includes(target.protocol),
    grpc: ['GRPC', 'GRPC-Web'].includes(target.protocol),
    nameOf: () => name,
  }
  const mode = modeOfPort(modes, port)
  const protocol = chainProtocol(target)
  if (ingress?.tls !== undefined && mode === 'DISABLE') {
    const options = { mesh: meshConfigOf(inbound.world), secrets: scope.secrets, alpn: httpAlpn }
    return [chain(inbound, body, ownTlsMatch(protocol), serverTlsSocket(ingress.tls, options))]
  }
  return chainMatches(protocol, mode).map((match) => chain(inbound, body, match))
}

/** What arrives at the chain: a Sidecar that ends TLS sees what is inside of it. */
function chainProtocol({ protocol, ingress }: InboundTarget): ChainProtocol {
  if (protocol === 'auto') return 'auto'
  if (protocol === 'HTTPS' && ingress?.tls !== undefined) return 'http'
  return ['HTTP', 'HTTP2', 'GRPC', 'GRPC-Web', 'HTTP_PROXY'].includes(protocol) ? 'http' : 'tcp'
}

function chain(
  inbound: Inbound,
  body: ChainBody,
  match: ChainMatch,
  ownTls?: ReturnType<typeof serverTlsSocket>,
): FilterChain {
  const { world, scope, filters } = inbound
  const fromMesh = match.endsTls && ownTls === undefined
  const socket = ownTls ?? (fromMesh ? meshServerSocket(meshConfigOf(world), scope.secrets) : undefined)
  return create(FilterChainSchema, {
    name: body.nameOf(match.handles),
    filterChainMatch: {
      ...(body.port > 0 && { destinationPort: body.port }),
      transportProtocol: match.transport,
      applicationProtocols: [...match.applicationProtocols],
    },
    filters: match.handles === 'http' ? [filters.http(body, fromMesh)] : filters.tcp(body),
    ...(socket === undefined ? {} : { transportSocket: socket }),
  })
}
