// Pods, as far as a kubelet reads and writes them.
import type { KubeObject } from '../../resources/index.ts'

export interface EnvVar {
  name: string
  value?: string
  valueFrom?: {
    fieldRef?: { fieldPath: string }
    resourceFieldRef?: { resource: string; containerName?: string; divisor?: string | number }
    configMapKeyRef?: KeyRef
    secretKeyRef?: KeyRef
  }
}

export interface KeyRef {
  name?: string
  key: string
  optional?: boolean
}

export interface ProbeAction {
  httpGet?: {
    path?: string
    port: number | string
    host?: string
    scheme?: string
    httpHeaders?: { name: string; value: string }[]
  }
  tcpSocket?: { port: number | string; host?: string }
  exec?: { command?: string[] }
  grpc?: { port: number; service?: string }
  sleep?: { seconds: number }
}

export interface Probe extends ProbeAction {
  initialDelaySeconds?: number
  timeoutSeconds?: number
  periodSeconds?: number
  successThreshold?: number
  failureThreshold?: number
}

export interface Container {
  name: string
  image?: string
  command?: string[]
  args?: string[]
  workingDir?: string
  ports?: { name?: string; containerPort: number; hostPort?: number; protocol?: string }[]
  env?: EnvVar[]
  envFrom?: {
    prefix?: string
    configMapRef?: { name?: string; optional?: boolean }
    secretRef?: { name?: string; optional?: boolean }
  }[]
  resources?: { limits?: Record<string, string | number>; requests?: Record<string, string | number> }
  volumeMounts?: { name: string; mountPath: string; subPath?: string; readOnly?: boolean }[]
  livenessProbe?: Probe
  readinessProbe?: Probe
  startupProbe?: Probe
  lifecycle?: { postStart?: ProbeAction; preStop?: ProbeAction }
  /** Of init containers: Always makes it a sidecar that keeps running. */
  restartPolicy?: string
}

export interface KeyToPath {
  key: string
  path: string
  mode?: number
}

export interface ConfigSource {
  name?: string
  secretName?: string
  items?: KeyToPath[]
  optional?: boolean
  defaultMode?: number
}

export interface DownwardItem {
  path: string
  fieldRef?: { fieldPath: string }
  resourceFieldRef?: { resource: string; containerName?: string; divisor?: string | number }
}

export interface Volume {
  name: string
  emptyDir?: object
  hostPath?: { path: string; type?: string }
  configMap?: ConfigSource
  secret?: ConfigSource
  downwardAPI?: { items?: DownwardItem[] }
  projected?: {
    sources?: {
      configMap?: ConfigSource
      secret?: ConfigSource
      downwardAPI?: { items?: DownwardItem[] }
      serviceAccountToken?: { audience?: string; expirationSeconds?: number; path: string }
    }[]
  }
  persistentVolumeClaim?: { claimName: string }
}

export interface PodSpec {
  nodeName?: string
  hostname?: string
  hostNetwork?: boolean
  serviceAccountName?: string
  automountServiceAccountToken?: boolean
  restartPolicy?: 'Always' | 'OnFailure' | 'Never'
  terminationGracePeriodSeconds?: number
  activeDeadlineSeconds?: number
  initContainers?: Container[]
  containers: Container[]
  ephemeralContainers?: Container[]
  volumes?: Volume[]
  readinessGates?: { conditionType: string }[]
}

export interface ContainerState {
  waiting?: { reason: string; message?: string }
  running?: { startedAt: string }
  terminated?: {
    exitCode: number
    signal?: number
    reason?: string
    message?: string
    startedAt?: string
    finishedAt?: string
    containerID?: string
  }
}

export interface ContainerStatus {
  name: string
  state: ContainerState
  lastState: ContainerState
  ready: boolean
  restartCount: number
  image: string
  imageID: string
  containerID?: string
  started?: boolean
}

export interface PodCondition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason?: string
  message?: string
  lastTransitionTime?: string | null
  lastProbeTime?: string | null
  observedGeneration?: number
}

export interface PodStatus {
  phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'
  reason?: string
  message?: string
  hostIP?: string
  hostIPs?: { ip: string }[]
  podIP?: string
  podIPs?: { ip: string }[]
  startTime?: string
  qosClass?: string
  conditions?: PodCondition[]
  initContainerStatuses?: ContainerStatus[]
  containerStatuses?: ContainerStatus[]
  ephemeralContainerStatuses?: ContainerStatus[]
}

export interface Pod extends KubeObject<PodSpec, PodStatus> {}

/** Whether a pod has come to its end: it never runs again. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}
