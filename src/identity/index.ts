export {
  type Authenticated,
  Authenticator,
  type Caller,
  checkNodeClaim,
  type NodeClaim,
  type TokenIdentity,
  type TokenVerifier,
} from './authenticate.ts'
export {
  type AuthorityOptions,
  CertificateAuthority,
  type CertificateAuthorityOptions,
  type ClusterTrust,
  type RootSource,
  type TrustSettings,
} from './authority.ts'
export { type CertificateServiceParts, certificatePath, createCertificate } from './certificate-service.ts'
export { IdentityRefused } from './errors.ts'
export { Redacted } from './redacted.ts'
export { certificateSecret, type EncodedSecret, rootsSecret, secretNames } from './sds.ts'
export { ServerCertificate } from './server-certificate.ts'
export { formatSpiffeId, parseSpiffeId, type SpiffeId } from './spiffe-id.ts'
export { memorySecretStore, type SecretContent, type SecretName, type SecretStore, type StoredSecret } from './store.ts'
export { type Timers, type WorkloadCertificate, WorkloadCertificates } from './workload-certificates.ts'
export { fingerprint, makeRequest, splitPem } from './x509.ts'
