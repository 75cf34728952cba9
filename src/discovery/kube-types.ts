import type { KubeObject } from '../resources/index.ts'

// The fields of Kubernetes kinds that the inventory reads.

export interface ServiceSpec {
  type?: string
  clusterIP?: string
  clusterIPs?: string[]
  externalIPs?: string[]
  externalName?: string
  selector?: Record<string, string>
  ports?: {
    name?: string
    port?: number
    nodePort?: number
    protocol?: string
    appProtocol?: string | null
    targetPort?: number | string
  }[]
  internalTrafficPolicy?: string
  sessionAffinity?: string
  trafficDistribution?: string
  publishNotReadyAddresses?: boolean
}

export interface ServiceStatus {
  loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] }
}

export type ServiceObject = KubeObject<ServiceSpec, ServiceStatus>

export interface PodSpec {
  nodeName?: string
  serviceAccountName?: string
  hostname?: string
  subdomain?: string
  containers?: { name?: string; ports?: { containerPort?: number; name?: string; protocol?: string }[] }[]
}

export interface PodStatus {
  phase?: string
  podIP?: string
  podIPs?: { ip?: string }[]
}

export type PodObject = KubeObject<PodSpec, PodStatus>

export interface EndpointSliceObject extends KubeObject {
  addressType?: string
  ports?: { name?: string | null; port?: number | null; protocol?: string }[] | null
  endpoints?:
    | {
        addresses?: string[]
        conditions?: { ready?: boolean | null; serving?: boolean | null; terminating?: boolean | null }
        hostname?: string
        nodeName?: string
        zone?: string
        targetRef?: { kind?: string; name?: string; namespace?: string }
      }[]
    | null
}

export interface WorkloadEntrySpec {
  address?: string
  ports?: Record<string, number>
  labels?: Record<string, string>
  network?: string
  locality?: string
  weight?: number
  serviceAccount?: string
}

export type WorkloadEntryObject = KubeObject<WorkloadEntrySpec>

export interface ServiceEntrySpec {
  hosts?: string[]
  addresses?: string[]
  ports?: { number?: number; name?: string; protocol?: string; targetPort?: number }[]
  location?: string
  resolution?: string
  endpoints?: WorkloadEntrySpec[]
  workloadSelector?: { labels?: Record<string, string> }
  exportTo?: string[]
  subjectAltNames?: string[]
}

export interface ServiceEntryStatus {
  addresses?: { host?: string; value?: string }[]
}

export type ServiceEntryObject = KubeObject<ServiceEntrySpec, ServiceEntryStatus>

export const kinds = {
  namespace: '/Namespace',
  node: '/Node',
  pod: '/Pod',
  service: '/Service',
  configMap: '/ConfigMap',
  endpointSlice: 'discovery.k8s.io/EndpointSlice',
  serviceEntry: 'networking.istio.io/ServiceEntry',
  workloadEntry: 'networking.istio.io/WorkloadEntry',
  drain: 'fairlead.dev/Drain',
  gateway: 'gateway.networking.k8s.io/Gateway',
} as const
