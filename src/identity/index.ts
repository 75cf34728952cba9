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
  CertificateAuthority,
  type CertificateAuthorityOptions,
  type ClusterTrust,
  type Delivery,
  trustMarks,
} from './authority.ts'
export type { AuthorityOptions, RootSource, TrustSettings } from './authority-source.ts'
export { type CertificateServiceParts, certificatePath, createCertificate } from './certificate-service.ts'
export type { AuthorityRow } from './describe.ts'
export { IdentityRefused } from './errors.ts'
export { type AuthorityNames, requestMeshAuthority, signMeshAuthority } from './mesh-authority.ts'
export { Redacted } from './redacted.ts'
export { certificateSecret, type EncodedSecret, rootsSecret, secretNames } from './sds.ts'
export { ServerCertificate } from './server-certificate.ts'
export { formatSpiffeId, parseSpiffeId, type SpiffeId } from './spiffe-id.ts'
export {
  authorityOf,
  contentOfAuthority,
  memorySecretStore,
  type PublicMarks,
  rotateAnnotation,
  type SecretContent,
  type SecretName,
  type SecretStore,
  type StoredSecret,
} from './store.ts'
export {
  type AccountToken,
  VaultAuthority,
  type VaultCredentials,
  type VaultLogin,
  type VaultSettings,
} from './vault/index.ts'
export { type Timers, type WorkloadCertificate, WorkloadCertificates } from './workload-certificates.ts'
export {
  fingerprint,
  type KeyedCertificate,
  makeIntermediate,
  makeRequest,
  makeRoot,
  readCertificate,
  splitPem,
  validityFrom,
} from './x509.ts'
