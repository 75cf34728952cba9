import {
  ApiConfigSource_ApiType,
  ApiVersion,
  type ConfigSourceSchema,
} from '#gen/envoy/config/core/v3/config_source_pb.js'
import type { SdsSecretConfigSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js'
import { type Init, noTimeout } from '../proto.ts'

/** Where a proxy gets secrets: on its stream to the control plane, or from the agent beside it (Istio's, by socket). */
export type SecretSource = 'ads' | 'agent'

export const workloadCertificate = 'default'
export const workloadRoot = 'ROOTCA'

/** A secret of the workload itself: its certificate, or the root that it trusts. */
export function secretConfig(name: string, source: SecretSource): Init<typeof SdsSecretConfigSchema> {
  return { name, sdsConfig: source === 'ads' ? adsSource : agentSource }
}

const adsSource: Init<typeof ConfigSourceSchema> = {
  configSourceSpecifier: { case: 'ads', value: {} },
  resourceApiVersion: ApiVersion.V3,
}

const agentSource: Init<typeof ConfigSourceSchema> = {
  configSourceSpecifier: {
    case: 'apiConfigSource',
    value: {
      apiType: ApiConfigSource_ApiType.GRPC,
      setNodeOnFirstMessageOnly: true,
      transportApiVersion: ApiVersion.V3,
      grpcServices: [{ targetSpecifier: { case: 'envoyGrpc', value: { clusterName: 'sds-grpc' } } }],
    },
  },
  initialFetchTimeout: noTimeout,
  resourceApiVersion: ApiVersion.V3,
}

/** A secret of the cluster, by credential name: served to those that may read it, always on the stream. */
export function credentialConfig(name: string): Init<typeof SdsSecretConfigSchema> {
  return { name, sdsConfig: adsSource }
}

/** Names of the secrets that settings ask for. What the names say is enough to find them (`credentials.ts`). */
export function credentialName(name: string): string {
  return name.includes('://') ? name : `kubernetes://${name}`
}

export function authorityOf(credential: string): string {
  return `${credential}${authoritySuffix}`
}

export const authoritySuffix = '-cacert'

/** A certificate in files of the proxy's own machine; the workload's own where no files are named. */
export function fileCertificateName(files: {
  readonly certificate: string | undefined
  readonly key: string | undefined
}): string {
  if (!files.certificate || !files.key) return workloadCertificate
  return `${filePrefixes.certificate}${files.certificate}~${files.key}`
}

/** Authorities in a file of the proxy's own machine; none = those that the machine trusts. */
export function fileRootName(file: string | undefined): string {
  return `${filePrefixes.root}${file || systemRoots}`
}

export const systemRoots = 'system'
export const filePrefixes = { certificate: 'file-cert:', root: 'file-root:' } as const
