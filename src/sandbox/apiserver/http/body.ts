// Reading request bodies: JSON, YAML and the Kubernetes protobuf envelope, with doubled keys noted.
import type { IncomingMessage } from 'node:http'
import { Document, isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import { duplicateKeys } from '../codec/duplicates.ts'
import { goJsonError } from '../codec/json-error.ts'
import { decodeProtobuf, isProtobuf } from '../codec/protobuf.ts'
import { ApiError, badRequest } from '../errors.ts'
import { isObject, type JsonObject, type JsonValue, parseJson } from '../json.ts'

const limit = 3 * 1024 * 1024

export interface ParsedBody {
  readonly value: JsonValue
  readonly text: string
  readonly problems: readonly string[]
}

export async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) {
      throw new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Reads a body by its content type. `what` names the kind in messages. Throws ApiError. */
export function parseBody(bytes: Buffer, contentType: string): ParsedBody {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? ''
  if (isProtobuf(bytes)) return { value: decodeProtobuf(bytes), text: '', problems: [] }
  if (type === 'application/vnd.kubernetes.protobuf') {
    throw badRequest('the body of the request was in an unknown format: no protobuf envelope')
  }
  if (type.endsWith('yaml')) return parseYaml(bytes.toString('utf8'))
  if (type === '' || type === 'application/json' || type.endsWith('+json') || type === '*/*') {
    return parseJsonBody(bytes.toString('utf8'))
  }
  throw new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf`,
  )
}

/** Reads JSON. Throws ApiError, in Go's words after `prefix`. */
export function parseJsonBody(text: string, prefix = "couldn't get version/kind; json parse error: "): ParsedBody {
  try {
    const value = parseJson(text)
    return { value, text, problems: duplicateKeys(text).map((path) => `duplicate field "${path}"`) }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw badRequest(`${prefix}${goJsonError(text)}`)
  }
}

/** Reads YAML (JSON is YAML too) by the rules of YAML 1.1, as Kubernetes does. */
export function parseYaml(text: string): ParsedBody {
  if (/^\s*[{[]/.test(text)) {
    try {
      const value = parseJson(text)
      return { value, text, problems: duplicateKeys(text).map((path) => `duplicate field "${path}"`) }
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      // Flow YAML, then.
    }
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { version: '1.1', uniqueKeys: false, lineCounter: lines, intAsBigInt: false })
  const [error] = document.errors
  if (error) throw badRequest(`error converting YAML to JSON: yaml: ${error.message.split('\n')[0]}`)
  const doubled = doubledKeys(document, lines)
  const problems = doubled.length > 0 ? [`yaml: unmarshal errors:\n${doubled.join('\n')}`] : []
  return { value: toJson(document.toJS() as unknown), text, problems }
}

function doubledKeys(document: Document, lines: LineCounter): string[] {
  const found: string[] = []
  visit(document, {
    Map(_key, map) {
      if (!isMap(map)) return
      const seen = new Set<string>()
      for (const pair of map.items) {
        if (!isScalar(pair.key)) continue
        const name = String(pair.key.value)
        const line = lines.linePos(pair.key.range?.[0] ?? 0).line
        if (seen.has(name)) found.push(`  line ${line}: key ${JSON.stringify(name)} already set in map`)
        seen.add(name)
      }
    },
  })
  return found
}

/** Times and other values that YAML knows and JSON does not become text. */
function toJson(value: unknown): JsonValue {
  if (value === undefined || value === null) return null
  if (Array.isArray(value)) return value.map(toJson)
  if (value instanceof Date) return value.toISOString().replace('.000Z', 'Z')
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, toJson(v)]))
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return typeof value === 'bigint' ? value : null
}

/** The object that a write must carry. Throws ApiError. */
export function asObject(body: ParsedBody): JsonObject {
  if (!isObject(body.value)) {
    throw badRequest(
      `couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct`,
    )
  }
  return body.value
}
