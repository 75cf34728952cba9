import { type Command, Option } from 'commander'
import { stringify } from 'yaml'
import type { FaultOrder, SandboxStatus } from '../sandbox/index.ts'
import { attempt, giveOrder, runningSandbox } from './sandbox-common.ts'

interface StatusOptions {
  name: string
  output?: 'json' | 'yaml'
}

export function registerStatus(sandbox: Command): void {
  sandbox
    .command('status')
    .description('What runs: clusters, addresses, pods, control plane, faults')
    .addOption(runningSandbox())
    .addOption(new Option('-o, --output <format>', 'machine-readable output').choices(['json', 'yaml']))
    .action((options: StatusOptions) =>
      attempt(async () => {
        const status = await giveOrder<SandboxStatus>(options.name, 'status')
        const faults = await giveOrder<FaultOrder[]>(options.name, 'faults')
        const all = { ...status, faults }
        if (options.output === 'json') console.log(JSON.stringify(all, undefined, 2))
        else if (options.output === 'yaml') console.log(stringify(all).trimEnd())
        else console.log(tables(status, faults))
      }),
    )
}

function tables(status: SandboxStatus, faults: readonly FaultOrder[]): string {
  const { controlPlane } = status
  const clusters = status.clusters.map((cluster) => [
    cluster.name,
    cluster.context,
    cluster.server,
    [cluster.region, cluster.zone].join('/'),
    cluster.reachable ? `${cluster.pods.ready}/${cluster.pods.total}` : 'unreachable',
    Object.entries(cluster.loadBalancers)
      .map(([service, address]) => `${service}=${address}`)
      .join(' ') || '-',
  ])
  const lines = [
    `sandbox ${status.name}, process ${status.pid}, files in ${status.directory}`,
    `kubeconfig ${status.kubeconfig}`,
    controlPlane
      ? `control plane ${controlPlane.ready ? 'ready' : 'not ready'}, process ${controlPlane.pid ?? '-'}, http://${controlPlane.http}`
      : 'no control plane',
    '',
    ...columns([['CLUSTER', 'CONTEXT', 'SERVER', 'LOCALITY', 'PODS READY', 'LOAD BALANCERS'], ...clusters]),
  ]
  if (status.vms.length > 0) {
    const rows = status.vms.map((vm) => [vm.name, vm.cluster, vm.address, vm.knownAs, vm.ready ? 'yes' : 'no'])
    lines.push('', ...columns([['VM', 'CLUSTER', 'ADDRESS', 'KNOWN AS', 'READY'], ...rows]))
  }
  if (faults.length > 0) {
    const rows = faults.map((fault) => [fault.name ?? '', fault.kind, targetOf(fault)])
    lines.push('', ...columns([['FAULT', 'KIND', 'TARGET'], ...rows]))
  }
  return lines.join('\n')
}

function targetOf(fault: FaultOrder): string {
  if (fault.target) return fault.target
  if (fault.vm !== undefined) return `vm ${fault.vm}`
  const place = [fault.context, fault.namespace, fault.deployment].filter((part) => part !== undefined).join('/')
  return fault.to === undefined ? place : `${place} from ${fault.to}`
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? []
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('   ')
      .trimEnd(),
  )
}
