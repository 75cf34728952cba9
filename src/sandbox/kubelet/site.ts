// What the parts of a kubelet share: the node that pods run on, and the place of one pod on it.

import type { Machines } from '../../mesh/index.ts'
import type { KubeApi } from '../controllers/client/index.ts'
import type { EventRecorder } from '../controllers/runtime/events.ts'
import type { AddressPool } from './addresses.ts'
import type { PodFacts } from './env.ts'
import type { PodProxy } from './pod-proxy.ts'
import type { PodPorts } from './ports.ts'
import type { ProcessTable } from './processes/index.ts'
import type { ServiceNetwork } from './service-network.ts'
import type { PodVolumes } from './volumes.ts'

/** How pods get proxies. */
export interface ProxyPlan {
  /** The binary of Envoy. */
  readonly envoyPath: string
  /** The control plane: `host:port`, and a file with the authority behind its certificate. */
  readonly xds: { readonly address: string; readonly rootFile: string }
  /** Network of the cluster's pods. */
  readonly network: string
  /** Machines outside of clusters that are not where the mesh knows them. */
  readonly machines?: Machines
}

export interface NodeSite {
  /** Name of the cluster, as the mesh knows it. */
  readonly cluster: string
  readonly name: string
  readonly hostIP: string
  readonly api: KubeApi
  readonly events: EventRecorder
  readonly processes: ProcessTable
  readonly addresses: AddressPool
  readonly lowPorts: 'free' | 'reserved'
  /** Folder of pods, each by its uid. */
  readonly pods: string
  /** Folder of volumes that outlive pods. */
  readonly claims: string
  /** Entry point of the built-in programs, and where Node keeps what it has compiled of them. */
  readonly programs: string
  readonly compileCache: string
  /** How pods without a proxy reach services. */
  readonly network: ServiceNetwork
  /** Undefined: nobody gets a proxy. */
  readonly proxies: ProxyPlan | undefined
  /** Region and zone, as the Node object has them now. */
  locality(): { region: string; zone: string }
  log(message: string): void
}

export interface PodSite {
  readonly node: NodeSite
  /** The pod's own. */
  readonly folder: string
  readonly address: string
  /** Where its programs listen: behind the proxy if there is one. */
  readonly programAddress: string
  readonly proxied: boolean
  readonly proxy: PodProxy | undefined
  readonly ports: PodPorts
  readonly volumes: PodVolumes
  readonly facts: PodFacts
  /** CLUSTER/NAMESPACE/POD. */
  readonly servedBy: string
}
