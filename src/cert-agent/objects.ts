// The objects that the agent reads and writes, as far as it knows them. Certificates are PEM, base64.
import type { ResourceType } from '../clusters/index.ts'
import type { IssuedCertificateSpec, PodBounceDirectiveSpec } from '../resources/gloo/index.ts'
import type { KubeObject } from '../resources/index.ts'

const group = 'certificates.mesh.gloo.solo.io'
const kind = (plural: string, name: string): ResourceType => ({
  group,
  version: 'v1',
  plural,
  kind: name,
  namespaced: true,
})
const core = (plural: string, name: string): ResourceType => ({
  group: '',
  version: 'v1',
  plural,
  kind: name,
  namespaced: true,
})

export const types = {
  issued: kind('issuedcertificates', 'IssuedCertificate'),
  request: kind('certificaterequests', 'CertificateRequest'),
  directive: kind('podbouncedirectives', 'PodBounceDirective'),
  secret: core('secrets', 'Secret'),
  pod: core('pods', 'Pod'),
  configMap: core('configmaps', 'ConfigMap'),
} as const

/** Label of what the agent makes; its value is the namespace of the agent. */
export const agentLabel = `agent.${group}`
/** Annotation of a Secret of another namespace: the IssuedCertificate behind it. */
export const causeAnnotation = 'fairlead.dev/issued-certificate'
export const secretTypes = { key: `${group}/generated_private_key`, issued: `${group}/issued_certificate` } as const
export const keyName = 'private-key'

export interface IssuedStatus {
  readonly observedGeneration?: string | number
  readonly state?: string
  readonly error?: string
}

export interface IssuedCertificate extends KubeObject {
  readonly spec: IssuedCertificateSpec
  readonly status?: IssuedStatus
}

export interface CertificateRequest extends KubeObject {
  readonly spec: { readonly certificateSigningRequest?: string }
  readonly status?: {
    readonly observedGeneration?: string | number
    readonly state?: string
    readonly error?: string
    readonly signedCertificate?: string
    readonly signingRootCa?: string
    readonly certChain?: string
  }
}

export interface PodBounceDirective extends KubeObject {
  readonly spec: PodBounceDirectiveSpec
  readonly status?: { readonly podsBounced?: readonly { readonly bouncedPods?: readonly string[] }[] }
}

export interface Secret extends KubeObject {
  readonly type?: string
  readonly data?: Readonly<Record<string, string>>
}

export interface Place {
  readonly namespace: string
  readonly name: string
}

export const placeOf = ({ metadata }: KubeObject): Place => ({
  namespace: metadata.namespace ?? '',
  name: metadata.name,
})
export const generationOf = ({ metadata }: KubeObject): string => String(metadata.generation ?? 1)
