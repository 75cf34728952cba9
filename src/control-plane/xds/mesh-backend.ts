// All clients of the mesh: Envoys, and programs that speak xDS themselves.
import { isProxyless } from '../../backends/envoy/index.ts'
import type { Proxy } from '../../mesh/index.ts'
import type { Backend } from './backend.ts'
import { type EnvoyList, type EnvoyResource, envoyBackend } from './envoy-backend.ts'
import { type ProxylessList, type ProxylessResource, proxylessBackend } from './proxyless-backend.ts'

const isProxylessList = (list: EnvoyList | ProxylessList): list is ProxylessList => list.kind.startsWith('grpc-')
const isProxylessResource = (resource: EnvoyResource | ProxylessResource): resource is ProxylessResource =>
  resource.kind.startsWith('grpc-')

export const meshBackend: Backend<Proxy, EnvoyList | ProxylessList, EnvoyResource | ProxylessResource> = {
  lists: (world, proxy, typeUrl) =>
    isProxyless(proxy) ? proxylessBackend.lists(world, proxy, typeUrl) : envoyBackend.lists(world, proxy, typeUrl),
  // Patches are for Envoys: programs know nothing of filters.
  patches: (world, proxy) => (isProxyless(proxy) ? [] : (envoyBackend.patches?.(world, proxy) ?? [])),
  problems: (world, proxy) => (isProxyless(proxy) ? [] : (envoyBackend.problems?.(world, proxy) ?? [])),
  list: (world, list) => (isProxylessList(list) ? proxylessBackend.list(world, list) : envoyBackend.list(world, list)),
  make: (world, resource) =>
    isProxylessResource(resource) ? proxylessBackend.make(world, resource) : envoyBackend.make(world, resource),
}
