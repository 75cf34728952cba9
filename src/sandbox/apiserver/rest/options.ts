// Query parameters of writes.

import type { Call } from '../core.ts'
import { badRequest, invalidObject, notSupported, tooLong } from '../errors.ts'

export interface WriteOptions {
  readonly dryRun: boolean
  readonly manager: string
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore'
}

export function writeOptions(call: Call, kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions'): WriteOptions {
  const { query } = call
  const name = { group: 'meta.k8s.io', name: kind }
  const dryRun = query.getAll('dryRun').filter((v) => v !== '')
  if (dryRun.some((v) => v !== 'All')) {
    throw invalidObject(name, '', [notSupported('dryRun', dryRun, ['All'])])
  }
  const validation = query.get('fieldValidation') || 'Warn'
  if (validation !== 'Strict' && validation !== 'Warn' && validation !== 'Ignore') {
    throw invalidObject(name, '', [notSupported('fieldValidation', validation, ['', 'Ignore', 'Strict', 'Warn'])])
  }
  const manager = query.get('fieldManager') || (call.userAgent.split('/')[0] ?? '').slice(0, 128)
  if (manager.length > 128) throw invalidObject(name, '', [tooLong('fieldManager', 128)])
  return { dryRun: dryRun.length > 0, manager: manager || 'unknown', fieldValidation: validation }
}

/** A whole number in the query, as Go's strconv reads it; undefined where it is not given. Throws ApiError. */
export function integer(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name)
  if (value === null || value === '') return undefined
  if (/^[+-]?\d+$/.test(value)) return Number(value)
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`)
}

/** A boolean query parameter, as Go's strconv reads it. */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)
  if (value === null || value === '' || value === '0' || value === 'false') return value === ''
  if (value === '1' || value === 'true' || value === 'True' || value === 'TRUE' || value === 't' || value === 'T')
    return true
  throw badRequest(`strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`)
}
