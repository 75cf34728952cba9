import type { CircuitBreakers_ThresholdsSchema } from '#gen/envoy/config/cluster/v3/circuit_breaker_pb.js'
import type { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js'
import type { MeshConfig, ServicePort } from '../../../discovery/index.ts'
import { isHttp } from '../../../discovery/index.ts'
import type { ConnectionPool, EffectivePolicy } from '../../../mesh/index.ts'
import { defined, duration, type Init, milliseconds } from '../proto.ts'
import type { HttpOptions } from './http-options.ts'

type ClusterInit = Init<typeof ClusterSchema>
type ThresholdsInit = Init<typeof CircuitBreakers_ThresholdsSchema>

const unlimited = 0xffffffff

/** No limits: Envoy's own (3 retries at once, 1024 requests) would refuse requests when pods come and go. */
export const noLimits: ThresholdsInit = {
  maxConnections: unlimited,
  maxPendingRequests: unlimited,
  maxRequests: unlimited,
  maxRetries: unlimited,
}

function limit(value: number | undefined): number {
  return value !== undefined && value > 0 ? value : unlimited
}

/** Limits, timeouts and keep-alive of the connections of a cluster. */
export function connectionPoolFields(mesh: MeshConfig, policy: EffectivePolicy): ClusterInit {
  const { tcp, http } = policy.connectionPool ?? {}
  const budget = policy.retryBudget
  const budgetInterval = duration(budget?.budgetInterval)
  const thresholds: ThresholdsInit = {
    maxConnections: limit(tcp?.maxConnections),
    maxPendingRequests: limit(http?.http1MaxPendingRequests),
    maxRequests: limit(http?.http2MaxRequests),
    maxRetries: limit(http?.maxRetries),
    ...(budget && {
      retryBudget: {
        budgetPercent: { value: budget.percent ?? 20 },
        minRetryConcurrency: budget.minRetryConcurrency || 3,
        ...(budgetInterval && { budgetInterval }),
      },
    }),
  }
  return {
    connectTimeout: duration(tcp?.connectTimeout) ?? duration(mesh.connectTimeout) ?? milliseconds(10_000),
    circuitBreakers: { thresholds: [thresholds] },
    ...keepaliveFields(mesh, tcp),
  }
}

/** The rule's keep-alive over the mesh's, field by field. */
export function keepaliveFields(mesh: MeshConfig, tcp?: ConnectionPool['tcp']): ClusterInit {
  if (!mesh.tcpKeepalive && !tcp?.tcpKeepalive) return {}
  const { probes, time, interval } = { ...mesh.tcpKeepalive, ...tcp?.tcpKeepalive }
  const seconds = (text: string | undefined): number | undefined => {
    const value = duration(text)
    return value === undefined ? undefined : Number(value.seconds)
  }
  const tcpKeepalive = defined({
    keepaliveProbes: probes || undefined,
    keepaliveTime: seconds(time),
    keepaliveInterval: seconds(interval),
  })
  return { upstreamConnectionOptions: { tcpKeepalive } }
}

/** What a pool says of HTTP. */
export function applyHttpPool(options: HttpOptions, pool: ConnectionPool | undefined): void {
  const { tcp, http } = pool ?? {}
  const idleTimeout = duration(http?.idleTimeout) ?? duration(tcp?.idleTimeout)
  const maxConnectionDuration = duration(tcp?.maxConnectionDuration)
  Object.assign(
    options.common,
    defined({
      idleTimeout,
      maxConnectionDuration,
      maxRequestsPerConnection: http?.maxRequestsPerConnection || undefined,
    }),
  )
  if (http?.maxConcurrentStreams) options.http2.maxConcurrentStreams = http.maxConcurrentStreams
  if (http?.http2KeepAlive) {
    const { interval, timeout } = http.http2KeepAlive
    options.http2.connectionKeepalive = defined({ interval: duration(interval), timeout: duration(timeout) })
  }
}

/** Whether an HTTP/1.1 port is spoken to in HTTP/2: as the rule says; else as the mesh says, for ports declared as HTTP. */
export function upgradesToHttp2(mesh: MeshConfig, port: ServicePort, pool: ConnectionPool | undefined): boolean {
  const { http } = pool ?? {}
  if (http?.useClientProtocol || http?.h2UpgradePolicy === 'DO_NOT_UPGRADE') return false
  if (http?.h2UpgradePolicy === 'UPGRADE') return true
  return isHttp(port.protocol) && mesh.h2UpgradePolicy === 'UPGRADE'
}
