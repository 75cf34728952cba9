// What a listener logs, counts and traces. It is put into listeners when they are made, before patches, so that what makes
// filters need not know of it.
import { clone } from '@bufbuild/protobuf'
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt'
import type { AccessLog } from '#gen/envoy/config/accesslog/v3/accesslog_pb.js'
import type { Filter, FilterChain } from '#gen/envoy/config/listener/v3/listener_components_pb.js'
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js'
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js'
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js'
import { UuidRequestIdConfigSchema } from '#gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js'
import { meshConfigOf, type World } from '../../../discovery/index.ts'
import { istioKinds, type ProxyScope, type TelemetryMode } from '../../../mesh/index.ts'
import { refOf } from '../../../resources/index.ts'
import type { Built } from '../built.ts'
import { pack } from '../proto.ts'
import { accessLogs, listenerLogs } from './access-log.ts'
import { metricLogs } from './metrics.ts'
import { type Tracing, tracingOfSide } from './tracing.ts'

/** A listener with its logs, metrics and traces. `mode`: whether the proxy speaks for the caller here, or for the program. */
export function observedListener(
  world: World,
  scope: ProxyScope,
  mode: TelemetryMode,
  built: Built<Listener>,
): Built<Listener> {
  const logs = accessLogs(world, scope, mode)
  const tracing = tracingOfSide(world, scope, mode)
  const metrics = metricLogs(world, scope, mode)
  const counted = metrics.requests.length + metrics.connections.length > 0
  if (logs.length === 0 && !tracing && !counted) return built
  const observer: Observer = {
    requests: [...logs, ...metrics.requests],
    connections: [...logs, ...metrics.connections],
    tracing,
  }
  const listener = clone(ListenerSchema, built.resource)
  const rest = listener.defaultFilterChain
  for (const chain of [...listener.filterChains, ...(rest ? [rest] : [])]) observeChain(chain, observer)
  if (meshConfigOf(world).disableEnvoyListenerLog !== true) listener.accessLog = listenerLogs(logs)
  return { ...built, resource: listener, origin: [...built.origin, ...originOf(world, scope)] }
}

function originOf(world: World, { telemetry }: ProxyScope): Built<Listener>['origin'] {
  return telemetry.objects.flatMap((key) => {
    const object = world.object(world.primary, istioKinds.telemetry, key)
    return object ? [refOf(world.primary, object)] : []
  })
}

/** Connections of a listener to itself are nobody's. */
const blackHole = /-blackhole$/

/** What is noted of requests, and of connections of which nothing more is known. */
interface Observer {
  readonly requests: readonly AccessLog[]
  readonly connections: readonly AccessLog[]
  readonly tracing: Tracing | undefined
}

function observeChain(chain: FilterChain, { requests, connections, tracing }: Observer): void {
  if (blackHole.test(chain.name)) return
  for (const filter of chain.filters) {
    if (filter.name === 'envoy.filters.network.http_connection_manager') observeRequests(filter, requests, tracing)
    else if (filter.name === 'envoy.filters.network.tcp_proxy') observeConnections(filter, connections)
  }
}

function observeRequests(filter: Filter, logs: readonly AccessLog[], tracing: Tracing | undefined): void {
  const manager =
    filter.configType.case === 'typedConfig'
      ? anyUnpack(filter.configType.value, HttpConnectionManagerSchema)
      : undefined
  if (!manager) return
  manager.accessLog.push(...logs)
  if (tracing) {
    manager.tracing = tracing.tracing
    if (!tracing.useRequestId)
      manager.requestIdExtension = {
        $typeName: 'envoy.extensions.filters.network.http_connection_manager.v3.RequestIDExtension',
        typedConfig: pack(UuidRequestIdConfigSchema, { useRequestIdForTraceSampling: false }),
      }
  }
  filter.configType = { case: 'typedConfig', value: anyPack(HttpConnectionManagerSchema, manager) }
}

function observeConnections(filter: Filter, logs: readonly AccessLog[]): void {
  const proxy =
    filter.configType.case === 'typedConfig' ? anyUnpack(filter.configType.value, TcpProxySchema) : undefined
  if (!proxy) return
  proxy.accessLog.push(...logs)
  filter.configType = { case: 'typedConfig', value: anyPack(TcpProxySchema, proxy) }
}
