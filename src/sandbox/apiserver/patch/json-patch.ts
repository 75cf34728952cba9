// Through the module's default: its CommonJS exports are not all found by name.
import jsonPatch from 'fast-json-patch'
import { ApiError, badRequest } from '../errors.ts'
import { clone, isObject, type JsonObject, type JsonValue } from '../json.ts'

/** JSON patch (RFC 6902). Throws ApiError where an operation does not fit the object. */
export function applyJsonPatch(object: JsonObject, patch: JsonValue): JsonObject {
  if (!Array.isArray(patch)) {
    throw badRequest('error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch')
  }
  for (const operation of patch) {
    if (!isObject(operation) || typeof operation['op'] !== 'string') throw badRequest('error decoding patch')
  }
  let result: JsonValue = clone(object)
  try {
    for (const operation of patch as unknown as jsonPatch.Operation[]) {
      result = jsonPatch.applyOperation(result, asServersTakeIt(result, operation), true).newDocument as JsonValue
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    throw new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request', {})
  }
  if (!isObject(result)) throw badRequest('the patched object is no object')
  return result
}

/** API servers take `replace` of a field that an object does not have for `add`, against the RFC. */
function asServersTakeIt(document: JsonValue, operation: jsonPatch.Operation): jsonPatch.Operation {
  if (operation.op !== 'replace') return operation
  const at = operation.path.lastIndexOf('/')
  const parent = at < 0 ? undefined : (jsonPatch.getValueByPointer(document, operation.path.slice(0, at)) as JsonValue)
  const key = jsonPatch.unescapePathComponent(operation.path.slice(at + 1))
  return isObject(parent) && !Object.hasOwn(parent, key) ? { ...operation, op: 'add' } : operation
}
