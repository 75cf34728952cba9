// All clients of the mesh: Envoys, the agents beside them, and programs that speak xDS themselves.
import { typeUrls } from '../../ads/index.ts'
import { isProxyless } from '../../backends/envoy/index.ts'
import type { Proxy } from '../../mesh/index.ts'
import type { Backend } from './backend.ts'
import { type EnvoyList, type EnvoyResource, envoyBackend } from './envoy/index.ts'
import { type NameTableKey, nameTables } from './name-tables.ts'
import { type ProxylessList, type ProxylessResource, proxylessBackend } from './proxyless-backend.ts'

type MeshList = EnvoyList | NameTableKey | ProxylessList
type MeshResource = EnvoyResource | NameTableKey | ProxylessResource

const isProxylessList = (list: EnvoyList | ProxylessList): list is ProxylessList => list.kind.startsWith('grpc-')
const isProxylessResource = (resource: EnvoyResource | ProxylessResource): resource is ProxylessResource =>
  resource.kind.startsWith('grpc-')

export const meshBackend: Backend<Proxy, MeshList, MeshResource> = {
  lists(world, proxy, typeUrl) {
    if (typeUrl === typeUrls.nameTable) return nameTables.lists(world, proxy, typeUrl)
    return (isProxyless(proxy) ? proxylessBackend : envoyBackend).lists(world, proxy, typeUrl)
  },
  // Patches are for Envoys: programs know nothing of filters.
  patches: (world, proxy) => (isProxyless(proxy) ? [] : (envoyBackend.patches?.(world, proxy) ?? [])),
  problems: (world, proxy) => (isProxyless(proxy) ? [] : (envoyBackend.problems?.(world, proxy) ?? [])),
  list(world, list) {
    if (list.kind === 'name-table') return nameTables.list(world, list)
    return isProxylessList(list) ? proxylessBackend.list(world, list) : envoyBackend.list(world, list)
  },
  demanded: (list, name) =>
    list.kind === 'name-table' || isProxylessList(list) ? undefined : envoyBackend.demanded?.(list, name),
  make(world, resource) {
    if (resource.kind === 'name-table') return nameTables.make(world, resource)
    return isProxylessResource(resource) ? proxylessBackend.make(world, resource) : envoyBackend.make(world, resource)
  },
  isOwn: (list) => list.kind !== 'name-table' && !isProxylessList(list) && (envoyBackend.isOwn?.(list) ?? false),
}
