import { join } from 'node:path'
import { KubeClient, loadAccess } from '../../clusters/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { SandboxCluster } from './cluster.ts'
import type { SandboxHandle } from './sandbox.ts'

export interface ClusterStatus {
  readonly name: string
  readonly context: string
  readonly server: string
  readonly region: string
  readonly zone: string
  readonly network: string
  readonly management: boolean
  readonly registered: boolean
  /** Ranges of the loopback network: where its pods are, and the programs behind their proxies. */
  readonly addresses: { readonly pods: string; readonly programs: string }
  /** Whether its API server answers. */
  readonly reachable: boolean
  readonly nodes: readonly string[]
  readonly pods: { readonly ready: number; readonly total: number }
  /** `namespace/name` → address. */
  readonly loadBalancers: Readonly<Record<string, string>>
  readonly loadBalancerPid: number | undefined
}

export interface MachineStatus {
  readonly name: string
  /** Name of the cluster whose mesh it joins. */
  readonly cluster: string
  /** Where it is on this computer. */
  readonly address: string
  /** Address that the mesh is to know it by. */
  readonly knownAs: string
  /** Whether its proxy has its configuration. */
  readonly ready: boolean
  /** What it joined the mesh with, and its logs. */
  readonly directory: string
}

export interface SandboxStatus {
  readonly name: string
  readonly pid: number
  readonly directory: string
  readonly kubeconfig: string
  readonly clusters: readonly ClusterStatus[]
  readonly vms: readonly MachineStatus[]
  readonly controlPlane:
    | {
        readonly pid: number | undefined
        readonly ready: boolean
        readonly xds: string
        readonly http: string
        readonly log: string
      }
    | undefined
}

/** How a sandbox is now, as its API servers tell. */
export async function statusOf(sandbox: SandboxHandle): Promise<SandboxStatus> {
  const { name, directory, kubeconfig, controlPlane } = sandbox
  return {
    name,
    pid: process.pid,
    directory,
    kubeconfig,
    clusters: await Promise.all(sandbox.clusters.map(clusterStatus)),
    vms: await Promise.all(
      sandbox.machines.placed.map(async ({ spec, address, cluster }) => ({
        name: spec.name,
        cluster: cluster.spec.name,
        address,
        knownAs: spec.address ?? address,
        ready: (await sandbox.machines.find(spec.name)?.ready()) ?? false,
        directory: join(directory, 'machines', spec.name),
      })),
    ),
    controlPlane: controlPlane && {
      pid: controlPlane.pid,
      ready: await controlPlane.isReady(),
      xds: controlPlane.xds,
      http: controlPlane.http,
      log: controlPlane.logFile,
    },
  }
}

interface PodLike extends KubeObject<unknown, { phase?: string; conditions?: { type: string; status: string }[] }> {}
interface ServiceLike extends KubeObject<unknown, { loadBalancer?: { ingress?: { ip?: string }[] } }> {}

async function clusterStatus(cluster: SandboxCluster): Promise<ClusterStatus> {
  const { name, context, region, zone, network, management, registered } = cluster.spec
  const server = cluster.access.server
  const client = new KubeClient(loadAccess(cluster.kubeconfig, context))
  const list = async <T extends KubeObject>(plural: string, kind: string, namespaced: boolean): Promise<T[]> =>
    (await client.list({ group: '', version: 'v1', plural, kind, namespaced }, {}, AbortSignal.timeout(3000)))
      .items as T[]
  const { pods: podRange, programs } = cluster.claim.addresses
  const addresses = { pods: podRange, programs }
  const known = { addresses, name, context, server, region, zone, network, management, registered }
  try {
    const [nodes, pods, services] = await Promise.all([
      list('nodes', 'Node', false),
      list<PodLike>('pods', 'Pod', true),
      list<ServiceLike>('services', 'Service', true),
    ])
    const running = pods.filter((pod) => pod.status?.phase !== 'Succeeded')
    const isReady = (pod: PodLike): boolean =>
      pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true
    return {
      ...known,
      reachable: true,
      nodes: nodes.map((node) => node.metadata.name),
      pods: { ready: running.filter(isReady).length, total: running.length },
      loadBalancers: Object.fromEntries(
        services.flatMap((service) => {
          const ip = service.status?.loadBalancer?.ingress?.[0]?.ip
          return ip === undefined ? [] : [[`${service.metadata.namespace}/${service.metadata.name}`, ip]]
        }),
      ),
      loadBalancerPid: cluster.balancerPid,
    }
  } catch {
    const nothing = { nodes: [], pods: { ready: 0, total: 0 }, loadBalancers: {} }
    return { ...known, ...nothing, reachable: false, loadBalancerPid: cluster.balancerPid }
  } finally {
    client.close()
  }
}
