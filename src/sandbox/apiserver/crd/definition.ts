// CustomResourceDefinitions as a kind, and the resources that they define.
import { DecodeError, decodeBuiltin } from '../codec/builtin.ts'
import { timestamp } from '../codec/time.ts'
import { type FieldError, invalid } from '../errors.ts'
import {
  at,
  clone,
  ensureObject,
  isObject,
  type JsonObject,
  listAt,
  metaOf,
  numberAt,
  objectAt,
  objectsAt,
  setDefault,
  textAt,
} from '../json.ts'
import { defineBuiltin } from '../kinds/define.ts'
import type { Resource, ScalePaths, Strategy } from '../resource.ts'
import { table } from '../table/columns.ts'
import { byVersionPriority } from '../version-order.ts'
import { checkRules, hasRules } from './cel.ts'
import { checkDefinition } from './check-definition.ts'
import { customTable } from './columns.ts'
import { parsePath, resultsOf } from './json-path.ts'
import { checkListTypes } from './list-types.ts'
import { applyDefaults, dropNulls, prune } from './prune.ts'
import { customSchema } from './schema.ts'
import { checkValue } from './validate.ts'

export const definitionStorage = 'apiextensions.k8s.io/customresourcedefinitions'
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io'

/** Sets a condition of a CRD's status; the time moves only with the status. */
export function setCondition(crd: JsonObject, type: string, status: string, reason: string, message: string): void {
  const holder = ensureObject(crd, 'status')
  const conditions = objectsAt(holder, 'conditions')
  const before = conditions.find((c) => textAt(c, 'type') === type)
  const since = before && textAt(before, 'status') === status ? textAt(before, 'lastTransitionTime') : timestamp()
  const condition = { type, status, lastTransitionTime: since, reason, message }
  holder['conditions'] = before ? conditions.map((c) => (c === before ? condition : c)) : [...conditions, condition]
}

function recordVersions(crd: JsonObject): void {
  const status = ensureObject(crd, 'status')
  const storage = objectsAt(crd, 'spec', 'versions').find((v) => v['storage'] === true)
  const stored = listAt(status, 'storedVersions')
  const name = textAt(storage, 'name')
  status['storedVersions'] = name && !stored.includes(name) ? [...stored, name] : stored
}

/** What the names controller of a real server does at once after a definition was written. */
function acceptNames(crd: JsonObject): void {
  const names = objectAt(crd, 'spec', 'names') ?? {}
  ensureObject(crd, 'status')['acceptedNames'] = clone(names)
  setCondition(crd, 'NamesAccepted', 'True', 'NoConflicts', 'no conflicts found')
  setCondition(crd, 'Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted')
}

const strategy: Strategy = {
  generation: true,
  needsVersion: true,
  returnsDeleted: true,
  defaults(crd) {
    const names = ensureObject(crd, 'spec', 'names')
    const kind = textAt(names, 'kind')
    if (!textAt(names, 'singular') && kind) names['singular'] = kind.toLowerCase()
    if (!textAt(names, 'listKind') && kind) names['listKind'] = `${kind}List`
    const spec = ensureObject(crd, 'spec')
    if (!objectAt(spec, 'conversion')) spec['conversion'] = { strategy: 'None' }
    const service = objectAt(spec, 'conversion', 'webhook', 'clientConfig', 'service')
    if (service) setDefault(service, 'port', 443)
  },
  prepareCreate(crd) {
    crd['status'] = { acceptedNames: {}, conditions: [], storedVersions: [] }
    recordVersions(crd)
    acceptNames(crd)
  },
  prepareUpdate(crd) {
    recordVersions(crd)
    acceptNames(crd)
  },
  validate: checkDefinition,
  onDelete(crd) {
    const meta = metaOf(crd)
    const finalizers = listAt(meta, 'finalizers')
    if (!finalizers.includes(cleanupFinalizer)) meta['finalizers'] = [...finalizers, cleanupFinalizer]
    crd['status'] = clone(objectAt(crd, 'status') ?? {})
    setCondition(
      crd,
      'Terminating',
      'True',
      'InstanceDeletionPending',
      'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
    )
  },
}

export const definitionResource: Resource = defineBuiltin({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  short: ['crd', 'crds'],
  categories: ['api-extensions'],
  clusterScoped: true,
  status: true,
  strategy,
  table: table('Created At', (o) => [textAt(o, 'metadata', 'creationTimestamp')]),
})

const pathOf = (text: string): string[] => text.replace(/^\./, '').split('.').filter(Boolean)

function scaleOf(version: JsonObject): ScalePaths | undefined {
  const scale = objectAt(version, 'subresources', 'scale')
  if (!scale) return undefined
  const selector = textAt(scale, 'labelSelectorPath')
  return {
    specReplicas: pathOf(textAt(scale, 'specReplicasPath')),
    statusReplicas: pathOf(textAt(scale, 'statusReplicasPath')),
    ...(selector ? { selector: pathOf(selector) } : {}),
  }
}

const blocking = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
])

const notChecked: FieldError = {
  field: '<nil>',
  reason: 'FieldValueInvalid',
  detail:
    'Invalid value: "null": some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
}

function withRules(errors: FieldError[], schema: JsonObject, rules: () => FieldError[]): FieldError[] {
  if (!hasRules(schema)) return errors
  return errors.some((e) => blocking.has(e.reason)) ? [...errors, notChecked] : [...errors, ...rules()]
}

function checkScale(object: JsonObject, scale: ScalePaths | undefined): FieldError[] {
  if (!scale) return []
  const check = (path: readonly string[]): FieldError[] => {
    const value = numberAt(object, ...path)
    const field = `.${path.join('.')}`
    if (value === undefined) return []
    if (value < 0) return [invalid(field, value, 'should be a non-negative integer')]
    return value > 2147483647 ? [invalid(field, value, 'should be less than or equal to 2147483647')] : []
  }
  return [...check(scale.specReplicas), ...check(scale.statusReplicas)]
}

/** The rules of a custom resource. */
function customStrategy(schema: JsonObject | undefined, scale: ScalePaths | undefined): Strategy {
  const own = schema ?? {}
  const statusSchema = objectAt(own, 'properties', 'status') ?? {}
  return {
    generation: true,
    needsVersion: true,
    validate(object, old) {
      const errors = [
        ...checkValue(object, old, own, ''),
        ...checkScale(object, scale),
        ...checkListTypes(object, own, ''),
      ]
      return withRules(errors, own, () => checkRules(object, old, own, ''))
    },
    validateStatus(object, old) {
      const status = object['status']
      if (status === undefined) return []
      const errors = checkValue(status, old['status'], statusSchema, '').map((e) => ({
        ...e,
        field: e.field === '<nil>' ? 'status' : `status.${e.field}`,
      }))
      errors.push(...checkListTypes(status, statusSchema, 'status'))
      return withRules(errors, own, () => checkRules(object, old, own, ''))
    },
    warnings(object, old) {
      const before = listAt(old, 'metadata', 'finalizers')
      return listAt(object, 'metadata', 'finalizers')
        .filter((f): f is string => typeof f === 'string' && !before.includes(f) && !f.includes('/'))
        .filter((f) => !['orphan', 'foregroundDeletion', 'kubernetes'].includes(f))
        .map((f) => {
          const path = f.includes('.') ? ' including a path (/)' : ''
          return `metadata.finalizers: ${JSON.stringify(f)}: prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`
        })
    },
  }
}

function selectableOf(version: JsonObject): Resource['selectable'] {
  const entries = objectsAt(version, 'selectableFields').map((f) => {
    const path = parsePath(textAt(f, 'jsonPath')) ?? []
    const read = (object: JsonObject): string => {
      const [value] = resultsOf(object, path)
      return value === undefined || value === null || typeof value === 'object' ? '' : String(value)
    }
    return [textAt(f, 'jsonPath').replace(/^\./, ''), read] as const
  })
  return Object.fromEntries(entries)
}

/** Reads a custom object: metadata by its type, the rest by the schema. Throws DecodeError. */
function decodeCustom(body: JsonObject, schema: JsonObject | undefined, unknown: string[]): JsonObject {
  const { metadata, ...rest } = clone(body)
  if (metadata !== undefined && metadata !== null && !isObject(metadata)) {
    throw new DecodeError(
      'json: cannot unmarshal string into Go struct field ObjectMeta.metadata of type v1.ObjectMeta',
    )
  }
  const metaUnknown: string[] = []
  const meta = decodeBuiltin('meta.v1.ObjectMeta', isObject(metadata) ? metadata : {}, metaUnknown)
  for (const key of ['apiVersion', 'kind']) delete meta[key]
  unknown.push(...metaUnknown.map((field) => `metadata.${field}`))
  const object: JsonObject = { ...rest, metadata: {} }
  unknown.push(...prune(object, schema))
  dropNulls(object, schema)
  applyDefaults(object, schema)
  object['metadata'] = meta
  return object
}

/** The resources that a definition defines, one for each served version. */
export function definedResources(crd: JsonObject): Resource[] {
  const spec = objectAt(crd, 'spec')
  const names = objectAt(spec, 'names')
  const group = textAt(spec, 'group')
  const plural = textAt(names, 'plural')
  const versions = objectsAt(spec, 'versions').filter((v) => v['served'] === true)
  const storageVersion = textAt(
    objectsAt(spec, 'versions').find((v) => v['storage'] === true),
    'name',
  )
  const words = (key: string): string[] => listAt(names, key).filter((w) => typeof w === 'string')
  return versions.map((version): Resource => {
    const name = textAt(version, 'name')
    const schema = objectAt(version, 'schema', 'openAPIV3Schema')
    const scale = scaleOf(version)
    const apiVersion = `${group}/${name}`
    const convert = (to: string) => (object: JsonObject) =>
      object['apiVersion'] === to ? object : { ...object, apiVersion: to }
    const warning = textAt(version, 'deprecationWarning') || deprecationWarning(spec ?? {}, name)
    return {
      group,
      version: name,
      names: {
        plural,
        singular: textAt(names, 'singular') || textAt(names, 'kind').toLowerCase(),
        kind: textAt(names, 'kind'),
        listKind: textAt(names, 'listKind'),
        shortNames: words('shortNames'),
        categories: words('categories'),
      },
      namespaced: textAt(spec, 'scope') === 'Namespaced',
      storage: `${group}/${plural}`,
      verbs: customVerbs,
      schema: customSchema(schema),
      hasStatus: at(version, 'subresources', 'status') !== undefined,
      ...(scale ? { scale } : {}),
      strategy: customStrategy(schema, scale),
      table: customTable(objectsAt(version, 'additionalPrinterColumns')),
      decode: (body, unknown) => decodeCustom(body, schema, unknown),
      fromStorage: convert(apiVersion),
      toStorage: convert(`${group}/${storageVersion}`),
      selectable: selectableOf(version),
      badField: (field) => `field label not supported: ${field}`,
      ...(version['deprecated'] === true ? { deprecation: warning } : {}),
      custom: true,
    }
  })
}

/** Names the best served version that is newer and not deprecated, as real servers do. */
function deprecationWarning(spec: JsonObject, deprecated: string): string {
  const [group, kind] = [textAt(spec, 'group'), textAt(spec, 'names', 'kind')]
  const [better] = objectsAt(spec, 'versions')
    .filter((version) => version['served'] === true && version['deprecated'] !== true)
    .map((version) => textAt(version, 'name'))
    .filter((name) => byVersionPriority(name, deprecated) < 0)
    .sort(byVersionPriority)
  const warning = `${group}/${deprecated} ${kind} is deprecated`
  return better === undefined ? warning : `${warning}; use ${group}/${better} ${kind}`
}

/** Real servers list the verbs of custom resources in this order. */
const customVerbs = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch']
