// Whether a CRD's schema is structural and uses only what may be used.
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../errors.ts'
import { equal, isObject, type JsonObject, listAt, objectAt, objectsAt, textAt } from '../json.ts'
import { ruleProblem } from './cel.ts'
import { isTrue } from './prune.ts'
import { checkValue, patternOf } from './validate.ts'

type Level = 'root' | 'items' | 'field'

const emptyType: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  items: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
}

const intOrString = [{ type: 'integer' }, { type: 'string' }]

const properties = (schema: JsonObject): [string, JsonObject][] =>
  Object.entries(objectAt(schema, 'properties') ?? {}).filter((e): e is [string, JsonObject] => isObject(e[1]))

/** The rules that make a schema structural. */
function structural(schema: JsonObject, level: Level, path: string): FieldError[] {
  const errors: FieldError[] = []
  const type = textAt(schema, 'type')
  const items = objectAt(schema, 'items')
  if (type === 'array' && !items) errors.push(required(`${path}.items`, 'must be specified'))
  if (items) errors.push(...structural(items, 'items', `${path}.items`))
  for (const [name, property] of properties(schema)) {
    if (level === 'root' && ['metadata', 'apiVersion', 'kind'].includes(name)) continue
    errors.push(...structural(property, 'field', `${path}.properties[${name}]`))
  }
  if (schema['additionalProperties'] !== undefined) {
    if (level === 'root') errors.push(forbiddenField(`${path}.additionalProperties`, 'must not be used at the root'))
    const additional = objectAt(schema, 'additionalProperties')
    if (additional) errors.push(...structural(additional, 'field', `${path}.additionalProperties`))
  }
  if (isTrue(schema, 'x-kubernetes-int-or-string') && isTrue(schema, 'x-kubernetes-preserve-unknown-fields')) {
    errors.push(
      invalid(
        `${path}.x-kubernetes-preserve-unknown-fields`,
        true,
        'must be false if x-kubernetes-int-or-string is true',
      ),
    )
  }
  errors.push(...junctors(schema, level, path, isTrue(schema, 'x-kubernetes-int-or-string')))
  errors.push(...typeAndMeta(schema, level, path))
  return errors
}

function typeAndMeta(schema: JsonObject, level: Level, path: string): FieldError[] {
  const errors: FieldError[] = []
  const type = textAt(schema, 'type')
  const embedded = isTrue(schema, 'x-kubernetes-embedded-resource')
  if (embedded && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true'
    errors.push(type ? invalid(`${path}.type`, type, why) : required(`${path}.type`, why))
  } else if (
    !type &&
    !isTrue(schema, 'x-kubernetes-int-or-string') &&
    !isTrue(schema, 'x-kubernetes-preserve-unknown-fields')
  ) {
    errors.push(required(`${path}.type`, emptyType[level]))
  }
  if (level === 'root' && type && type !== 'object')
    errors.push(invalid(`${path}.type`, type, 'must be object at the root'))
  if (embedded && !isTrue(schema, 'x-kubernetes-preserve-unknown-fields') && properties(schema).length === 0) {
    errors.push(
      required(
        `${path}.properties`,
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ),
    )
  }
  const metadata = objectAt(schema, 'properties', 'metadata')
  if (metadata && level === 'root') {
    const { type: _type, description: _text, properties: inner, ...rest } = metadata
    const named = Object.keys(isObject(inner) ? inner : {}).every((k) => k === 'name' || k === 'generateName')
    if (!named || Object.keys(rest).length > 0) {
      errors.push(
        forbiddenField(
          `${path}.properties[metadata]`,
          'must not specify anything other than name and generateName, but metadata is implicitly specified',
        ),
      )
    }
  }
  const pattern = textAt(schema, 'pattern')
  if (pattern && !patternOf(pattern)) {
    errors.push(
      invalid(
        `${path}.pattern`,
        pattern,
        `must be a valid regular expression, but isn't: error parsing regexp: ${pattern}`,
      ),
    )
  }
  return errors
}

/** allOf, anyOf, oneOf and not may only restrict values, not say what there is. */
function junctors(schema: JsonObject, level: Level, path: string, mayName: boolean): FieldError[] {
  const errors: FieldError[] = []
  for (const key of ['anyOf', 'allOf', 'oneOf'] as const) {
    if (key === 'anyOf' && mayName && equal(objectsAt(schema, 'anyOf'), intOrString)) continue
    objectsAt(schema, key).forEach((inner, i) => {
      const skip = key === 'allOf' && i === 0 && mayName && equal(objectsAt(inner, 'anyOf'), intOrString)
      if (!skip) errors.push(...nested(inner, level, `${path}.${key}[${i}]`))
    })
  }
  const not = objectAt(schema, 'not')
  if (not) errors.push(...nested(not, level, `${path}.not`))
  return errors
}

const forbiddenInside: readonly (readonly [string, string])[] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
]

function nested(schema: JsonObject, level: Level, path: string): FieldError[] {
  const errors = junctors(schema, level, path, false)
  const items = objectAt(schema, 'items')
  if (items) errors.push(...nested(items, level, `${path}.items`))
  for (const [name, property] of properties(schema))
    errors.push(...nested(property, 'field', `${path}.properties[${name}]`))
  for (const [key, why] of forbiddenInside) {
    const value = schema[key]
    if (value !== undefined && value !== false && value !== '') errors.push(forbiddenField(`${path}.${key}`, why))
  }
  if (objectAt(schema, 'properties', 'metadata'))
    errors.push(forbiddenField(`${path}.properties[metadata]`, 'must not be specified in a nested context'))
  return errors
}

/** Every field below a junctor must be there outside of it too. */
function complete(nestedSchema: JsonObject, outside: JsonObject | undefined, path: string): FieldError[] {
  const errors: FieldError[] = []
  for (const [name, property] of properties(nestedSchema)) {
    const own = objectAt(outside, 'properties', name)
    const at = `${path}.properties[${name}]`
    if (!own && !objectAt(outside, 'additionalProperties'))
      errors.push(required(at, 'because it is defined in the value validation'))
    errors.push(...complete(property, own, at))
  }
  return errors
}

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string']
const unsupported = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref']

/** What single parts of a schema may say. */
function parts(schema: JsonObject, path: string, isRoot: boolean): FieldError[] {
  const errors: FieldError[] = []
  const type = textAt(schema, 'type')
  if (type && !types.includes(type)) errors.push(notSupported(`${path}.type`, type, types))
  for (const key of unsupported)
    if (schema[key] !== undefined) errors.push(forbiddenField(`${path}.${key}`, `${key} is not supported`))
  if (isTrue(schema, 'uniqueItems')) {
    errors.push(
      forbiddenField(
        `${path}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    )
  }
  const additional = schema['additionalProperties']
  if (additional !== undefined && additional !== true && properties(schema).length > 0) {
    errors.push(
      forbiddenField(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'),
    )
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'))
  }
  errors.push(...listAndMap(schema, path), ...rules(schema, path, isRoot), ...defaults(schema, path))
  const inner: [string, JsonObject | undefined][] = [
    [`${path}.additionalProperties`, objectAt(schema, 'additionalProperties')],
    ...properties(schema).map(([name, p]): [string, JsonObject] => [`${path}.properties[${name}]`, p]),
    [`${path}.items`, objectAt(schema, 'items')],
  ]
  for (const [at, s] of inner) if (s) errors.push(...parts(s, at, false))
  return errors
}

function defaults(schema: JsonObject, path: string): FieldError[] {
  const value = schema['default']
  if (value === undefined) return []
  return checkValue(value, undefined, schema, '').map((e) => ({
    ...e,
    field: `${path}.default${e.field === '<nil>' ? '' : `.${e.field}`}`,
  }))
}

function listAndMap(schema: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = []
  const type = textAt(schema, 'type')
  const [list, map] = [textAt(schema, 'x-kubernetes-list-type'), textAt(schema, 'x-kubernetes-map-type')]
  const keys = listAt(schema, 'x-kubernetes-list-map-keys')
  const items = objectAt(schema, 'items')
  const mustBe = (wanted: string, word: string): void => {
    const why = `must be ${wanted} if ${word} is specified`
    errors.push(type ? invalid(`${path}.type`, type, why) : required(`${path}.type`, why))
  }
  if (map && type !== 'object') mustBe('object', 'x-kubernetes-map-type')
  if (map && !['atomic', 'granular'].includes(map))
    errors.push(notSupported(`${path}.x-kubernetes-map-type`, map, ['atomic', 'granular']))
  if (list && type !== 'array') mustBe('array', 'x-kubernetes-list-type')
  if (list && !['atomic', 'set', 'map'].includes(list))
    errors.push(notSupported(`${path}.x-kubernetes-list-type`, list, ['atomic', 'set', 'map']))
  if (keys.length > 0 && list !== 'map') {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty'
    errors.push(
      list ? invalid(`${path}.x-kubernetes-list-type`, list, why) : required(`${path}.x-kubernetes-list-type`, why),
    )
  }
  if (list !== 'map') return errors
  if (keys.length === 0)
    errors.push(required(`${path}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'))
  if (!items) errors.push(required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map'))
  else if (textAt(items, 'type') !== 'object') {
    errors.push(
      invalid(
        `${path}.items.type`,
        textAt(items, 'type'),
        "must be object if parent array's x-kubernetes-list-type is map",
      ),
    )
  }
  const needed = listAt(items, 'required')
  for (const key of keys) {
    if (typeof key !== 'string') continue
    const property = objectAt(items, 'properties', key)
    if (!property)
      errors.push(invalid(`${path}.x-kubernetes-list-map-keys`, keys, 'entries must all be names of item properties'))
    else if (!needed.includes(key) && property['default'] === undefined) {
      errors.push(
        required(
          `${path}.items.properties[${key}].default`,
          'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
        ),
      )
    }
  }
  return errors
}

function rules(schema: JsonObject, path: string, isRoot: boolean): FieldError[] {
  return objectsAt(schema, 'x-kubernetes-validations').flatMap((rule, i) => {
    const at = `${path}.x-kubernetes-validations[${i}]`
    const text = textAt(rule, 'rule').trim()
    if (!text) return [required(`${at}.rule`, 'rule is not specified')]
    if (/[\r\n]/.test(text) && !textAt(rule, 'message').trim()) {
      return [required(`${at}.message`, 'message must be specified if rule contains line breaks')]
    }
    const problem = ruleProblem(text, schema, isRoot)
    return problem ? [invalid(`${at}.rule`, rule, problem)] : []
  })
}

function completeAll(schema: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = []
  for (const key of ['allOf', 'anyOf', 'oneOf'] as const) {
    objectsAt(schema, key).forEach((inner, i) =>
      errors.push(
        ...complete(inner, schema, `${path}.${key}[${i}]`).map((e) => ({
          ...e,
          field: path + e.field.slice(`${path}.${key}[${i}]`.length),
        })),
      ),
    )
  }
  for (const [name, property] of properties(schema))
    errors.push(...completeAll(property, `${path}.properties[${name}]`))
  return errors
}

/** Checks a version's schema, which stands at `path`. */
export function checkSchema(schema: JsonObject, path: string): FieldError[] {
  const shape = [...structural(schema, 'root', path), ...completeAll(schema, path)].sort((a, b) =>
    a.field < b.field ? -1 : 1,
  )
  if (isTrue(schema, 'nullable'))
    shape.unshift(forbiddenField(`${path}.nullable`, 'nullable cannot be true at the root'))
  return [...shape, ...(shape.length === 0 ? parts(schema, path, true) : [])]
}
