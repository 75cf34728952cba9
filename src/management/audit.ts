// The audit log: one object for each change, appended and never changed.
import { randomBytes } from 'node:crypto'
import { stringify } from 'yaml'
import { compareText } from '../lib/index.ts'
import type { KubeObject } from '../resources/index.ts'
import { type AuditLogSpec, etagOf, isWithin, kindLabel, managementNamespace, toApi } from '../resources/tsb/index.ts'
import type { Principal } from './permissions.ts'
import type { StoredObject } from './view.ts'

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE'

export interface Change {
  readonly operation: Operation
  readonly before?: StoredObject
  readonly after?: StoredObject
  readonly principal: Principal
  /** The command, or what else did it. */
  readonly triggeredBy: string
  /** What is gone, where its last state is not known. */
  readonly gone?: { readonly label: string; readonly fqn: string }
  /** Who did it, as far as Kubernetes tells: a manager of fields. */
  readonly manager?: string
  /** Of the entry; one that is made up if absent. */
  readonly name?: string
}

/** The entry of one change. `now` in milliseconds since 1970. */
export function auditEntry(change: Change, now: number): KubeObject {
  const { operation, before, after, principal, triggeredBy } = change
  const subject = after ?? before
  const label = subject === undefined ? (change.gone?.label ?? '') : kindLabel(subject.kind)
  const fqn = subject?.fqn ?? change.gone?.fqn ?? ''
  const verb = { CREATE: 'created', UPDATE: 'changed', DELETE: 'deleted' }[operation]
  const spec: AuditLogSpec = {
    time: new Date(now).toISOString(),
    severity: 'INFO',
    type: label,
    operation,
    fqn,
    user: principal.name,
    message: `${label} ${fqn} ${verb}${change.manager === undefined ? '' : ` by ${change.manager}`}`,
    triggeredBy,
    properties: {
      diff: difference(textOf(before), textOf(after)),
      ...(subject !== undefined && { etag: etagOf(subject.object) }),
    },
  }
  return {
    apiVersion: 'audit.tetrate.io/v1',
    kind: 'AuditLog',
    metadata: {
      name: change.name ?? `${now.toString(36).padStart(9, '0')}-${randomBytes(4).toString('hex')}`,
      namespace: managementNamespace,
    },
    spec,
  }
}

function textOf(stored: StoredObject | undefined): string[] {
  const shown = stored && toApi(stored.object)
  if (shown === undefined) return []
  const { resourceVersion: _version, ...metadata } = shown.metadata
  const { etag: _etag, ...spec } = (shown.spec ?? {}) as Record<string, unknown>
  return stringify({ metadata, spec }).trimEnd().split('\n')
}

/** Lines that went (-) and came (+), in order; the longest common sequence stays out. */
export function difference(before: readonly string[], after: readonly string[]): string {
  const common = Array.from({ length: before.length + 1 }, () => Array.from({ length: after.length + 1 }, () => 0))
  const at = (i: number, j: number): number => common[i]?.[j] ?? 0
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--) {
      const row = common[i] as number[] // Made above.
      row[j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  const lines: string[] = []
  let [i, j] = [0, 0]
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      i++
      j++
    } else if (j >= after.length || (i < before.length && at(i + 1, j) >= at(i, j + 1))) lines.push(`- ${before[i++]}`)
    else lines.push(`+ ${after[j++]}`)
  }
  return lines.join('\n')
}

/** Which entries are asked for. */
export interface AuditFilter {
  readonly fqn?: string
  /** What is below it, too. */
  readonly isRecursive?: boolean
  /** Not older than this, RFC 3339. */
  readonly since?: string
  readonly user?: string
  readonly operation?: string
  readonly kind?: string
  /** Text that message or difference contains. */
  readonly text?: string
}

/** The entries that fit, newest first. */
export function selectAudit(entries: readonly KubeObject[], filter: AuditFilter): AuditLogSpec[] {
  const { fqn, isRecursive, since, user, operation, kind, text } = filter
  const same = (a: string | undefined, b: string): boolean => a?.toLowerCase() === b.toLowerCase()
  return entries
    .map(({ spec }) => (spec ?? {}) as AuditLogSpec)
    .filter(
      (entry) =>
        (fqn === undefined || entry.fqn === fqn || (isRecursive === true && isWithin(entry.fqn ?? '', fqn))) &&
        (since === undefined || (entry.time ?? '') >= since) &&
        (user === undefined || entry.user === user) &&
        (operation === undefined || same(entry.operation, operation)) &&
        (kind === undefined || same(entry.type, kind)) &&
        (text === undefined || `${entry.message}\n${entry.properties?.['diff'] ?? ''}`.includes(text)),
    )
    .sort((a, b) => compareText(b.time ?? '', a.time ?? ''))
}
