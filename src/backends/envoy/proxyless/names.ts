// Names by which gRPC's proxyless clients and servers ask, which are Istio's conventions.
import { isHttpOrAuto, type World } from '../../../discovery/index.ts'
import { type Proxy, type ProxyScope, viewOf } from '../../../mesh/index.ts'
import { portsOf } from '../clusters/spec.ts'
import { hostPort, outboundClusterName, parseOutboundName } from '../names.ts'
import { serviceDomains } from '../routes/domains.ts'

/** Whether the node says that it is a program that speaks xDS itself, by gRPC. */
export function isProxyless({ metadata }: Proxy): boolean {
  return metadata['GENERATOR'] === 'grpc'
}

/** A port of a service, as a client dials it. */
export interface DialledPort {
  readonly host: string
  readonly port: number
}

/**
 * Listeners of clients by name: `xds:///NAME`, where the name is any of the service's, with its port. Where two services
 * have one name the first of the view has it, as among virtual hosts.
 */
export function dialledNames(world: World, scope: ProxyScope): ReadonlyMap<string, DialledPort> {
  const found = new Map<string, DialledPort>()
  for (const binding of world.get(viewOf, scope.view).services) {
    const { service } = binding
    for (const { number: port, protocol } of portsOf(binding)) {
      if (!isHttpOrAuto(protocol)) continue
      const { domains } = serviceDomains(service, { aliases: [], namespace: scope.namespace, addresses: [], port })
      for (const name of domains) if (!found.has(name)) found.set(name, { host: service.host, port })
    }
  }
  return found
}

/** Route configurations of clients are named as the cluster of the service is. */
export function routesName({ host, port }: DialledPort): string {
  return outboundClusterName(port, '', host)
}

/** The service of a client's route configuration; undefined for other names. */
export function dialledOf(routes: string): DialledPort | undefined {
  const name = parseOutboundName(routes)
  return name && !name.sniDnat && name.subset === '' ? { host: name.host, port: name.port } : undefined
}

/** The route configuration of one service, as the rest of this folder knows it. */
export function serviceRoutes({ host, port }: DialledPort): string {
  return hostPort(host, port)
}

/** What servers ask for: the address that they listen on stands behind. */
export const serverPrefix = 'xds.istio.io/grpc/lds/inbound/'

/** The instance of the bootstrap's certificate providers that agents write: the workload's certificate and roots. */
export const providerInstance = 'default'
