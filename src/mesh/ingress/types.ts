import type { KubeObject } from '../../resources/index.ts'

// The parts of networking.k8s.io that are read.

export interface IngressBackend {
  service?: { name?: string; port?: { name?: string; number?: number } }
}

export interface IngressPath {
  path?: string
  pathType?: string
  backend?: IngressBackend
}

export interface IngressHostRule {
  host?: string
  http?: { paths?: IngressPath[] }
}

export type IngressObject = KubeObject<{
  ingressClassName?: string
  defaultBackend?: IngressBackend
  rules?: IngressHostRule[]
  tls?: { hosts?: string[]; secretName?: string }[]
}>

export type IngressClassObject = KubeObject<{ controller?: string }>
