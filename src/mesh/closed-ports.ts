// Ports on which a proxy can open no socket, by what it says of itself.
import { metadataFlag, type Proxy } from './proxy.ts'

export interface ClosedPorts {
  /** Those of its own health and statistics listeners, sorted. */
  readonly own: readonly number[]
  /** Ports below 1024, which its user may not open. */
  readonly privileged: boolean
}

const ownPorts = [
  'ENVOY_STATUS_PORT',
  'ENVOY_PROMETHEUS_PORT',
  'ENVOY_SECURE_METRICS_PORT',
  'ENVOY_SECURE_MERGED_METRICS_PORT',
] as const

export function closedPorts(proxy: Proxy): ClosedPorts {
  const own = ownPorts.map((name) => Number(proxy.metadata[name] ?? 0)).filter((port) => port > 0)
  return { own: own.sort((a, b) => a - b), privileged: metadataFlag(proxy, 'UNPRIVILEGED_POD') }
}

/** Whether a listener can be there. `socket`: it opens one; `everywhere`: at all addresses of the pod. */
export function mayListen(closed: ClosedPorts, port: number, at: { socket: boolean; everywhere: boolean }): boolean {
  if (at.socket && closed.privileged && port > 0 && port < 1024) return false
  return !at.everywhere || !closed.own.includes(port)
}
