// The built-in kinds, as far as controllers read and write them.

import type { LabelSelector } from '../../lib/index.ts'
import type { KubeObject, ObjectMeta } from '../../resources/index.ts'

export type IntOrString = number | string

export interface Condition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason?: string
  message?: string
  lastTransitionTime?: string
  lastUpdateTime?: string
  lastProbeTime?: string
}

export interface ContainerPort {
  name?: string
  containerPort: number
  protocol?: string
}

export interface Container {
  name: string
  image?: string
  restartPolicy?: string
  ports?: ContainerPort[]
}

export interface PodSpec {
  nodeName?: string
  schedulerName?: string
  nodeSelector?: Record<string, string>
  hostname?: string
  subdomain?: string
  restartPolicy?: string
  serviceAccountName?: string
  containers: Container[]
  initContainers?: Container[]
  affinity?: {
    nodeAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms: NodeSelectorTerm[] } }
  }
  tolerations?: { key?: string; operator?: string; value?: string; effect?: string }[]
}

export interface NodeSelectorTerm {
  matchExpressions?: { key: string; operator: string; values?: string[] }[]
  matchFields?: { key: string; operator: string; values?: string[] }[]
}

export interface PodStatus {
  phase?: string
  podIP?: string
  podIPs?: { ip: string }[]
  startTime?: string
  conditions?: Condition[]
  containerStatuses?: { name: string; restartCount: number; ready: boolean }[]
}

export type Pod = KubeObject<PodSpec, PodStatus>

export interface PodTemplate {
  metadata?: Partial<ObjectMeta>
  spec: PodSpec
}

export interface ReplicaSetSpec {
  replicas?: number
  minReadySeconds?: number
  selector: LabelSelector
  template: PodTemplate
}

export interface ReplicaSetStatus {
  replicas: number
  fullyLabeledReplicas?: number
  readyReplicas?: number
  availableReplicas?: number
  terminatingReplicas?: number
  observedGeneration?: number
  conditions?: Condition[]
}

export type ReplicaSet = KubeObject<ReplicaSetSpec, ReplicaSetStatus>

export interface DeploymentSpec extends ReplicaSetSpec {
  strategy?: { type?: string; rollingUpdate?: { maxSurge?: IntOrString; maxUnavailable?: IntOrString } }
  revisionHistoryLimit?: number
  progressDeadlineSeconds?: number
  paused?: boolean
}

export interface DeploymentStatus {
  observedGeneration?: number
  replicas?: number
  updatedReplicas?: number
  readyReplicas?: number
  availableReplicas?: number
  unavailableReplicas?: number
  terminatingReplicas?: number
  collisionCount?: number
  conditions?: Condition[]
}

export type Deployment = KubeObject<DeploymentSpec, DeploymentStatus>

export interface StatefulSetSpec extends ReplicaSetSpec {
  serviceName?: string
  podManagementPolicy?: string
  revisionHistoryLimit?: number
  updateStrategy?: { type?: string; rollingUpdate?: { partition?: number } }
  ordinals?: { start?: number }
  volumeClaimTemplates?: KubeObject[]
}

export interface StatefulSetStatus extends ReplicaSetStatus {
  currentReplicas?: number
  updatedReplicas?: number
  currentRevision?: string
  updateRevision?: string
  collisionCount?: number
}

export type StatefulSet = KubeObject<StatefulSetSpec, StatefulSetStatus>

export interface DaemonSetSpec {
  selector: LabelSelector
  template: PodTemplate
  minReadySeconds?: number
  revisionHistoryLimit?: number
  updateStrategy?: { type?: string; rollingUpdate?: { maxSurge?: IntOrString; maxUnavailable?: IntOrString } }
}

export interface DaemonSetStatus {
  currentNumberScheduled: number
  numberMisscheduled: number
  desiredNumberScheduled: number
  numberReady: number
  observedGeneration?: number
  updatedNumberScheduled?: number
  numberAvailable?: number
  numberUnavailable?: number
  collisionCount?: number
}

export type DaemonSet = KubeObject<DaemonSetSpec, DaemonSetStatus>

export interface JobSpec {
  parallelism?: number
  completions?: number
  backoffLimit?: number
  activeDeadlineSeconds?: number
  ttlSecondsAfterFinished?: number
  suspend?: boolean
  selector?: LabelSelector
  template: PodTemplate
}

export interface JobStatus {
  active?: number
  ready?: number
  succeeded?: number
  failed?: number
  terminating?: number
  startTime?: string
  completionTime?: string
  conditions?: Condition[]
}

export type Job = KubeObject<JobSpec, JobStatus>

export interface ControllerRevision extends KubeObject {
  revision: number
  data?: unknown
}

export interface ServicePort {
  name?: string
  protocol?: string
  appProtocol?: string
  port: number
  targetPort?: IntOrString
  nodePort?: number
}

export interface ServiceSpec {
  type?: string
  clusterIP?: string
  selector?: Record<string, string>
  ports?: ServicePort[]
  publishNotReadyAddresses?: boolean
  ipFamilies?: string[]
  loadBalancerClass?: string
  loadBalancerIP?: string
}

export interface ServiceStatus {
  loadBalancer?: { ingress?: { ip?: string; ipMode?: string; ports?: { port: number; protocol: string }[] }[] }
}

export type Service = KubeObject<ServiceSpec, ServiceStatus>

export interface Endpoint {
  addresses: string[]
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean }
  hostname?: string
  nodeName?: string
  zone?: string
  targetRef?: { kind: string; namespace?: string; name: string; uid?: string }
}

export interface EndpointPort {
  name?: string
  port?: number
  protocol?: string
  appProtocol?: string
}

export interface EndpointSlice extends KubeObject {
  addressType: string
  endpoints: Endpoint[] | null
  ports?: EndpointPort[] | null
}

export interface EndpointAddress {
  ip: string
  hostname?: string
  nodeName?: string
  targetRef?: { kind: string; namespace?: string; name: string; uid?: string }
}

export interface EndpointSubset {
  addresses?: EndpointAddress[]
  notReadyAddresses?: EndpointAddress[]
  ports?: EndpointPort[]
}

export interface Endpoints extends KubeObject {
  subsets?: EndpointSubset[]
}

export type Node = KubeObject<
  { unschedulable?: boolean; taints?: { key: string; value?: string; effect: string }[] },
  { conditions?: Condition[]; addresses?: { type: string; address: string }[] }
>

export type Namespace = KubeObject<{ finalizers?: string[] }, { phase?: string; conditions?: Condition[] }>

export function conditionOf(
  object: { status?: { conditions?: Condition[] } | undefined },
  type: string,
): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type)
}
