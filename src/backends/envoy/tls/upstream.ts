import { create } from '@bufbuild/protobuf'
import type { TransportSocketSchema } from '#gen/envoy/config/core/v3/base_pb.js'
import { RawBufferSchema } from '#gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js'
import { TlsParameters_TlsProtocol } from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js'
import type { CommonTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import { UpstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js'
import type { StringMatcherSchema } from '#gen/envoy/type/matcher/v3/string_pb.js'
import type { MeshConfig } from '../../../discovery/index.ts'
import type { ClientTls } from '../../../mesh/index.ts'
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

type SocketInit = Init<typeof TransportSocketSchema>
type CommonInit = Init<typeof CommonTlsContextSchema>

/** Plain text. */
export const rawBuffer: SocketInit = extensionConfig('envoy.transport_sockets.raw_buffer', RawBufferSchema)

const tlsParams = {
  tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
  tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
}

/** What the far end's certificate may say it is. */
export function exactNames(names: readonly string[]): Init<typeof StringMatcherSchema>[] {
  return names.map((name) => ({ matchPattern: { case: 'exact', value: name } }))
}

/** Mutual TLS within the mesh: by the workload's own certificate, the far end known by its identities. */
export function meshTlsSocket(options: {
  identities: readonly string[]
  sni: string
  http2: boolean
  secrets: SecretSource
}): SocketInit {
  const common: CommonInit = {
    tlsParams,
    // ALPN tells the far sidecar that a peer calls; http/2 is named where it is certain.
    alpnProtocols: ['istio-peer-exchange', 'istio', ...(options.http2 ? ['h2'] : [])],
    tlsCertificateSdsSecretConfigs: [secretConfig(workloadCertificate, options.secrets)],
    validationContextType: {
      case: 'combinedValidationContext',
      value: {
        defaultValidationContext: { matchSubjectAltNames: exactNames(options.identities) },
        validationContextSdsSecretConfig: secretConfig(workloadRoot, options.secrets),
      },
    },
  }
  return tlsSocket({ commonTlsContext: common, sni: options.sni })
}

function tlsSocket(context: Init<typeof UpstreamTlsContextSchema>): SocketInit {
  return extensionConfig(
    'envoy.transport_sockets.tls',
    UpstreamTlsContextSchema,
    create(UpstreamTlsContextSchema, context),
  )
}

export interface OriginationOptions {
  readonly tls: ClientTls
  /** Names that the certificate may have where the rule names none: those of the ServiceEntry. */
  readonly declaredNames: readonly string[]
  readonly http2: boolean
  readonly secrets: SecretSource
  readonly mesh: MeshConfig
}

/**
 * TLS that the user asked for (SIMPLE or MUTUAL). Undefined if what MUTUAL needs is not given: then the connection would not be
 * what was asked for, and the caller must not fall back to plain text.
 */
export function originationSocket(options: OriginationOptions): SocketInit | undefined {
  const { tls, http2, mesh } = options
  const names = tls.subjectAltNames && tls.subjectAltNames.length > 0 ? tls.subjectAltNames : options.declaredNames
  const trust = tls.credentialName ? credentialTrust(tls, names) : fileTrust(tls, names, options.secrets)
  if (!trust) return undefined
  const { cipherSuites = [], ecdhCurves = [] } = mesh.tlsDefaults ?? {}
  const commonTlsContext: CommonInit = {
    ...trust,
    tlsParams: { ...tlsParams, cipherSuites, ecdhCurves },
    alpnProtocols: http2 ? ['h2'] : [],
  }
  return tlsSocket({ commonTlsContext, sni: tls.sni ?? '' })
}

function credentialTrust(tls: ClientTls, names: readonly string[]): CommonInit {
  const withPrefix = credentialName(tls.credentialName ?? '')
  return {
    ...(tls.mode === 'MUTUAL' && { tlsCertificateSdsSecretConfigs: [credentialConfig(withPrefix)] }),
    validationContextType: tls.insecureSkipVerify
      ? { case: 'validationContext', value: {} }
      : {
          case: 'combinedValidationContext',
          value: {
            defaultValidationContext: { matchSubjectAltNames: exactNames(names) },
            validationContextSdsSecretConfig: credentialConfig(authorityOf(withPrefix)),
          },
        },
  }
}

function fileTrust(tls: ClientTls, names: readonly string[], source: SecretSource): CommonInit | undefined {
  const mutual = tls.mode === 'MUTUAL'
  if (mutual && !(tls.clientCertificate && tls.privateKey)) return undefined
  const certificate = fileCertificateName({ certificate: tls.clientCertificate, key: tls.privateKey })
  const root = fileRootName(tls.caCertificates)
  return {
    ...(mutual && { tlsCertificateSdsSecretConfigs: [secretConfig(certificate, source)] }),
    validationContextType: tls.insecureSkipVerify
      ? { case: 'validationContext', value: {} }
      : {
          case: 'combinedValidationContext',
          value: {
            defaultValidationContext: {
              matchSubjectAltNames: exactNames(names),
              ...(tls.caCrl && { crl: { specifier: { case: 'filename', value: tls.caCrl } } }),
            },
            validationContextSdsSecretConfig: secretConfig(root, source),
          },
        },
  }
}
