export { apiFor, type ManagementApi } from './api.ts'
export { type AuditFilter, auditEntry } from './audit.ts'
export { type AuditGap, auditGaps } from './audit-gaps.ts'
export {
  type Accounts,
  Authenticator,
  hashOf,
  type OidcProvider,
  type UserAccount,
  verifiedClaims,
} from './authenticate.ts'
export { type Finding, ManagementError } from './findings.ts'
export { managementServer } from './http-server.ts'
export { type ApplyRequest, type ChangeResult, Management, type Query } from './management.ts'
export type { Permission, Principal } from './permissions.ts'
export { type RemoteOptions, remoteApi, remoteVersion } from './remote.ts'
export type { ResourceStatus } from './status.ts'
export { KubeStore, resourceType } from './store.ts'
export { ancestorsOf, type StoredObject, storedObject } from './view.ts'
