// audit.tetrate.io AuditLog: one change of the hierarchy. Written once, and never changed.
import { defineKind, keepUnknownFields, map, object, type Static, string } from '../dsl.ts'

export const auditLog = defineKind({
  group: 'audit.tetrate.io',
  versions: [{ name: 'v1', storage: true }],
  categories: ['tsb'],
  kind: 'AuditLog',
  plural: 'auditlogs',
  description: 'One change of an object of the hierarchy: what, when, and by whom.',
  spec: keepUnknownFields(
    object(
      {
        time: string({ description: 'RFC 3339.' }),
        severity: string(),
        type: string({ description: 'Kind of the object.' }),
        operation: string({ description: 'CREATE, UPDATE or DELETE.' }),
        fqn: string({ description: 'Full name of the object.' }),
        user: string(),
        message: string(),
        triggeredBy: string({ description: 'Command, or manager of the fields, by which it was done.' }),
        properties: map(string(), { description: 'diff: what changed, line by line.' }),
      },
      { rules: [{ rule: 'self == oldSelf', message: 'an audit log is never changed' }] },
    ),
  ),
  status: object({}),
  subresources: {},
  printerColumns: [
    { name: 'Operation', type: 'string', jsonPath: '.spec.operation' },
    { name: 'Object', type: 'string', jsonPath: '.spec.fqn' },
    { name: 'User', type: 'string', jsonPath: '.spec.user' },
  ],
})

export type AuditLogSpec = Static<typeof auditLog.spec>
