// What names, labels and annotations may look like, in the words of k8s.io/apimachinery/pkg/util/validation.
import { duplicate, type FieldError, forbiddenField, invalid, required, tooLong } from '../errors.ts'
import { isObject, type JsonObject, type JsonValue, listAt, objectsAt, textAt } from '../json.ts'
import type { Strategy } from '../resource.ts'

const regexNote = (pattern: string, examples: readonly string[]): string => {
  const quoted = examples.map((e, i) => (i === 0 ? `'${e}'` : ` or '${e}'`)).join(', ')
  return `(e.g. ${quoted}, regex used for validation is '${pattern}')`
}

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const subdomain = `${label}(\\.${label})*`
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?'
const qualifiedPart = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const labelValue = '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?'
const whole = (pattern: string): RegExp => new RegExp(`^${pattern}$`)
const [isLabelText, isSubdomainText, isLabel1035Text, isQualifiedPart, isLabelValueText] = [
  label,
  subdomain,
  label1035,
  qualifiedPart,
  labelValue,
].map(whole) as [RegExp, RegExp, RegExp, RegExp, RegExp]

export type NameCheck = (value: string) => string[]

const tooLongText = (limit: number): string => `must be no more than ${limit} bytes`

export const isSubdomain: NameCheck = (value) => [
  ...(value.length > 253 ? [tooLongText(253)] : []),
  ...(isSubdomainText.test(value)
    ? []
    : [
        `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character ${regexNote(subdomain, ['example.com'])}`,
      ]),
]

export const isLabel: NameCheck = (value) => [
  ...(value.length > 63 ? [tooLongText(63)] : []),
  ...(isLabelText.test(value)
    ? []
    : [
        `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character ${regexNote(label, ['my-name', '123-abc'])}`,
      ]),
]

export const isLabel1035: NameCheck = (value) => [
  ...(value.length > 63 ? [tooLongText(63)] : []),
  ...(isLabel1035Text.test(value)
    ? []
    : [
        `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character ${regexNote(label1035, ['my-name', 'abc-123'])}`,
      ]),
]

/** Names of RBAC objects and the like: anything that can stand in a path. */
export const isPathSegment: NameCheck = (value) => {
  if (value === '.' || value === '..') return [`may not be '${value}'`]
  return ['/', '%'].filter((c) => value.includes(c)).map((c) => `may not contain '${c}'`)
}

export const isQualifiedName: NameCheck = (value) => {
  const parts = value.split('/')
  const found: string[] = []
  let name = parts[0] ?? ''
  if (parts.length === 2) {
    const [prefix = '', rest = ''] = parts
    name = rest
    if (!prefix) found.push('prefix part must be non-empty')
    else found.push(...isSubdomain(prefix).map((m) => `prefix part ${m}`))
  } else if (parts.length > 2) {
    return [
      `a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character ${regexNote(qualifiedPart, ['MyName', 'my.name', '123-abc'])} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ]
  }
  if (!name) found.push('name part must be non-empty')
  else if (name.length > 63) found.push(`name part ${tooLongText(63)}`)
  if (!isQualifiedPart.test(name)) {
    found.push(
      `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character ${regexNote(qualifiedPart, ['MyName', 'my.name', '123-abc'])}`,
    )
  }
  return found
}

export const isLabelValue: NameCheck = (value) => [
  ...(value.length > 63 ? [tooLongText(63)] : []),
  ...(isLabelValueText.test(value)
    ? []
    : [
        `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character ${regexNote(labelValue, ['MyValue', 'my_value', '12345'])}`,
      ]),
]

export const isConfigMapKey: NameCheck = (value) => {
  if (value.length > 253) return [tooLongText(253)]
  if (!/^[-._a-zA-Z0-9]+$/.test(value)) {
    return [
      `a valid config key must consist of alphanumeric characters, '-', '_' or '.' ${regexNote('[-._a-zA-Z0-9]+', ['key.name', 'KEY_NAME', 'key-name'])}`,
    ]
  }
  return value === '.' || value === '..' ? [`must not be '${value}'`] : []
}

const checks: Readonly<Record<NonNullable<Strategy['nameRule']>, NameCheck>> = {
  subdomain: isSubdomain,
  label: isLabel,
  label1035: isLabel1035,
  path: isPathSegment,
}

export const checkWith = (check: NameCheck, field: string, value: string): FieldError[] =>
  check(value).map((why) => invalid(field, value, why))

export function checkLabels(labels: JsonValue | undefined, field: string): FieldError[] {
  if (!isObject(labels)) return []
  return Object.entries(labels).flatMap(([key, value]) => [
    ...isQualifiedName(key).map((why) => invalid(field, key, why)),
    ...isLabelValue(typeof value === 'string' ? value : '').map((why) => invalid(field, value, why)),
  ])
}

const annotationLimit = 256 * 1024

export function checkAnnotations(annotations: JsonValue | undefined, field: string): FieldError[] {
  if (!isObject(annotations)) return []
  const errors: FieldError[] = []
  let size = 0
  for (const [key, value] of Object.entries(annotations)) {
    errors.push(...isQualifiedName(key.toLowerCase()).map((why) => invalid(field, key, why)))
    size += Buffer.byteLength(key) + Buffer.byteLength(typeof value === 'string' ? value : '')
  }
  if (size > annotationLimit) errors.push(tooLong(field, annotationLimit))
  return errors
}

function checkOwners(object: JsonObject): FieldError[] {
  const owners = objectsAt(object, 'metadata', 'ownerReferences')
  const errors: FieldError[] = []
  owners.forEach((owner, i) => {
    const at = `metadata.ownerReferences[${i}]`
    if (!textAt(owner, 'apiVersion')) errors.push(invalid(`${at}.apiVersion`, '', 'version must not be empty'))
    if (!textAt(owner, 'kind')) errors.push(invalid(`${at}.kind`, '', 'must not be empty'))
    if (!textAt(owner, 'name')) errors.push(invalid(`${at}.name`, '', 'must not be empty'))
    if (!textAt(owner, 'uid')) errors.push(invalid(`${at}.uid`, '', 'must not be empty'))
  })
  const controllers = owners.filter((o) => o['controller'] === true)
  if (controllers.length > 1) {
    errors.push(
      invalid(
        'metadata.ownerReferences',
        owners,
        `Only one reference can have Controller set to true. Found "true" in references for ${textAt(controllers[0], 'name')} and ${textAt(controllers[1], 'name')}`,
      ),
    )
  }
  return errors
}

const standardFinalizers = ['kubernetes', 'orphan', 'foregroundDeletion']

function checkFinalizers(object: JsonObject): FieldError[] {
  const names = listAt(object, 'metadata', 'finalizers').filter((f) => typeof f === 'string')
  const errors = names.flatMap((f) => {
    const why = isQualifiedName(f)
    if (why.length > 0) return why.map((w) => invalid('metadata.finalizers', f, w))
    return f.includes('/') || standardFinalizers.includes(f)
      ? []
      : [invalid('metadata.finalizers', f, 'name is neither a standard finalizer name nor is it fully qualified')]
  })
  if (names.includes('orphan') && names.includes('foregroundDeletion')) {
    errors.push(invalid('metadata.finalizers', names, 'finalizer orphan and foregroundDeletion cannot be both set'))
  }
  return errors
}

/** The checks of metadata that every object passes. */
export function checkMeta(object: JsonObject, namespaced: boolean, rule: Strategy['nameRule']): FieldError[] {
  const check = checks[rule ?? 'subdomain']
  const errors: FieldError[] = []
  const name = textAt(object, 'metadata', 'name')
  const prefix = textAt(object, 'metadata', 'generateName')
  const namespace = textAt(object, 'metadata', 'namespace')
  if (prefix) {
    errors.push(...checkWith((v) => check(v.replace(/-+$/, 'a')), 'metadata.generateName', prefix))
  }
  if (!name) errors.push(required('metadata.name', 'name or generateName is required'))
  else errors.push(...checkWith(check, 'metadata.name', name))
  if (namespaced) {
    if (!namespace) errors.push(required('metadata.namespace'))
    else errors.push(...checkWith(isLabel, 'metadata.namespace', namespace))
  } else if (namespace) errors.push(forbiddenField('metadata.namespace', 'not allowed on this type'))
  return [
    ...errors,
    ...checkLabels(objectMeta(object, 'labels'), 'metadata.labels'),
    ...checkAnnotations(objectMeta(object, 'annotations'), 'metadata.annotations'),
    ...checkOwners(object),
    ...checkFinalizers(object),
  ]
}

const objectMeta = (object: JsonObject, key: string): JsonValue | undefined =>
  isObject(object['metadata']) ? object['metadata'][key] : undefined

/** The checks of what metadata an update may not change. */
export function checkMetaUpdate(next: JsonObject, old: JsonObject): FieldError[] {
  const errors: FieldError[] = []
  const immutable = (field: string): void => {
    const [a, b] = [objectMeta(next, field), objectMeta(old, field)]
    if ((a ?? '') !== (b ?? '')) errors.push(invalid(`metadata.${field}`, a ?? '', 'field is immutable'))
  }
  if (objectMeta(old, 'deletionTimestamp') !== undefined) {
    const before = listAt(old, 'metadata', 'finalizers')
    const added = listAt(next, 'metadata', 'finalizers').filter((f) => !before.includes(f))
    if (added.length > 0) {
      errors.push(
        forbiddenField(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((f) => JSON.stringify(f)).join(', ')}}`,
        ),
      )
    }
  }
  for (const field of [
    'name',
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ]) {
    immutable(field)
  }
  return errors
}

/** Names given twice in a list, as errors at `field[i].key`. */
export function duplicatesOf(items: readonly JsonObject[], key: string, field: string): FieldError[] {
  const seen = new Set<string>()
  return items.flatMap((item, i) => {
    const value = textAt(item, key)
    if (value && seen.has(value)) return [duplicate(`${field}[${i}].${key}`, value)]
    seen.add(value)
    return []
  })
}
