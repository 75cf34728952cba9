import { defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { boolean, list, map, object, oneOf, required, type Static, string, uint32 } from '../schema.ts'
import { checkGateway } from './gateway-check.ts'
import { istioVersions, networking } from './group.ts'
import { istioStatus } from './status.ts'

const tlsVersion = oneOf(['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'])

/** How a gateway (or a Sidecar's ingress) ends TLS. */
export const serverTls = object(
  {
    httpsRedirect: boolean({ description: 'Answer plain HTTP with a redirect to https.' }),
    mode: oneOf(['PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL']),
    serverCertificate: string(),
    privateKey: string(),
    caCertificates: string(),
    caCrl: string(),
    credentialName: string({ description: "A Secret in the gateway's namespace." }),
    credentialNames: list(string(), { minItems: 1, maxItems: 2 }),
    caCertCredentialName: string(),
    tlsCertificates: list(object({ serverCertificate: string(), privateKey: string(), caCertificates: string() }), {
      minItems: 1,
      maxItems: 2,
    }),
    subjectAltNames: list(string()),
    verifyCertificateSpki: list(string()),
    verifyCertificateHash: list(string()),
    minProtocolVersion: tlsVersion,
    maxProtocolVersion: tlsVersion,
    cipherSuites: list(string()),
    ecdhCurves: list(string()),
    insecureSkipVerify: boolean({ nullable: true }),
  },
  {
    atMostOne: [
      ['tlsCertificates', 'credentialNames'],
      ['credentialName', 'credentialNames'],
      ['credentialName', 'tlsCertificates'],
    ],
  },
)

const serverPort = object({
  number: required(uint32()),
  protocol: required(string()),
  name: required(string()),
  targetPort: uint32(),
})

const server = object({
  port: required(serverPort),
  bind: string({ description: 'IP address, or unix:// and a path.' }),
  hosts: required(
    list(string(), {
      description: 'Names served here: host, or namespace/host to admit VirtualServices of one namespace.',
    }),
  ),
  tls: serverTls,
  defaultEndpoint: string(),
  name: string(),
})

export const gatewaySpec = object({
  servers: list(server),
  selector: map(string(), { description: 'Labels of the pods that are this gateway.' }),
})

export type ServerTls = Static<typeof serverTls>
export type GatewayServer = Static<typeof server>
export type GatewaySpec = Static<typeof gatewaySpec>
export type Gateway = KubeObject<GatewaySpec, Static<typeof istioStatus>>

export const gatewayKind = defineKind({
  group: networking.group,
  categories: networking.categories,
  versions: istioVersions,
  kind: 'Gateway',
  plural: 'gateways',
  shortNames: ['gw'],
  description: 'What the proxies at the edge of the mesh listen to.',
  spec: gatewaySpec,
  status: istioStatus,
  checkFields: checkGateway,
})
