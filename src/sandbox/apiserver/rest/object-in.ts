// A request body → an object of the resource's version: kind checked, fields checked, defaults filled.
import { DecodeError } from '../codec/builtin.ts'
import type { Call } from '../core.ts'
import { badRequest } from '../errors.ts'
import { type JsonObject, textAt } from '../json.ts'
import { apiVersionOf, type Resource } from '../resource.ts'
import type { WriteOptions } from './options.ts'

/** What a body says beyond its value: problems of the text itself, such as keys given twice. */
export interface Body {
  readonly value: JsonObject
  readonly problems: readonly string[]
}

const handled = (resource: Resource, why: string): string =>
  `${resource.names.kind} in version "${resource.version}" cannot be handled as a ${resource.names.kind}: ${why}`

/** Tells unknown and doubled fields as the client wants it: an error, warnings, or not at all. */
export function reportFields(
  call: Call,
  problems: readonly string[],
  options: WriteOptions,
  strict: (why: string) => Error,
): void {
  if (problems.length === 0 || options.fieldValidation === 'Ignore') return
  if (options.fieldValidation === 'Strict') throw strict(`strict decoding error: ${problems.join(', ')}`)
  for (const problem of problems) call.warn(problem)
}

/** Reads the object that a POST or PUT carries. Throws ApiError. */
export function objectIn(call: Call, body: Body, options: WriteOptions): JsonObject {
  const { resource } = call
  checkKind(resource, body.value)
  const unknown: string[] = []
  let object: JsonObject
  try {
    object = resource.decode({ ...body.value, ...typeMeta(resource) }, unknown)
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(handled(resource, error.message))
    throw error
  }
  const problems = [...body.problems, ...unknown.map((field) => `unknown field "${field}"`)]
  reportFields(call, problems, options, (why) => badRequest(handled(resource, why)))
  resource.strategy.defaults?.(object)
  return object
}

export const typeMeta = (resource: Resource): JsonObject => ({
  apiVersion: apiVersionOf(resource),
  kind: resource.names.kind,
})

function checkKind(resource: Resource, value: JsonObject): void {
  const apiVersion = textAt(value, 'apiVersion')
  const kind = textAt(value, 'kind')
  const expected = apiVersionOf(resource)
  if (apiVersion && apiVersion !== expected) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`,
    )
  }
  if (kind && kind !== resource.names.kind) {
    throw badRequest(
      `${kind} in version "${resource.version}" cannot be handled as a ${resource.names.kind}: converting (${resource.version}.${kind}) to (${resource.version}.${resource.names.kind}): unknown conversion`,
    )
  }
}
