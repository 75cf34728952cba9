// certificates.mesh.gloo.solo.io: how a mesh gets a certificate of the VirtualMesh's root. On the workload clusters.
import { anyObject, enumeration, list, number, object, type Static, string, uint32 } from '../dsl.ts'
import { bothVersions, defineKind, labels, objectRef, observedGeneration, spec } from './common.ts'
import { vaultCa } from './networking.ts'

const common = { group: 'certificates.mesh.gloo.solo.io', versions: bothVersions, categories: ['gloo-mesh'] }
const stateColumn = { name: 'State', type: 'string', jsonPath: '.status.state' } as const

export const issuedCertificate = defineKind({
  ...common,
  kind: 'IssuedCertificate',
  plural: 'issuedcertificates',
  description: 'An intermediate certificate that the mesh of this cluster is to have.',
  spec: spec(
    {
      hosts: list(string(), { description: 'SPIFFE URIs of the control plane.' }),
      org: string(),
      certOptions: object({
        ttlDays: uint32(),
        rsaKeySizeBytes: uint32(),
        orgName: string(),
        secretRotationGracePeriodRatio: number(),
      }),
      signingCertificateSecret: objectRef('Deprecated; see glooMeshCa.'),
      issuedCertificateSecret: objectRef(),
      podBounceDirective: objectRef(),
      glooMeshCa: object({ signingCertificateSecret: objectRef() }),
      agentCa: object({ vault: vaultCa }),
      rotationState: string(),
    },
    { atMostOne: [['glooMeshCa', 'agentCa']] },
  ),
  status: object({
    observedGeneration,
    error: string(),
    state: enumeration(['PENDING', 'REQUESTED', 'ISSUED', 'FINISHED', 'FAILED']),
    appliedGlooMeshCa: anyObject(),
    appliedAgentCa: anyObject(),
    observedRotationState: string(),
  }),
  printerColumns: [stateColumn],
})

export const certificateRequest = defineKind({
  ...common,
  kind: 'CertificateRequest',
  plural: 'certificaterequests',
  description: 'A request for the certificate of an IssuedCertificate, signed by the management cluster.',
  spec: spec({ certificateSigningRequest: string({ description: 'PEM, base64.' }) }),
  status: object({
    observedGeneration,
    error: string(),
    state: enumeration(['PENDING', 'FINISHED', 'FAILED']),
    signedCertificate: string(),
    signingRootCa: string(),
    certChain: string(),
  }),
  printerColumns: [stateColumn],
})

export const podBounceDirective = defineKind({
  ...common,
  kind: 'PodBounceDirective',
  plural: 'podbouncedirectives',
  description: 'Pods to restart, in order, once a certificate was issued.',
  spec: spec({
    podsToBounce: list(
      object({
        namespace: string(),
        labels,
        waitForReplicas: uint32(),
        rootCertSync: object({
          secretRef: objectRef(),
          secretKey: string(),
          configMapRef: objectRef(),
          configMapKey: string(),
        }),
      }),
    ),
  }),
  status: object({ podsBounced: list(object({ bouncedPods: list(string()) })) }),
})

export type IssuedCertificateSpec = Static<typeof issuedCertificate.spec>
export type PodBounceDirectiveSpec = Static<typeof podBounceDirective.spec>
