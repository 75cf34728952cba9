// Services that proxies report to: extensionProviders of the MeshConfig, and those that every mesh has.
import type { GrpcServiceSchema } from '#gen/envoy/config/core/v3/grpc_service_pb.js'
import { meshConfigOf, servicesOfHost, type World } from '../../discovery/index.ts'
import type { ExtensionProvider } from '../../resources/istio/index.ts'
import { outboundClusterName } from './names.ts'
import type { Init } from './proto.ts'

const everywhere: readonly ExtensionProvider[] = [
  { name: 'prometheus', prometheus: {} },
  { name: 'envoy', envoyFileAccessLog: { path: '/dev/stdout' } },
]

/** A provider by name, whatever its case. */
export function providerOf(world: World, name: string): ExtensionProvider | undefined {
  const written = (meshConfigOf(world).extensionProviders ?? []) as readonly ExtensionProvider[]
  return [...written, ...everywhere].find((each) => each.name?.toLowerCase() === name.toLowerCase())
}

/** Where a provider's service is. */
export interface ProviderTarget {
  readonly host: string
  readonly cluster: string
}

/** The service of a provider: a host name, or `namespace/host`; a fault where there is none. */
export function providerTarget(
  world: World,
  { service = '', port = 0 }: { readonly service?: string; readonly port?: number },
): ProviderTarget | { readonly fault: string } {
  const slash = service.indexOf('/')
  const [namespace, host] = slash < 0 ? [undefined, service] : [service.slice(0, slash), service.slice(slash + 1)]
  const found = world
    .get(servicesOfHost, host)
    .filter((each) => namespace === undefined || each.namespace === namespace)
  if (found.length === 0) return { fault: `its service ${JSON.stringify(service)} is not known` }
  if (found.length > 1) return { fault: `its service ${service} is in several namespaces: write NAMESPACE/${host}` }
  if (port < 1 || port > 65535) return { fault: `its port ${port} must be between 1 and 65535` }
  return { host, cluster: outboundClusterName(port, '', host) }
}

export function grpcService({ host, cluster }: ProviderTarget): Init<typeof GrpcServiceSchema> {
  return { targetSpecifier: { case: 'envoyGrpc', value: { clusterName: cluster, authority: host } } }
}
