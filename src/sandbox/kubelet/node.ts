// The Node object of a kubelet, and the Lease by which it shows that it is alive.
import { arch, availableParallelism, hostname, release, totalmem } from 'node:os'
import { isConflict, sleep } from '../../clusters/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { isApiError, type KubeApi, resources } from '../controllers/client/index.ts'

export interface NodeOptions {
  readonly api: KubeApi
  readonly name: string
  readonly region: string
  readonly zone: string
  readonly address: string
  /** Port of the kubelet's server. */
  readonly port: number
  readonly version: string
  readonly signal: AbortSignal
  readonly onError: (error: unknown) => void
}

const leaseSeconds = 40
const renewMs = 10_000
const leaseNamespace = 'kube-node-lease'

/** Makes the Node, or tells the one that is there that it is Ready again. Labels that users have changed stay. */
export async function registerNode(options: NodeOptions): Promise<KubeObject> {
  const { api, name } = options
  const known = await api.find(resources.nodes, '', name)
  const node = known ?? (await api.create(resources.nodes, newNode(options)))
  await api.patch(
    resources.nodes,
    { name },
    { type: 'merge', subresource: 'status', body: { status: statusOf(options) } },
  )
  return node
}

function newNode({ name, region, zone }: NodeOptions): KubeObject {
  const cpu = arch() === 'x64' ? 'amd64' : arch()
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'beta.kubernetes.io/arch': cpu,
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': cpu,
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'node-role.kubernetes.io/control-plane': '',
        ...(region !== '' && { 'topology.kubernetes.io/region': region }),
        ...(zone !== '' && { 'topology.kubernetes.io/zone': zone }),
      },
    },
    spec: {},
  }
}

function statusOf({ address, port, name, version }: NodeOptions): object {
  const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
  const resourcesOf = { cpu: String(availableParallelism()), memory: `${Math.floor(totalmem() / 1024)}Ki`, pods: '500' }
  const condition = (type: string, status: string, reason: string, message: string): object => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  })
  return {
    capacity: resourcesOf,
    allocatable: resourcesOf,
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
    conditions: [
      condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
      condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
      condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
      condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
    ],
    nodeInfo: {
      architecture: arch() === 'x64' ? 'amd64' : arch(),
      bootID: '',
      containerRuntimeVersion: `process://node-${process.versions.node}`,
      kernelVersion: release(),
      kubeProxyVersion: '',
      kubeletVersion: version,
      machineID: hostname(),
      operatingSystem: 'linux',
      osImage: 'Fairlead sandbox',
      systemUUID: '',
    },
  }
}

interface Lease extends KubeObject<{ holderIdentity: string; leaseDurationSeconds: number; renewTime: string }> {}

/** Renews the Lease of a node until the signal aborts. */
export async function keepLease({ api, name, signal, onError }: NodeOptions, node: KubeObject): Promise<void> {
  const owner = { apiVersion: 'v1', kind: 'Node', name, uid: node.metadata.uid ?? '' }
  const lease = (): Lease => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: leaseNamespace, ownerReferences: [owner] },
    spec: {
      holderIdentity: name,
      leaseDurationSeconds: leaseSeconds,
      renewTime: new Date().toISOString().replace('Z', '000Z'),
    },
  })
  while (!signal.aborted) {
    try {
      const body = { spec: lease().spec }
      await api.patch(resources.leases, { name, namespace: leaseNamespace }, { type: 'merge', body })
    } catch (error) {
      try {
        if (!isApiError(error, 'NotFound')) throw error
        await createLease(api, lease())
      } catch (failure) {
        if (!signal.aborted) onError(failure)
      }
    }
    await sleep(renewMs, signal)
  }
}

async function createLease(api: KubeApi, lease: Lease): Promise<void> {
  try {
    await api.create(resources.leases, lease)
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: leaseNamespace } }
    await api.create(resources.namespaces, namespace).catch((failure: unknown) => {
      if (!isConflict(failure)) throw failure
    })
    await api.create(resources.leases, lease)
  }
}
