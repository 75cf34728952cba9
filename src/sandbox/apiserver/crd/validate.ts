// Checks a value against a structural schema, in the words of k8s.io/kube-openapi/pkg/validation.
import { type FieldError, notSupported, shown, tooLong, tooMany } from '../errors.ts'
import {
  equal,
  isObject,
  type JsonObject,
  type JsonValue,
  listAt,
  numberAt,
  objectAt,
  objectsAt,
  textAt,
} from '../json.ts'
import { matchesFormat } from './formats.ts'
import { correlate } from './list-types.ts'
import { isTrue, propertySchema } from './prune.ts'

const regexes = new Map<string, RegExp | undefined>()

/** A pattern as Go's RE2 reads it; undefined where it cannot be read. */
export function patternOf(source: string): RegExp | undefined {
  if (!regexes.has(source)) regexes.set(source, compile(source))
  return regexes.get(source)
}

function compile(source: string): RegExp | undefined {
  const flags = /^\(\?([is]+)\)/.exec(source)
  const body = flags ? source.slice(flags[0].length) : source
  // Differences between RE2 and JavaScript that schemas use.
  const translated = body
    .replaceAll('(?P<', '(?<')
    .replaceAll('\\A', '^')
    .replaceAll('\\z', '$')
    .replaceAll('[[:alnum:]]', '[0-9A-Za-z]')
  for (const attempt of ['u', '']) {
    try {
      return new RegExp(translated, `${flags?.[1] ?? ''}${attempt}`)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  }
  return undefined
}

function typeName(value: JsonValue): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'bigint') return 'integer'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

const place = (path: string): string => path || '<nil>'

const invalid = (path: string, value: JsonValue, why: string): FieldError => ({
  field: place(path),
  reason: 'FieldValueInvalid',
  detail: `Invalid value: ${shown(value)}: ${why}`,
})

const characters = (text: string): number => Array.from(text).length

function checkType(value: JsonValue, schema: JsonObject, path: string): FieldError | undefined {
  const types = isTrue(schema, 'x-kubernetes-int-or-string')
    ? ['integer', 'string']
    : textAt(schema, 'type')
      ? [textAt(schema, 'type')]
      : []
  if (types.length === 0 || (value === null && isTrue(schema, 'nullable'))) return undefined
  const actual = typeName(value)
  if (types.includes(actual) || (actual === 'integer' && types.includes('number'))) return undefined
  return {
    field: place(path),
    reason: 'FieldValueTypeInvalid',
    detail: `Invalid value: ${shown(actual)}: ${path} in body must be of type ${types.join(',')}: ${shown(actual)}`,
  }
}

function checkString(value: string, schema: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = []
  const length = characters(value)
  const [max, min] = [numberAt(schema, 'maxLength'), numberAt(schema, 'minLength')]
  if (max !== undefined && length > max) errors.push(tooLong(place(path), max))
  if (min !== undefined && length < min)
    errors.push(invalid(path, value, `${path} in body should be at least ${min} chars long`))
  const pattern = textAt(schema, 'pattern')
  const regex = pattern ? patternOf(pattern) : undefined
  if (regex && !regex.test(value)) errors.push(invalid(path, value, `${path} in body should match '${pattern}'`))
  const format = textAt(schema, 'format')
  if (format && !matchesFormat(format, value)) {
    errors.push({
      field: place(path),
      reason: 'FieldValueTypeInvalid',
      detail: `Invalid value: ${shown(value)}: ${path} in body must be of type ${format}: ${shown(value)}`,
    })
  }
  return errors
}

/** What the formats of whole numbers hold. */
const integerRanges: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [-(2 ** 63), 2 ** 63 - 1],
}

function checkNumber(value: number | bigint, schema: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = []
  const n = Number(value)
  const range = integerRanges[textAt(schema, 'format')]
  if (range && textAt(schema, 'type') === 'integer' && (n < range[0] || n > range[1])) {
    const why = `Checked value must be of type integer with format ${textAt(schema, 'format')} in ${path}`
    errors.push(invalid('', '', why))
  }
  const [max, min, multiple] = [
    numberAt(schema, 'maximum'),
    numberAt(schema, 'minimum'),
    numberAt(schema, 'multipleOf'),
  ]
  if (multiple !== undefined && !Number.isInteger(Number((n / multiple).toFixed(9)))) {
    errors.push(invalid(path, value, `${path} in body should be a multiple of ${multiple}`))
  }
  const exclusiveMax = isTrue(schema, 'exclusiveMaximum')
  if (max !== undefined && (exclusiveMax ? n >= max : n > max)) {
    errors.push(invalid(path, value, `${path} in body should be less than ${exclusiveMax ? '' : 'or equal to '}${max}`))
  }
  const exclusiveMin = isTrue(schema, 'exclusiveMinimum')
  if (min !== undefined && (exclusiveMin ? n <= min : n < min)) {
    errors.push(
      invalid(path, value, `${path} in body should be greater than ${exclusiveMin ? '' : 'or equal to '}${min}`),
    )
  }
  return errors
}

function checkList(
  value: readonly JsonValue[],
  old: JsonValue | undefined,
  schema: JsonObject,
  path: string,
): FieldError[] {
  const errors: FieldError[] = []
  const items = objectAt(schema, 'items')
  if (items) {
    const counterpart = correlate(old, schema)
    value.forEach((item, i) => errors.push(...checkValue(item, counterpart(item), items, `${path}[${i}]`)))
  }
  const [min, max] = [numberAt(schema, 'minItems'), numberAt(schema, 'maxItems')]
  if (min !== undefined && value.length < min)
    errors.push(invalid(path, value.length, `${path} in body should have at least ${min} items`))
  if (max !== undefined && value.length > max) errors.push(tooMany(place(path), value.length, max))
  return errors
}

function checkObject(value: JsonObject, old: JsonValue | undefined, schema: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = []
  const count = Object.keys(value).length
  const [min, max] = [numberAt(schema, 'minProperties'), numberAt(schema, 'maxProperties')]
  if (min !== undefined && count < min)
    errors.push(invalid(path, count, `${path} in body should have at least ${min} properties`))
  if (max !== undefined && count > max) errors.push(tooMany(place(path), count, max))
  const before = isObject(old) ? old : undefined
  for (const [key, item] of Object.entries(value)) {
    const own = propertySchema(schema, key)
    const at = path ? `${path}.${key}` : key
    if (own) errors.push(...checkValue(item, before && Object.hasOwn(before, key) ? before[key] : undefined, own, at))
    else if (schema['additionalProperties'] === false && !objectAt(schema, 'properties', key)) {
      errors.push(invalid(path, '', `${at} in body is a forbidden property`))
    }
  }
  for (const key of listAt(schema, 'required')) {
    if (typeof key === 'string' && !Object.hasOwn(value, key)) {
      errors.push({ field: path ? `${path}.${key}` : key, reason: 'FieldValueRequired', detail: 'Required value' })
    }
  }
  return errors
}

/** allOf, anyOf, oneOf, not. Where none of several fits, the errors of the nearest are told too. */
function checkJunctors(value: JsonValue, schema: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = []
  const name = JSON.stringify(path)
  const plain = (why: string): FieldError => ({
    field: '<nil>',
    reason: 'FieldValueInvalid',
    detail: `Invalid value: "": ${why}`,
  })
  const results = (key: string): FieldError[][] =>
    objectsAt(schema, key).map((s) => checkValue(value, undefined, s, path))
  const any = results('anyOf')
  if (any.length > 0 && !any.some((r) => r.length === 0)) {
    errors.push(plain(`${name} must validate at least one schema (anyOf)`), ...nearest(any))
  }
  const one = results('oneOf')
  const fitting = one.filter((r) => r.length === 0).length
  if (one.length > 0 && fitting !== 1) {
    const found = fitting === 0 ? 'Found none valid' : `Found ${fitting} valid alternatives`
    errors.push(plain(`${name} must validate one and only one schema (oneOf). ${found}`))
    if (fitting === 0) errors.push(...nearest(one))
  }
  const all = results('allOf')
  errors.push(...all.flat())
  if (all.some((r) => r.length > 0)) {
    const none = all.every((r) => r.length > 0) ? '. None validated' : ''
    errors.push(plain(`${name} must validate all the schemas (allOf)${none}`))
  }
  const not = objectAt(schema, 'not')
  if (not && checkValue(value, undefined, not, path).length === 0)
    errors.push(plain(`${name} must not validate the schema (not)`))
  return errors
}

const nearest = (results: readonly FieldError[][]): FieldError[] =>
  results.reduce((best, r) => (r.length < best.length ? r : best), results[0] ?? [])

/**
 * Checks a value. `path` is how messages name it; `old` its value before, if there was one: what did not change
 * is not checked again.
 */
export function checkValue(
  value: JsonValue,
  old: JsonValue | undefined,
  schema: JsonObject,
  path: string,
): FieldError[] {
  if (old !== undefined && equal(value, old)) return []
  const type = checkType(value, schema, path)
  const errors: FieldError[] = type ? [type] : []
  if (value === null && isTrue(schema, 'nullable')) return errors
  errors.push(...checkJunctors(value, schema, path))
  if (typeof value === 'string') errors.push(...checkString(value, schema, path))
  else if (typeof value === 'number' || typeof value === 'bigint') errors.push(...checkNumber(value, schema, path))
  else if (Array.isArray(value)) errors.push(...checkList(value, old, schema, path))
  const allowed = listAt(schema, 'enum')
  if (allowed.length > 0 && !allowed.some((a) => equal(a, value))) {
    const texts = allowed.map((a) => (typeof a === 'string' ? a : JSON.stringify(a)))
    errors.push(notSupported(place(path), value, texts))
  }
  if (isObject(value)) errors.push(...checkObject(value, old, schema, path))
  return errors
}
