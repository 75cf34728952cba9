// TLS that a proxy ends: that of the mesh, and what Sidecars and Gateways ask for.
import type { TransportSocketSchema } from '#gen/envoy/config/core/v3/base_pb.js'
import {
  type CertificateValidationContextSchema,
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
  type TlsParametersSchema,
  CertificateValidationContext_TrustChainVerification as TrustChain,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js'
import {
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import type { MeshConfig } from '../../../discovery/index.ts'
import { isCipherSuite, type ServerTls } from '../../../resources/istio/index.ts'
import { extensionConfig, type Init } from '../proto.ts'
import {
  authorityOf,
  credentialConfig,
  credentialName,
  fileCertificateName,
  fileRootName,
  type SecretSource,
  secretConfig,
  workloadCertificate,
  workloadRoot,
} from './secrets.ts'
import { exactNames } from './upstream.ts'

type SocketInit = Init<typeof TransportSocketSchema>
type CommonInit = Init<typeof CommonTlsContextSchema>
type ParamsInit = Init<typeof TlsParametersSchema>

/** Ciphers of the mesh for TLS 1.2; 1.3 has its own. */
const meshCiphers = [
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-GCM-SHA256',
]

/** What a server offers to speak. It must not offer `istio`: Envoy takes that for HTTP/1 and HTTP/2 would fail. */
export const httpAlpn = ['h2', 'http/1.1']

const sanType = SubjectAltNameMatcher_SanType.URI

/**
 * Mutual TLS of the mesh: the caller shows a certificate of one of the mesh's trust domains, whoever it is; who may
 * call is for authorization to say.
 */
export function meshServerSocket(mesh: MeshConfig, secrets: SecretSource): SocketInit {
  const { meshMTLS, trustDomain, trustDomainAliases = [] } = mesh
  const domains = [trustDomain || 'cluster.local', ...trustDomainAliases]
  const common: CommonInit = {
    tlsParams: {
      cipherSuites: meshMTLS?.cipherSuites ?? meshCiphers,
      tlsMinimumProtocolVersion:
        meshMTLS?.minProtocolVersion === 'TLSV1_3'
          ? TlsParameters_TlsProtocol.TLSv1_3
          : TlsParameters_TlsProtocol.TLSv1_2,
      tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
    },
    alpnProtocols: httpAlpn,
    ...workloadSecrets(secrets, {
      matchTypedSubjectAltNames: domains.map((domain) => ({
        sanType,
        matcher: { matchPattern: { case: 'prefix', value: `spiffe://${domain}/` } },
      })),
    }),
  }
  return serverSocket(common, true)
}

function serverSocket(commonTlsContext: CommonInit, requireClientCertificate: boolean): SocketInit {
  return extensionConfig('envoy.transport_sockets.tls', DownstreamTlsContextSchema, {
    commonTlsContext,
    requireClientCertificate,
  })
}

type ValidationInit = Init<typeof CertificateValidationContextSchema>

function workloadSecrets(secrets: SecretSource, defaultValidationContext: ValidationInit): CommonInit {
  return {
    tlsCertificateSdsSecretConfigs: [secretConfig(workloadCertificate, secrets)],
    validationContextType: {
      case: 'combinedValidationContext',
      value: { defaultValidationContext, validationContextSdsSecretConfig: secretConfig(workloadRoot, secrets) },
    },
  }
}

export interface ServerTlsOptions {
  readonly mesh: MeshConfig
  readonly secrets: SecretSource
  readonly alpn: readonly string[]
}

/** TLS as a Sidecar's ingress or a Gateway's server asks for it. Not for modes that pass TLS through. */
export function serverTlsSocket(tls: ServerTls, options: ServerTlsOptions): SocketInit {
  const { mode } = tls
  const demands = mode === 'MUTUAL' || mode === 'ISTIO_MUTUAL'
  const validates = demands || mode === 'OPTIONAL_MUTUAL'
  const validation: ValidationInit = {
    matchSubjectAltNames: exactNames(tls.subjectAltNames ?? []),
    verifyCertificateSpki: tls.verifyCertificateSpki ?? [],
    verifyCertificateHash: tls.verifyCertificateHash ?? [],
    ...(tls.caCrl && { crl: { specifier: { case: 'filename', value: tls.caCrl } } }),
    ...(tls.insecureSkipVerify && { trustChainVerification: TrustChain.ACCEPT_UNTRUSTED }),
  }
  const common: CommonInit = {
    alpnProtocols: [...options.alpn],
    ...(mode === 'ISTIO_MUTUAL'
      ? workloadSecrets(options.secrets, validation)
      : { ...serverParams(tls, options.mesh), ...ownSecrets(tls, options, validates ? validation : undefined) }),
  }
  return serverSocket(common, demands)
}

const versions = {
  TLS_AUTO: undefined,
  TLSV1_0: TlsParameters_TlsProtocol.TLSv1_0,
  TLSV1_1: TlsParameters_TlsProtocol.TLSv1_1,
  TLSV1_2: TlsParameters_TlsProtocol.TLSv1_2,
  TLSV1_3: TlsParameters_TlsProtocol.TLSv1_3,
} as const

/** The mesh's defaults, and what the server says itself. Ciphers that Envoy would refuse are left out. */
function serverParams(tls: ServerTls, { tlsDefaults }: MeshConfig): Pick<CommonInit, 'tlsParams'> {
  const least =
    versions[tls.minProtocolVersion ?? 'TLS_AUTO'] ??
    (tlsDefaults?.minProtocolVersion === 'TLSV1_3' ? TlsParameters_TlsProtocol.TLSv1_3 : undefined)
  const most = versions[tls.maxProtocolVersion ?? 'TLS_AUTO']
  const ciphers = [...new Set(tls.cipherSuites ?? [])].filter(isCipherSuite)
  const params: ParamsInit = {
    cipherSuites: ciphers.length > 0 ? ciphers : (tlsDefaults?.cipherSuites ?? []),
    ecdhCurves: tls.ecdhCurves ?? tlsDefaults?.ecdhCurves ?? [],
    ...(least === undefined ? {} : { tlsMinimumProtocolVersion: least }),
    ...(most === undefined ? {} : { tlsMaximumProtocolVersion: most }),
  }
  return { tlsParams: params }
}

/** Certificates by credential name, or by file; `validation`: how clients are looked at, if they are. */
function ownSecrets(tls: ServerTls, { secrets }: ServerTlsOptions, validation: ValidationInit | undefined): CommonInit {
  const names = tls.credentialNames ?? (tls.credentialName ? [tls.credentialName] : [])
  const prefixed = names.map(credentialName)
  const files = tls.tlsCertificates ?? [tls]
  const certificates =
    prefixed.length > 0
      ? prefixed.map(credentialConfig)
      : files.map(({ serverCertificate: certificate, privateKey: key }) =>
          secretConfig(fileCertificateName({ certificate, key }), secrets),
        )
  if (validation === undefined) return { tlsCertificateSdsSecretConfigs: certificates }
  const [first] = prefixed
  const authority = tls.caCertCredentialName ? credentialName(tls.caCertCredentialName) : authorityOf(first ?? '')
  return {
    tlsCertificateSdsSecretConfigs: certificates,
    validationContextType: {
      case: 'combinedValidationContext',
      value: {
        defaultValidationContext: validation,
        validationContextSdsSecretConfig:
          first === undefined ? secretConfig(fileRootName(tls.caCertificates), secrets) : credentialConfig(authority),
      },
    },
  }
}
