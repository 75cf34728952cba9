import { defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { list, object, oneOf, required, type Static, string, uint32 } from '../schema.ts'
import { serverTls } from './gateway.ts'
import { istioVersions, networking } from './group.ts'
import { destination } from './http-route.ts'
import { labelSelector } from './selector.ts'
import { checkSidecar } from './sidecar-check.ts'
import { istioStatus } from './status.ts'
import { connectionPool } from './traffic-policy.ts'

const sidecarPort = object({ number: uint32(), protocol: string(), name: string(), targetPort: uint32() })

const captureMode = oneOf(['DEFAULT', 'IPTABLES', 'NONE'])

const ingressListener = object({
  port: required(sidecarPort),
  bind: string(),
  captureMode,
  defaultEndpoint: string({
    description: 'Where the program listens: 127.0.0.1:port, 0.0.0.0:port, [::1]:port or unix:// and a path.',
  }),
  tls: serverTls,
  connectionPool,
})

const egressListener = object({
  port: sidecarPort,
  bind: string(),
  captureMode,
  hosts: required(list(string(), { description: 'namespace/host; namespace may be *, . or ~.' })),
})

export const sidecarSpec = object({
  workloadSelector: labelSelector,
  ingress: list(ingressListener, { description: "Replaces what is derived from the pod's services." }),
  egress: list(egressListener, { description: 'What the workload can reach.' }),
  inboundConnectionPool: connectionPool,
  outboundTrafficPolicy: object({ mode: oneOf(['REGISTRY_ONLY', 'ALLOW_ANY']), egressProxy: destination }),
})

export type SidecarPort = Static<typeof sidecarPort>
export type IngressListener = Static<typeof ingressListener>
export type EgressListener = Static<typeof egressListener>
export type SidecarSpec = Static<typeof sidecarSpec>
export type Sidecar = KubeObject<SidecarSpec, Static<typeof istioStatus>>

export const sidecarKind = defineKind({
  group: networking.group,
  categories: networking.categories,
  versions: istioVersions,
  kind: 'Sidecar',
  plural: 'sidecars',
  description: 'What the sidecars of a namespace or a workload listen to and can reach.',
  spec: sidecarSpec,
  status: istioStatus,
  checkFields: checkSidecar,
})
