// GET of one object and of a list: selectors, paging, versions.
import type { Call } from '../core.ts'
import { ApiError, badRequest, expired, forbiddenField, invalidObject, notFound, notSupported } from '../errors.ts'
import { type JsonObject, nameOf, namespaceOf, stringMap } from '../json.ts'
import { qualified } from '../resource.ts'
import type { Stored } from '../store.ts'
import { flag, integer } from './options.ts'
import { type LabelSelector, matchesLabels, parseFieldSelector, parseLabelSelector } from './selectors.ts'
import { shownObject, stored } from './write.ts'

export function get(call: Call): Stored {
  const found = stored(call)
  if (!found) throw notFound(qualified(call.resource), call.name)
  return found
}

export type Selected = (object: JsonObject) => boolean

/** The selection that a request's selectors (and a name in its path) make. Throws ApiError for unknown fields. */
export function selection(call: Call): Selected {
  const { resource, query } = call
  const labelText = query.get('labelSelector') ?? ''
  const fieldText = query.get('fieldSelector') ?? ''
  const labels: LabelSelector = labelText ? parseLabelSelector(labelText) : []
  const fields = parseFieldSelector(fieldText).map(({ field, equal, value }) => {
    const read = readerOf(call, field)
    if (!read) {
      throw badRequest(resource.badField(field))
    }
    return (object: JsonObject) => (read(object) === value) === equal
  })
  if (labels.length === 0 && fields.length === 0 && !call.name) return () => true
  return (object) =>
    (!call.name || nameOf(object) === call.name) &&
    (labels.length === 0 || matchesLabels(labels, stringMap(labelsOf(object)))) &&
    fields.every((matches) => matches(object))
}

const labelsOf = (object: JsonObject): JsonObject | undefined =>
  (object['metadata'] as JsonObject)['labels'] as JsonObject | undefined

function readerOf(call: Call, field: string): ((object: JsonObject) => string) | undefined {
  if (field === 'metadata.name') return nameOf
  if (field === 'metadata.namespace') return namespaceOf
  return Object.hasOwn(call.resource.selectable, field) ? call.resource.selectable[field] : undefined
}

export interface ListResult {
  readonly items: readonly Stored[]
  readonly version: number
  readonly continue: string
  readonly remaining: number | undefined
}

/** Rules of list and watch parameters. Throws ApiError. */
export function checkListOptions(call: Call, watching: boolean): void {
  const { query } = call
  const match = query.get('resourceVersionMatch') ?? ''
  const initial = query.has('sendInitialEvents')
  const kind = { group: 'meta.k8s.io', name: 'ListOptions' }
  const errors = []
  if (!watching && initial) {
    errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'))
  } else if (watching && initial) {
    if (match !== 'NotOlderThan') {
      errors.push(
        forbiddenField(
          'resourceVersionMatch',
          'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
        ),
      )
    }
    if (match && match !== 'NotOlderThan') errors.push(notSupported('resourceVersionMatch', match, ['NotOlderThan']))
  } else if (watching && match) {
    errors.push(
      forbiddenField(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      ),
    )
  } else if (match) {
    const version = query.get('resourceVersion') ?? ''
    if (!version)
      errors.push(
        forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
      )
    if (query.get('continue'))
      errors.push(forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'))
    if (match !== 'Exact' && match !== 'NotOlderThan')
      errors.push(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']))
    if (match === 'Exact' && version === '0')
      errors.push(
        forbiddenField('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
      )
  }
  if (errors.length > 0) throw invalidObject(kind, '', errors)
}

/** A version given in a request; 0 where none is. Throws ApiError. */
export function versionIn(text: string | null): number {
  if (!text) return 0
  if (!/^\d+$/.test(text)) {
    throw badRequest(`Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`)
  }
  return Number(text)
}

export function list(call: Call): ListResult {
  const { core, resource, query } = call
  checkListOptions(call, false)
  const wanted = versionIn(query.get('resourceVersion'))
  if (wanted > core.store.version) throw tooNew(wanted, core.store.version)
  const selected = selection(call)
  const limit = integer(query, 'limit') ?? 0
  const { after, version } = readContinue(query.get('continue'), core.store.version, resource.storage, core)
  const namespace = resource.namespaced && call.namespace ? call.namespace : undefined
  const all = core.store.list(resource.storage, namespace)
  const items: Stored[] = []
  let more = false
  let index = 0
  for (const item of all) {
    index++
    if (after !== undefined && item.key <= after) continue
    if (!selected(shownObject(resource, item))) continue
    if (limit > 0 && items.length === limit) {
      more = true
      break
    }
    items.push(item)
  }
  const last = items.at(-1)
  const exactCount = !query.get('labelSelector') && !query.get('fieldSelector')
  return {
    items,
    version,
    continue: more && last ? writeContinue(last.key, version) : '',
    remaining: more && exactCount ? all.length - index + 1 : undefined,
  }
}

/** A version that the server has not reached. */
export const tooNew = (wanted: number, current: number): ApiError =>
  new ApiError(504, 'Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })

// Pages after the first show the state of now, not that of the first page; the version they carry stays that of the
// first page, so that a watch from there replays what changed in between.
const writeContinue = (after: string, version: number): string =>
  Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: version, start: after })).toString('base64url')

function readContinue(
  token: string | null,
  current: number,
  storage: string,
  core: Call['core'],
): { after?: string; version: number } {
  if (!token) return { version: current }
  let parsed: { rv?: number; start?: string }
  try {
    parsed = JSON.parse(Buffer.from(token, 'base64url').toString()) as { rv?: number; start?: string }
  } catch {
    throw badRequest(`continue key is not valid: illegal base64 data`)
  }
  if (typeof parsed.rv !== 'number' || typeof parsed.start !== 'string') throw badRequest('continue key is not valid')
  if (!core.store.remembers(storage, parsed.rv)) {
    throw expired(
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.',
    )
  }
  return { after: parsed.start, version: parsed.rv }
}

/** Whether a GET of a collection asks for a watch. */
export const wantsWatch = (query: URLSearchParams): boolean => flag(query, 'watch')
