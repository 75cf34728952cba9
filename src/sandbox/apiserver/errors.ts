// Failures as the API tells them: a Status object with reason, code and, for invalid objects, causes.
import type { JsonObject, JsonValue } from './json.ts'
import { writeJson } from './json.ts'

/** One thing wrong with one field. `detail` is what follows the field's path in the message. */
export interface FieldError {
  readonly field: string
  readonly reason:
    | 'FieldValueInvalid'
    | 'FieldValueRequired'
    | 'FieldValueNotSupported'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueNotFound'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
    | 'InternalError'
  readonly detail: string
}

/** A value as messages show it: text quoted, everything else as JSON. Undefined is an empty list or map, null a nil pointer. */
export function shown(value: JsonValue | undefined): string {
  if (value === undefined) return 'null'
  if (value === null) return '"null"'
  return writeJson(value)
}

export const invalid = (field: string, value: JsonValue | undefined, why: string): FieldError => ({
  field,
  reason: 'FieldValueInvalid',
  detail: `Invalid value: ${shown(value)}: ${why}`,
})
export const required = (field: string, why = ''): FieldError => ({
  field,
  reason: 'FieldValueRequired',
  detail: why ? `Required value: ${why}` : 'Required value',
})
export const forbiddenField = (field: string, why: string): FieldError => ({
  field,
  reason: 'FieldValueForbidden',
  detail: `Forbidden: ${why}`,
})
export const duplicate = (field: string, value: JsonValue): FieldError => ({
  field,
  reason: 'FieldValueDuplicate',
  detail: `Duplicate value: ${shown(value)}`,
})
export const notSupported = (field: string, value: JsonValue, supported: readonly string[]): FieldError => ({
  field,
  reason: 'FieldValueNotSupported',
  detail: `Unsupported value: ${shown(value)}: supported values: ${supported.map((s) => writeJson(s)).join(', ')}`,
})
export const notFoundField = (field: string, value: JsonValue): FieldError => ({
  field,
  reason: 'FieldValueNotFound',
  detail: `Not found: ${shown(value)}`,
})
export const tooLong = (field: string, limit: number): FieldError => ({
  field,
  reason: 'FieldValueTooLong',
  detail: `Too long: may not be more than ${limit} bytes`,
})
export const tooMany = (field: string, count: number, limit: number): FieldError => ({
  field,
  reason: 'FieldValueTooMany',
  detail: `Too many: ${count}: must have at most ${limit} items`,
})

interface StatusDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly { reason?: string; message: string; field?: string }[]
  readonly retryAfterSeconds?: number
}

/** A refusal that is answered with a Status object. */
export class ApiError extends Error {
  readonly code: number
  readonly reason: string
  readonly details: StatusDetails | undefined

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message)
    this.name = 'ApiError'
    this.code = code
    this.reason = reason
    this.details = details
  }

  status(): JsonObject {
    const body: JsonObject = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
    }
    if (this.reason) body['reason'] = this.reason
    if (this.details) body['details'] = dropEmpty(this.details)
    body['code'] = this.code
    return body
  }
}

function dropEmpty(details: StatusDetails): JsonObject {
  const out: JsonObject = {}
  for (const [key, value] of Object.entries(details)) {
    if (value !== undefined && value !== '') out[key] = value as JsonValue
  }
  return out
}

/** Names a resource (or kind) in messages: `deployments.apps`, `pods`. */
export interface Qualified {
  readonly group: string
  readonly name: string
}

export const qualifiedText = (q: Qualified): string => (q.group ? `${q.name}.${q.group}` : q.name)

const details = (q: Qualified, name: string): StatusDetails => ({ name, group: q.group, kind: q.name })

export const notFound = (resource: Qualified, name: string): ApiError =>
  new ApiError(404, 'NotFound', `${qualifiedText(resource)} "${name}" not found`, details(resource, name))

/** A path that nothing answers, as Go's HTTP server says it. */
export class PageNotFound extends Error {}

/** The resource or subresource itself is not served. */
export const noSuchResource = (): ApiError =>
  new ApiError(404, 'NotFound', 'the server could not find the requested resource', {})

export const alreadyExists = (resource: Qualified, name: string): ApiError =>
  new ApiError(409, 'AlreadyExists', `${qualifiedText(resource)} "${name}" already exists`, details(resource, name))

export const conflict = (resource: Qualified, name: string, why: string): ApiError =>
  new ApiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualifiedText(resource)} "${name}": ${why}`,
    details(resource, name),
  )

export const modified = (resource: Qualified, name: string): ApiError =>
  conflict(
    resource,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  )

export const badRequest = (why: string): ApiError => new ApiError(400, 'BadRequest', why)

export const forbidden = (resource: Qualified, name: string, why: string): ApiError =>
  new ApiError(
    403,
    'Forbidden',
    name
      ? `${qualifiedText(resource)} "${name}" is forbidden: ${why}`
      : `${qualifiedText(resource)} is forbidden: ${why}`,
    details(resource, name),
  )

export const methodNotAllowed = (why = 'the server does not allow this method on the requested resource'): ApiError =>
  new ApiError(405, 'MethodNotAllowed', why, {})

/** The version asked for is no longer in the history: clients must list anew. */
export const expired = (why: string): ApiError => new ApiError(410, 'Expired', why)

export const internalError = (why: string): ApiError =>
  new ApiError(500, 'InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] })

/** An object that breaks its kind's rules; all breaches are told at once. */
export function invalidObject(kind: Qualified, name: string, errors: readonly FieldError[]): ApiError {
  const texts = errors.map((e) => `${e.field}: ${e.detail}`)
  const unique = [...new Set(texts)]
  const list = unique.length === 1 ? unique[0] : `[${unique.join(', ')}]`
  return new ApiError(422, 'Invalid', `${qualifiedText(kind)} "${name}" is invalid: ${list}`, {
    ...details(kind, name),
    causes: errors.map((e) => ({ reason: e.reason, message: e.detail, field: e.field })),
  })
}
