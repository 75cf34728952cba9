// Which mesh a machine joins, and where: what `vm bootstrap` and `vm onboard` are told alike.
import { isIP } from 'node:net'
import type { Command } from 'commander'
import { type Access, defaultAccess, loadAccess } from '../clusters/index.ts'

export interface TargetOptions {
  readonly kubeconfig?: string
  readonly context?: string
  readonly clusterId?: string
  readonly systemNamespace: string
  readonly ingressIp?: string
  readonly ingressService: string
  readonly internalIp?: string
}

/** Flags that contradict each other or mean nothing. */
export class VmUsageError extends Error {
  override readonly name = 'VmUsageError'
}

export function withTarget(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'kubeconfig; without: as kubectl finds it')
    .option('--context <name>', 'context of the cluster; without: the current one')
    .option('--cluster-id <name>', 'name of the cluster, as the control plane knows it; without: that of the context')
    .option('--system-namespace <name>', 'namespace of the control plane', 'istio-system')
    .option('--ingress-ip <address>', 'address by which the machine reaches the control plane')
    .option(
      '--ingress-service <name>',
      'Service whose load balancer has that address, if none is given',
      'istio-eastwestgateway',
    )
    .option('--internal-ip <address>', 'address by which the mesh reaches the machine; without: its own first one')
}

/** Access to the cluster. Throws `VmUsageError` if an address is none. */
export function accessOf({ kubeconfig, context, ...options }: TargetOptions): Access {
  for (const flag of ['ingressIp', 'internalIp'] as const) {
    const given = options[flag]
    if (given !== undefined && isIP(given) === 0) throw new VmUsageError(`${given} is not an IP address`)
  }
  return kubeconfig === undefined ? defaultAccess(context) : loadAccess(kubeconfig, context)
}
