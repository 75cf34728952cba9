// What commands ask of a management plane, wherever it is: in this process, or behind an address.
import type { AuditLogSpec } from '../resources/tsb/index.ts'
import type { AuditFilter } from './audit.ts'
import type { ApplyRequest, ChangeResult, Management, Query } from './management.ts'
import type { Principal } from './permissions.ts'
import type { ResourceStatus } from './status.ts'
import type { StoredObject } from './view.ts'

/** The management API, as one principal sees it. Methods throw ManagementError. */
export interface ManagementApi {
  apply(requests: readonly ApplyRequest[], triggeredBy: string): Promise<ChangeResult[]>
  remove(objects: readonly StoredObject[], triggeredBy: string): Promise<ChangeResult[]>
  find(query: Query): Promise<StoredObject[]>
  status(query: Query): Promise<ResourceStatus[]>
  audit(filter: AuditFilter): Promise<AuditLogSpec[]>
}

/** The API in this process. */
export function apiFor(management: Management, principal: Principal): ManagementApi {
  return {
    apply: (requests, triggeredBy) => management.apply(requests, principal, triggeredBy),
    remove: (objects, triggeredBy) => management.remove(objects, principal, triggeredBy),
    find: (query) => management.find(query, principal),
    status: (query) => management.status(query, principal),
    audit: (filter) => management.audit(filter, principal),
  }
}
