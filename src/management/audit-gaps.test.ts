import { expect, test } from 'vitest'
import type { KubeObject } from '../resources/index.ts'
import type { AuditLogSpec } from '../resources/tsb/index.ts'
import { auditEntry } from './audit.ts'
import { auditGaps } from './audit-gaps.ts'
import { type Principal, type StoredObject, storedObject } from './index.ts'

const principal: Principal = { name: 'root', isPlatform: true, subjects: [] }

function tenant(generation: number, uid = 'a'): StoredObject {
  const annotations = { 'tsb.tetrate.io/organization': 'o' }
  const metadata = { name: 't', namespace: 'tsb', uid, generation, annotations }
  const object: KubeObject = { apiVersion: 'tsb.tetrate.io/v2', kind: 'Tenant', metadata, spec: {} }
  const stored = storedObject(object)
  if (stored === undefined) throw new Error('it says who it is')
  return stored
}

const told = (operation: 'CREATE' | 'UPDATE' | 'DELETE', of: StoredObject, at: number): AuditLogSpec => {
  const subject = operation === 'DELETE' ? { before: of } : { after: of }
  return auditEntry({ operation, ...subject, principal, triggeredBy: 'tctl' }, at).spec as AuditLogSpec
}
const gaps = (objects: StoredObject[], entries: AuditLogSpec[]): string[] =>
  auditGaps(objects, entries).map(({ operation, key, object }) => `${operation} ${key}${object ? '' : ' gone'}`)

const name = 'Tenant organizations/o/tenants/t'

test('what the log tells of is no gap', () => {
  expect(gaps([], [])).toEqual([])
  expect(gaps([tenant(1)], [told('CREATE', tenant(1), 1)])).toEqual([])
  expect(gaps([tenant(2)], [told('UPDATE', tenant(2), 2), told('CREATE', tenant(1), 1)])).toEqual([])
  expect(gaps([], [told('CREATE', tenant(1), 1), told('DELETE', tenant(1), 2)])).toEqual([])
})

test('objects that were made, changed or deleted past the log are', () => {
  expect(gaps([tenant(1)], [])).toEqual([`CREATE ${name}`])
  expect(gaps([tenant(2)], [told('CREATE', tenant(1), 1)])).toEqual([`UPDATE ${name}`])
  expect(gaps([], [told('CREATE', tenant(1), 1)])).toEqual([`DELETE ${name} gone`])
  const deleted = [told('CREATE', tenant(1), 1), told('DELETE', tenant(1), 2)]
  expect(gaps([tenant(1, 'b')], deleted)).toEqual([`CREATE ${name}`])
})

test('entries that name no state are taken for true', () => {
  const { properties: _, ...old } = told('CREATE', tenant(1), 1)
  expect(gaps([tenant(5)], [old])).toEqual([])
})
