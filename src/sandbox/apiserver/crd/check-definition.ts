// Whether a CustomResourceDefinition may be, in the words of k8s.io/apiextensions-apiserver.
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../errors.ts'
import { equal, type JsonObject, listAt, objectAt, objectsAt, textAt } from '../json.ts'
import { isLabel1035, isSubdomain } from '../rest/names.ts'
import { checkSchema } from './check-schema.ts'

const joined = (messages: readonly string[]): string => messages.join(',')

/** What all versions have alike is checked, and named in errors, as if it stood once above them. */
function isShared(versions: readonly JsonObject[], key: string): boolean {
  return versions.length > 0 && versions.every((v) => equal(v[key], versions[0]?.[key]))
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string']
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password']

function checkJsonPath(path: string, field: string): FieldError[] {
  return path.startsWith('.') ? [] : [invalid(field, path, 'must be a simple json path starting with .')]
}

function checkColumns(columns: readonly JsonObject[], field: string): FieldError[] {
  return columns.flatMap((column, i) => {
    const at = `${field}[${i}]`
    const errors: FieldError[] = []
    const [type, format, path] = [textAt(column, 'type'), textAt(column, 'format'), textAt(column, 'jsonPath')]
    if (!textAt(column, 'name')) errors.push(required(`${at}.name`))
    const oneOf = `must be one of ${columnTypes.join(',')}`
    if (!type) errors.push(required(`${at}.type`, oneOf))
    else if (!columnTypes.includes(type)) errors.push(invalid(`${at}.type`, type, oneOf))
    if (format && !columnFormats.includes(format))
      errors.push(invalid(`${at}.format`, format, `must be one of ${columnFormats.join(',')}`))
    if (!path) errors.push(required(`${at}.JSONPath`))
    else errors.push(...checkJsonPath(path, `${at}.JSONPath`))
    return errors
  })
}

function checkSubresources(subresources: JsonObject | undefined, field: string): FieldError[] {
  const scale = objectAt(subresources, 'scale')
  if (!scale) return []
  const check = (key: string, under: string): FieldError[] => {
    const path = textAt(scale, key)
    const at = `${field}.scale.${key}`
    if (!path) return [required(at)]
    const wrong = checkJsonPath(path, at)
    if (wrong.length > 0) return wrong
    return path.startsWith(`.${under}.`) ? [] : [invalid(at, path, `should be a json path under .${under}`)]
  }
  const errors = [...check('specReplicasPath', 'spec'), ...check('statusReplicasPath', 'status')]
  const selector = textAt(scale, 'labelSelectorPath')
  if (selector && !/^\.(spec|status)\./.test(selector)) {
    errors.push(
      invalid(`${field}.scale.labelSelectorPath`, selector, 'should be a json path under either .spec or .status'),
    )
  }
  return errors
}

function checkSelectable(version: JsonObject, field: string): FieldError[] {
  return objectsAt(version, 'selectableFields').flatMap((selectable, i) => {
    const path = textAt(selectable, 'jsonPath')
    const at = `${field}[${i}].jsonPath`
    if (!path) return [required(at)]
    let schema = objectAt(version, 'schema', 'openAPIV3Schema')
    for (const part of path.replace(/^\./, '').split('.')) schema = objectAt(schema, 'properties', part)
    if (!schema) return [invalid(at, path, 'is an invalid path: does not refer to a valid field')]
    if (path.startsWith('.metadata')) return [invalid(at, path, 'must not point to fields in metadata')]
    if (['string', 'boolean', 'integer'].includes(textAt(schema, 'type'))) return []
    return [
      invalid(
        at,
        path,
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      ),
    ]
  })
}

/** One thing that versions say, wherever errors about it are to stand. */
function perVersion(
  versions: readonly JsonObject[],
  key: string,
  shared: string,
  check: (version: JsonObject, field: string) => FieldError[],
): { own: FieldError[][]; top: FieldError[] } {
  const [first] = versions
  if (first && isShared(versions, key)) return { own: [], top: check(first, `spec.${shared}`) }
  return { own: versions.map((v, i) => check(v, `spec.versions[${i}].${key}`)), top: [] }
}

function checkNames(names: JsonObject | undefined): FieldError[] {
  const errors: FieldError[] = []
  for (const key of ['plural', 'singular', 'kind', 'listKind']) {
    if (!textAt(names, key)) errors.push(required(`spec.names.${key}`))
  }
  const label = (value: string, field: string, before = ''): void => {
    const why = isLabel1035(before ? value.toLowerCase() : value)
    if (value && why.length > 0) errors.push(invalid(field, value, before + joined(why)))
  }
  const mixed = 'may have mixed case, but should otherwise match: '
  label(textAt(names, 'plural'), 'spec.names.plural')
  label(textAt(names, 'singular'), 'spec.names.singular')
  label(textAt(names, 'kind'), 'spec.names.kind', mixed)
  label(textAt(names, 'listKind'), 'spec.names.listKind', mixed)
  const words = (key: string): string[] => listAt(names, key).filter((w) => typeof w === 'string')
  words('shortNames').forEach((word, i) => label(word, `spec.names.shortNames[${i}]`))
  if (textAt(names, 'kind') && textAt(names, 'kind') === textAt(names, 'listKind')) {
    errors.push(invalid('spec.names.listKind', textAt(names, 'listKind'), 'kind and listKind may not be the same'))
  }
  words('categories').forEach((word, i) => label(word, `spec.names.categories[${i}]`))
  return errors
}

function checkVersions(versions: readonly JsonObject[]): FieldError[] {
  const errors: FieldError[] = []
  versions.forEach((version, i) => {
    if (!objectAt(version, 'schema', 'openAPIV3Schema'))
      errors.push(required(`spec.versions[${i}].schema.openAPIV3Schema`))
  })
  const schemas = perVersion(versions, 'schema', 'validation', (v, field) => {
    const schema = objectAt(v, 'schema', 'openAPIV3Schema')
    return schema ? checkSchema(schema, `${field}.openAPIV3Schema`) : []
  })
  const subresources = perVersion(versions, 'subresources', 'subresources', (v, field) =>
    checkSubresources(objectAt(v, 'subresources'), field),
  )
  const columns = perVersion(versions, 'additionalPrinterColumns', 'additionalPrinterColumns', (v, field) =>
    checkColumns(objectsAt(v, 'additionalPrinterColumns'), field),
  )
  const selectable = perVersion(versions, 'selectableFields', 'selectableFields', checkSelectable)
  versions.forEach((version, i) => {
    const name = textAt(version, 'name')
    const why = isLabel1035(name)
    if (why.length > 0) errors.push(invalid(`spec.versions[${i}].name`, name, joined(why)))
    if (version['deprecated'] !== true && textAt(version, 'deprecationWarning')) {
      errors.push(
        invalid(
          `spec.versions[${i}].deprecationWarning`,
          textAt(version, 'deprecationWarning'),
          'can only be set for deprecated versions',
        ),
      )
    }
    for (const part of [schemas, subresources, columns, selectable]) errors.push(...(part.own[i] ?? []))
  })
  const names = versions.map((v) => textAt(v, 'name'))
  if (new Set(names).size < names.length)
    errors.push(invalid('spec.versions', [...versions], 'must contain unique version names'))
  if (versions.filter((v) => v['storage'] === true).length !== 1) {
    errors.push(invalid('spec.versions', [...versions], 'must have exactly one version marked as storage version'))
  }
  return [
    ...errors,
    ...[subresources, schemas, columns, selectable].flatMap((p) => (p === schemas ? [] : p.top)),
    ...schemas.top,
  ]
}

function checkConversion(conversion: JsonObject | undefined): FieldError[] {
  if (!conversion) return []
  const strategy = textAt(conversion, 'strategy')
  if (!strategy) return [required('spec.conversion.strategy')]
  if (strategy !== 'None' && strategy !== 'Webhook')
    return [notSupported('spec.conversion.strategy', strategy, ['None', 'Webhook'])]
  const webhook = objectAt(conversion, 'webhook')
  if (strategy === 'Webhook' && !objectAt(webhook, 'clientConfig')) {
    return [required('spec.conversion.webhookClientConfig', 'required when strategy is set to Webhook')]
  }
  if (strategy === 'None' && webhook) {
    return [
      forbiddenField('spec.conversion.webhookClientConfig', 'should not be set when strategy is not set to Webhook'),
    ]
  }
  return []
}

/** Checks a definition, and what an update may not change of one that is in force. */
export function checkDefinition(crd: JsonObject, old: JsonObject | undefined): FieldError[] {
  const spec = objectAt(crd, 'spec')
  const names = objectAt(spec, 'names')
  const errors: FieldError[] = []
  const name = textAt(crd, 'metadata', 'name')
  const group = textAt(spec, 'group')
  if (name !== `${textAt(names, 'plural')}.${group}`) {
    errors.push(invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group'))
  }
  const groupWrong = isSubdomain(group)
  if (!group) errors.push(required('spec.group'))
  else if (groupWrong.length > 0) errors.push(invalid('spec.group', group, joined(groupWrong)))
  else if (!group.includes('.')) errors.push(invalid('spec.group', group, 'should be a domain with at least one dot'))
  const scope = textAt(spec, 'scope')
  if (!scope) errors.push(required('spec.scope'))
  else if (scope !== 'Cluster' && scope !== 'Namespaced')
    errors.push(notSupported('spec.scope', scope, ['Cluster', 'Namespaced']))
  errors.push(
    ...checkVersions(objectsAt(spec, 'versions')),
    ...checkNames(names),
    ...checkConversion(objectAt(spec, 'conversion')),
  )
  if (
    (group.endsWith('.k8s.io') || group.endsWith('.kubernetes.io')) &&
    !textAt(crd, 'metadata', 'annotations', 'api-approved.kubernetes.io')
  ) {
    errors.push(
      required(
        'metadata.annotations[api-approved.kubernetes.io]',
        'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      ),
    )
  }
  if (old) errors.push(...checkUpdate(spec, objectAt(old, 'spec')))
  return errors
}

function checkUpdate(spec: JsonObject | undefined, old: JsonObject | undefined): FieldError[] {
  const fields: [string, ...string[]][] = [['scope'], ['names', 'kind'], ['group'], ['names', 'plural']]
  return fields.flatMap((path) => {
    const value = textAt(spec, ...path)
    return value === textAt(old, ...path) ? [] : [invalid(`spec.${path.join('.')}`, value, 'field is immutable')]
  })
}
