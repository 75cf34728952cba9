// Changes that no entry of the audit log tells of: whoever writes to the management cluster by `kubectl` passes no API of
// ours. They are found by comparing what is stored with what the log says of it.
import { compareText } from '../lib/index.ts'
import { type AuditLogSpec, etagOf, kindLabel } from '../resources/tsb/index.ts'
import type { Operation } from './audit.ts'
import type { StoredObject } from './view.ts'

export interface AuditGap {
  readonly operation: Operation
  /** Kind and full name of the object. */
  readonly key: string
  readonly label: string
  readonly fqn: string
  /** State that is not told of; of what is gone, the last one that is. */
  readonly etag: string
  /** Undefined: it is gone. */
  readonly object: StoredObject | undefined
}

const keyOf = (label: string, fqn: string): string => `${label} ${fqn}`

/** What the log lacks, in the order of full names. Pure. Entries without a state tell of whatever there is now. */
export function auditGaps(objects: readonly StoredObject[], entries: readonly AuditLogSpec[]): AuditGap[] {
  const latest = new Map<string, AuditLogSpec>()
  const told = new Set<string>()
  for (const entry of [...entries].sort((a, b) => compareText(a.time ?? '', b.time ?? ''))) {
    const key = keyOf(entry.type ?? '', entry.fqn ?? '')
    latest.set(key, entry)
    if (entry.operation !== 'DELETE') told.add(`${key} ${entry.properties?.['etag'] ?? ''}`)
  }
  const there = new Set<string>()
  const gaps = objects.flatMap((object): AuditGap[] => {
    const label = kindLabel(object.kind)
    const key = keyOf(label, object.fqn)
    there.add(key)
    const etag = etagOf(object.object)
    const last = latest.get(key)
    const isOld = last !== undefined && last.operation !== 'DELETE' && last.properties?.['etag'] === undefined
    if (isOld || told.has(`${key} ${etag}`)) return []
    const operation = last === undefined || last.operation === 'DELETE' ? 'CREATE' : 'UPDATE'
    return [{ operation, key, label, fqn: object.fqn, etag, object }]
  })
  const gone = [...latest].flatMap(([key, last]): AuditGap[] => {
    if (last.operation === 'DELETE' || there.has(key)) return []
    const { type: label = '', fqn = '', properties } = last
    return [{ operation: 'DELETE', key, label, fqn, etag: properties?.['etag'] ?? '', object: undefined }]
  })
  return [...gaps, ...gone].sort((a, b) => compareText(a.key, b.key))
}
