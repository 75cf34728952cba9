// Files of tctl → objects of the API, with everything that is tolerated in them (and told of).
import type { Problem } from '../../report/index.ts'
import { collect, type Place } from '../check.ts'
import { checkObject } from '../kind.ts'
import { readKind } from '../lenient.ts'
import type { TSchema } from '../schema.ts'
import { isObject } from '../shape.ts'
import type { LocatedProblem, Position, YamlDocument } from '../yaml.ts'
import { parseYaml } from '../yaml.ts'
import { type ApiKind, apiKindsOf, type GroupType, groupTypes } from './catalog.ts'
import { annotations, type Identity, parseFqn } from './identity.ts'

/** An object of a file. */
export interface ReadApiObject {
  /** Several for Istio kinds that more than one sort of group takes, if the object does not say which it is in. */
  readonly kinds: readonly ApiKind[]
  /** What the metadata says; "" for what it does not. */
  readonly identity: Identity
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly spec: unknown
  /** State that the change is based on; "" if the object does not say. */
  readonly etag: string
  locate(path: string): Position
}

export interface ReadApiFile {
  readonly objects: readonly ReadApiObject[]
  readonly problems: readonly LocatedProblem[]
}

/** `names`: who the objects are is all that counts, as for what is to be deleted; their content may be wrong, or missing. */
export type ReadFor = 'content' | 'names'

/** The objects of a YAML (or JSON) file. An object with an error is a problem, and not among the objects. */
export function readApiFile(text: string, file: string, purpose: ReadFor = 'content'): ReadApiFile {
  const objects: ReadApiObject[] = []
  const problems: LocatedProblem[] = []
  for (const document of parseYaml(text, file)) {
    const ref = { cluster: '', apiVersion: '', kind: '', namespace: '', name: '' }
    for (const { message, at, duplicate } of document.faults) {
      const code = duplicate ? 'duplicate-key' : 'yaml-syntax'
      problems.push({ code, severity: 'error', object: ref, path: '', message: withHint(message, text, at), at })
    }
    if (document.value === undefined || document.faults.length > 0) continue
    readValue(document.value, '', document, { objects, problems, purpose })
  }
  return { objects, problems }
}

/** Guides leave parts out with "..."; that is no YAML. */
function withHint(message: string, text: string, { line }: Position): string {
  const lines = text.split('\n').slice(0, line + 1)
  const elided = lines.some((each) => /^\s+\.\.\.\s*$/.test(each))
  return elided ? `${message} (a line "..." stands for what was left out: put that there, or delete the line)` : message
}

interface Results {
  readonly objects: ReadApiObject[]
  readonly problems: LocatedProblem[]
  readonly purpose: ReadFor
}

function readValue(value: unknown, path: string, document: YamlDocument, results: Results): void {
  const items = isObject(value) && String(value['kind']).endsWith('List') ? value['items'] : undefined
  if (Array.isArray(items)) {
    for (const [i, item] of items.entries())
      readValue(item, `${path === '' ? '' : `${path}.`}items[${i}]`, document, results)
    return
  }
  const here = (inner: string): Position => document.locate([path, inner].filter((p) => p !== '').join('.'))
  const envelope = readEnvelope(value)
  const locate = (inner: string): Position => here(envelope.asWritten(inner))
  const text = (of: unknown): string => (typeof of === 'string' ? of : '')
  const ref = {
    cluster: '',
    apiVersion: envelope.apiVersion,
    kind: envelope.kind,
    namespace: '',
    name: text(envelope.metadata['name']) || text(envelope.metadata['fqn']),
  }
  let object: ReadApiObject | undefined
  const problems: Problem[] = collect(ref, (root) => {
    object = readObject(envelope, root, value)
  })
  const checked = object === undefined || results.purpose === 'names' ? [] : checkContent(object)
  const all = [...problems, ...checked.map((problem) => ({ ...problem, object: ref }))]
  results.problems.push(...all.map((problem) => ({ ...problem, at: locate(problem.path) })))
  if (object !== undefined && all.every(({ severity }) => severity !== 'error'))
    results.objects.push({ ...object, locate })
}

/** The four keys of an object, however they are written, and what stands beside them. */
interface Envelope {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly spec: unknown
  /** Keys that are written otherwise than they should be. */
  readonly misspelt: readonly (readonly [written: string, key: string])[]
  readonly others: Readonly<Record<string, unknown>>
  asWritten(path: string): string
}

const topLevel = ['apiVersion', 'kind', 'metadata', 'spec'] as const

function readEnvelope(value: unknown): Envelope {
  const fields = isObject(value) ? value : {}
  const found: Record<string, unknown> = {}
  const others: Record<string, unknown> = {}
  const misspelt: [string, string][] = []
  for (const [written, field] of Object.entries(fields)) {
    const key = topLevel.find((known) => known.toLowerCase() === written.toLowerCase())
    if (key === undefined) others[written] = field
    else if (!(key in found) || key === written) found[key] = field
    if (key !== undefined && key !== written) misspelt.push([written, key])
  }
  const { apiVersion, kind, metadata, spec } = found
  return {
    apiVersion: typeof apiVersion === 'string' ? apiVersion : '',
    kind: typeof kind === 'string' ? kind : '',
    metadata: isObject(metadata) ? metadata : {},
    spec,
    misspelt,
    others,
    asWritten: (path) => {
      const [first = '', ...rest] = path.split(/(?=[.[])/)
      const second = rest[0]?.slice(1) ?? ''
      // What stands beside spec was moved under it.
      if (first === 'spec' && second in others) return [second, ...rest.slice(1)].join('')
      const written = misspelt.find(([, key]) => key === first)?.[0] ?? first
      return [written, ...rest].join('')
    },
  }
}

function readObject(envelope: Envelope, root: Place, value: unknown): ReadApiObject | undefined {
  if (!isObject(value)) {
    root.error('this is not an object: apiVersion, kind, metadata and spec are needed', 'not-an-object')
    return undefined
  }
  for (const [written, key] of envelope.misspelt)
    root.field(written).warn(`${JSON.stringify(written)} is read as ${key}; write ${key}`, 'unknown-field')
  for (const key of ['apiVersion', 'kind'] as const)
    if (envelope[key] === '') root.field(key).error('Required value', 'required')
  if (envelope.apiVersion === '' || envelope.kind === '') return undefined
  const kinds = kindsOf(envelope)
  const [kind] = kinds
  if (kind === undefined) {
    root.field('kind').error(`${envelope.apiVersion} has no kind ${envelope.kind}${hintFor(envelope)}`, 'unknown-kind')
    return undefined
  }
  return {
    kinds,
    ...readMetadata(envelope, kind, root.field('metadata')),
    spec: readSpec(envelope, kind, root),
    etag: etagOf(envelope),
    locate: () => ({ file: '', line: 0, column: 0 }),
  }
}

/** What may be meant by a kind that there is not. */
function hintFor({ apiVersion, kind }: Envelope): string {
  const [group = ''] = apiVersion.split('/')
  if (apiKindsOf(apiVersion, kind).length > 0) return ' in such a group'
  const [other] = apiKindsOf(group, kind)
  if (other !== undefined) return `; it is of ${other.apiVersion}`
  const isOfClusters = group === 'install.tetrate.io' || group.endsWith('onboarding.tetrate.io')
  return isOfClusters ? ' that tctl applies; apply it with kubectl, to each cluster that it is for' : ''
}

/** Kinds that it can be, as far as its annotations tell. */
function kindsOf({ apiVersion, kind, metadata }: Envelope): ApiKind[] {
  const found = apiKindsOf(apiVersion, kind)
  const said = isObject(metadata['annotations']) ? metadata['annotations'] : {}
  const group = groupTypes.find((type) => typeof said[annotations.of(type)] === 'string')
  return found.filter(({ istio, parent }) => istio === undefined || group === undefined || parent === group)
}

function etagOf({ metadata, spec }: Envelope): string {
  const said = metadata['resourceVersion'] ?? (isObject(spec) ? spec['etag'] : undefined)
  return typeof said === 'string' ? said : ''
}

const known = new Set(
  (
    'organization tenant workspace group application name namespace labels annotations resourceVersion fqn ' +
    'displayName description uid generation creationTimestamp managedFields'
  ).split(' '),
)

type Metadata = Pick<ReadApiObject, 'identity' | 'namespace' | 'labels' | 'annotations'>

function readMetadata({ metadata }: Envelope, kind: ApiKind, place: Place): Metadata {
  const notes = readTexts(metadata['annotations'], place.field('annotations'))
  const text = (field: string): string => {
    const value = metadata[field]
    if (value === undefined || value === null) return ''
    return asText(value, place.field(field))
  }
  for (const field of Object.keys(metadata))
    if (!known.has(field))
      place.field(field).warn(`unknown field ${JSON.stringify(field)}; it has no effect`, 'unknown-field')
  const said = (level: 'organization' | 'tenant' | 'workspace'): string =>
    text(level) || (notes[annotations[level]] ?? '')
  const groupOf = (type: GroupType): string => notes[annotations.of(type)] ?? ''
  const group = text('group') || groupTypes.map(groupOf).find((name) => name !== '') || ''
  const place_ = { organization: said('organization'), tenant: said('tenant'), workspace: said('workspace'), group }
  const name = nameOf(kind, text, notes)
  if (name === '' && needsName(kind)) place.field('name').error('Required value', 'required')
  const fqn = text('fqn') || (notes[annotations.fqn] ?? '')
  if (kind.bindingsOf !== undefined && fqn !== '' && parseFqn(fqn) === undefined)
    place.field('fqn').error(`Invalid value: ${JSON.stringify(fqn)}: this names nothing`)
  const identity =
    kind.bindingsOf !== undefined && kind.bindingsOf !== 'any' ? boundBy(kind, place_, name, fqn) : { ...place_, name }
  const own = Object.entries(notes).filter(([key]) => !key.startsWith('tsb.tetrate.io/'))
  return {
    identity,
    namespace: text('namespace'),
    labels: readTexts(metadata['labels'], place.field('labels')),
    annotations: Object.fromEntries(own),
  }
}

function needsName({ bindingsOf }: ApiKind): boolean {
  return bindingsOf === undefined || bindingsOf === 'any'
}

function nameOf(kind: ApiKind, text: (field: string) => string, notes: Readonly<Record<string, string>>): string {
  if (kind.bindingsOf === 'any') return text('fqn') || (notes[annotations.fqn] ?? '')
  return notes[annotations.name] ?? text('name')
}

/** What bindings are for: the full name says it, or the place, whose last name may stand in `name`. */
function boundBy(kind: ApiKind, place: Omit<Identity, 'name'>, name: string, fqn: string): Identity {
  const level = kind.bindingsOf === 'any' ? '' : (kind.bindingsOf ?? '')
  const field =
    level === '' || level === 'organization' || level === 'tenant' || level === 'workspace' ? level : 'group'
  const bound = fqn === '' ? undefined : parseFqn(fqn)
  if (bound !== undefined && field !== '') return { ...bound.identity, [field]: bound.identity.name, name: '' }
  if (field !== '' && place[field] === '') return { ...place, [field]: name, name: '' }
  return { ...place, name: '' }
}

/** A map of texts; numbers and truth values become texts. */
function readTexts(value: unknown, place: Place): Record<string, string> {
  if (value === undefined || value === null) return {}
  if (!isObject(value)) {
    place.error('must be a map of texts', 'wrong-type')
    return {}
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asText(item, place.field(key))]))
}

function asText(value: unknown, place: Place): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') {
    place.warn(`${JSON.stringify(value)} is read as text; write "${value}"`, 'wrong-type')
    return String(value)
  }
  place.error('must be of type string', 'wrong-type')
  return ''
}

/** The spec, with what stands beside it by mistake. */
function readSpec(envelope: Envelope, kind: ApiKind, root: Place): unknown {
  const { spec, others } = envelope
  const schema = (kind.istio ?? kind.definition).spec as { properties?: Record<string, TSchema> }
  const strays = Object.keys(others).filter((key) => key !== 'status')
  if (strays.length === 0) return coerce(schema as TSchema, spec, root.field('spec'))
  const isEmpty = spec === undefined || spec === null || (isObject(spec) && Object.keys(spec).length === 0)
  const unknown = strays.filter((key) => !(key in (schema.properties ?? {})))
  if (!isEmpty || unknown.length > 0) {
    const why = unknown.length > 0 ? `${kind.kind} has no such field` : 'spec has fields of its own; move it under spec'
    for (const key of unknown.length > 0 ? unknown : strays)
      root.field(key).error(`unknown field ${JSON.stringify(key)} beside spec: ${why}`, 'unknown-field')
    return spec
  }
  for (const key of strays)
    root.field(key).warn(`${key} stands beside spec and was moved under spec; indent it`, 'unknown-field')
  const moved = Object.fromEntries(strays.map((key) => [key, others[key]]))
  return coerce(schema as TSchema, moved, root.field('spec'))
}

interface Shape {
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly items?: TSchema
  readonly additionalProperties?: TSchema & { readonly type?: string }
}

/** Values of maps of texts (labels) as texts; everything else as it is. */
function coerce(schema: TSchema, value: unknown, place: Place): unknown {
  const { properties, items, additionalProperties } = schema as Shape
  if (Array.isArray(value))
    return items === undefined ? value : value.map((item, i) => coerce(items, item, place.item(i)))
  if (!isObject(value)) return value
  if (additionalProperties?.type === 'string') return readTexts(value, place)
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => {
      const inner = properties?.[key] ?? additionalProperties
      return [key, inner === undefined ? field : coerce(inner, field, place.field(key))]
    }),
  )
}

/** What is wrong with an object by itself. */
function checkContent({ kinds, spec, identity, namespace, labels }: ReadApiObject): readonly Problem[] {
  const [kind] = kinds
  if (kind === undefined) return []
  const { istio, definition } = kind
  const metadata = { name: identity.name, ...(istio !== undefined && { namespace, labels: { ...labels } }) }
  const object = { apiVersion: kind.apiVersion, kind: kind.kind, metadata, spec: spec ?? {} }
  return istio === undefined ? readKind(definition, object, '').problems : checkObject(istio, object).problems
}
