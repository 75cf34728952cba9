// security.zephyr.solo.io: how a mesh gets a certificate of the VirtualMesh's root.
import { defineKind, enumeration, list, object, type Static, string } from '../dsl.ts'
import { computedStatus, resourceRef, versions } from './common.ts'

export const certificateSigningRequest = defineKind({
  group: 'security.zephyr.solo.io',
  versions,
  categories: ['service-mesh-hub'],
  kind: 'VirtualMeshCertificateSigningRequest',
  plural: 'virtualmeshcertificatesigningrequests',
  description:
    'Asks for an intermediate certificate for the mesh of this cluster, signed by the root of its VirtualMesh.',
  spec: object({
    csrData: string({ description: 'PKCS#10 request, base64.' }),
    certConfig: object({
      hosts: list(string()),
      org: string(),
      meshType: enumeration(['ISTIO', 'APPMESH', 'CONSUL', 'LINKERD']),
    }),
    virtualMeshRef: resourceRef(),
  }),
  status: object({
    response: object({ caCertificate: string(), rootCertificate: string() }),
    thirdPartyApproval: object({
      lastUpdatedTime: string(),
      message: string(),
      approvalStatus: enumeration(['PENDING', 'APPROVED', 'DENIED']),
    }),
    computedStatus,
  }),
  printerColumns: [{ name: 'State', type: 'string', jsonPath: '.status.computedStatus.state' }],
})

export type CertificateSigningRequestSpec = Static<typeof certificateSigningRequest.spec>
