import type { ChildProcess } from 'node:child_process'
import type { Machines } from '../../mesh/index.ts'

/** A pod's container port: as declared, where Envoy listens for it, and where the program behind does. */
export interface InboundPort {
  readonly port: number
  /** `address:port`. */
  readonly bind: string
  /** `address:port`. */
  readonly app: string
}

/** The pod, or the VM, that an Envoy stands beside. */
export interface ProxyPod {
  readonly name: string
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly serviceAccount: string
  readonly nodeName: string
  /** Name of the Deployment or the like that the pod is of; of a machine, of its WorkloadGroup. */
  readonly workloadName?: string
}

export interface ProxyOptions {
  /** `gateway`: no program behind it. */
  readonly role: 'sidecar' | 'gateway'
  readonly envoyPath: string
  /** For bootstrap, certificates and logs; made if it is not there. */
  readonly directory: string
  /** Where Envoy listens, and calls from. */
  readonly address: string
  /** Address under which the mesh knows the machine, if that is another one. */
  readonly knownAs?: string
  /** Where machines outside of clusters are found that the mesh knows by addresses of other networks. */
  readonly machines?: Machines
  /** Where the programs behind it are bound; undefined for gateways. */
  readonly appAddress: string | undefined
  readonly ports: readonly InboundPort[]
  readonly pod: ProxyPod
  readonly cluster: string
  readonly network: string
  readonly locality: { readonly region: string; readonly zone: string; readonly subzone?: string }
  /** The control plane: `host:port`, and a file with the CA of its certificate. */
  readonly xds: { readonly address: string; readonly rootFile: string }
  /** Worker threads; 0 = one for each core; one if not given. */
  readonly concurrency?: number
  /** More node metadata. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** A fresh service account token, if there is one. */
  readonly token: () => Promise<string | undefined>
  /** A certificate to prove the identity with, where there may be no token any more; asked for each time. */
  readonly certificate?: () => { readonly chain: string; readonly key: string } | undefined
  readonly log: (line: string) => void
  /** Gives up waiting for a certificate. */
  readonly signal?: AbortSignal
  /** Starts Envoy in place of `startProxy`, for a launcher that keeps its processes together; it has the output, too. */
  readonly spawn?: (argv: readonly string[], cwd: string) => ChildProcess
}

/** Ports of an Envoy beside a pod, on the pod's address; the numbers are Istio's. */
export const proxyPorts = { admin: 15000, outbound: 15001, inbound: 15006, health: 15021, metrics: 15090 } as const

/** Names that the control plane's certificate has, whatever its address. */
export const controlPlaneName = 'istiod.istio-system.svc'
