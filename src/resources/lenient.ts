// Reading objects whose API is protobuf's JSON form: what the original decoder took is taken too (snake_case names, enum
// values in any case or by number, whole numbers as text, Go's durations), and what comes out has one form only.
import Type from 'typebox'
import type { Problem } from '../report/index.ts'
import { collect, type Place } from './check.ts'
import { durationMs } from './duration.ts'
import type { KindDefinition } from './kind.ts'
import { type KubeObject, refOf } from './kube-object.ts'
import type { Static, TSchema } from './schema.ts'
import { isObject } from './shape.ts'

/** An enum of protobuf. Its values stand in the order of their numbers; the first one is the default. */
export function enumeration<const V extends readonly string[]>(values: V, description?: string) {
  return Type.Unsafe<V[number]>({
    'x-kubernetes-int-or-string': true,
    'x-fairlead-enum': [...values],
    ...(description !== undefined && { description: `${description} One of ${values.join(', ')}.` }),
  })
}

/** protobuf's Duration; what is read is in whole or broken seconds (`90s`, `0.25s`). */
export function protoDuration(description?: string) {
  return Type.String({ 'x-fairlead-proto-duration': true, ...(description !== undefined && { description }) })
}

/** protobuf's int64, which is printed as text. */
export function int64(description?: string) {
  return Type.Unsafe<string>({
    'x-kubernetes-int-or-string': true,
    'x-fairlead-int64': true,
    ...(description !== undefined && { description }),
  })
}

/** The schema, for a CRD whose objects keep unknown fields, so that they can be told of in the status. */
export function keepUnknownFields<S extends TSchema>(schema: S): S {
  const copy: Record<string, unknown> = { ...(schema as object) }
  const { properties, items, additionalProperties } = schema as Shape
  if (properties !== undefined) {
    copy['properties'] = Object.fromEntries(
      Object.entries(properties).map(([name, inner]) => [name, keepUnknownFields(inner)]),
    )
    copy['x-kubernetes-preserve-unknown-fields'] = true
  }
  if (items !== undefined) copy['items'] = keepUnknownFields(items)
  if (additionalProperties !== undefined) copy['additionalProperties'] = keepUnknownFields(additionalProperties)
  // The schema was copied as it is; only a mark that its type does not show was added.
  return copy as unknown as S
}

/** What an object says, in its one form, and what is wrong with it by itself. */
export interface LenientReading<Spec> {
  readonly spec: Spec
  readonly problems: readonly Problem[]
}

/** Reads an object of a kind whose API is protobuf's JSON form. */
export function readKind<Spec extends TSchema>(
  kind: KindDefinition<Spec>,
  object: KubeObject,
  cluster: string,
): LenientReading<Static<Spec>> {
  let spec: Static<Spec> = {} as Static<Spec>
  const problems = collect(refOf(cluster, object), (root) => {
    // What was read has the schema's form.
    spec = (readLenient(kind.spec, object.spec ?? {}, root.field('spec')) ?? {}) as Static<Spec>
    kind.checkFields(root, { ...object, spec })
  })
  return { spec, problems }
}

interface Shape {
  readonly type?: string
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly required?: readonly string[]
  readonly items?: TSchema
  readonly additionalProperties?: TSchema
  readonly minimum?: number
  readonly maximum?: number
  readonly 'x-fairlead-enum'?: readonly string[]
  readonly 'x-fairlead-proto-duration'?: boolean
  readonly 'x-fairlead-int64'?: boolean
  readonly 'x-fairlead-groups'?: { readonly atMostOne: readonly (readonly string[])[] }
}

const wrong: unique symbol = Symbol('wrong')

/**
 * The value in its one form. Wrong types and values are errors, and left out; unknown fields are warnings, since the
 * API that is followed here drops them without a word. Undefined if nothing is left.
 */
export function readLenient(schema: TSchema, value: unknown, place: Place): unknown {
  const read = walk(schema as Shape, value, place)
  return read === wrong ? undefined : read
}

function walk(shape: Shape, value: unknown, place: Place): unknown {
  if (value === null || value === undefined) return wrong
  if (shape['x-fairlead-enum']) return readEnum(shape['x-fairlead-enum'], value, place)
  if (shape['x-fairlead-int64']) return readNumber(shape, value, place, (n) => String(n))
  switch (shape.type) {
    case 'object':
      return isObject(value) ? readObject(shape, value, place) : typeError(place, 'object', value)
    case 'array':
      return Array.isArray(value)
        ? value.map((item, i) => walk(shape.items as Shape, item, place.item(i))).filter((item) => item !== wrong)
        : typeError(place, 'array', value)
    case 'string':
      if (typeof value !== 'string') return typeError(place, 'string', value)
      return shape['x-fairlead-proto-duration'] ? readDuration(value, place) : value
    case 'integer':
    case 'number':
      return readNumber(shape, value, place, (n) => n)
    case 'boolean':
      return typeof value === 'boolean' ? value : typeError(place, 'boolean', value)
    default:
      return value
  }
}

function readObject(shape: Shape, value: Readonly<Record<string, unknown>>, place: Place): unknown {
  const { properties, additionalProperties } = shape
  const read: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    const name = properties === undefined || key in properties ? key : camelCase(key)
    const inner = properties?.[name] ?? additionalProperties
    if (inner !== undefined) {
      const part = walk(inner as Shape, item, place.field(name))
      if (part !== wrong) read[name] = part
    } else if (properties !== undefined) {
      place
        .field(key)
        .warn(
          `unknown field ${JSON.stringify(key)}; it has no effect${hint(key, Object.keys(properties))}`,
          'unknown-field',
        )
    } else read[key] = item
  }
  for (const name of shape.required ?? []) if (!(name in read)) place.field(name).error('Required value', 'required')
  for (const names of shape['x-fairlead-groups']?.atMostOne ?? []) {
    const given = names.filter((name) => read[name] !== undefined)
    if (given.length > 1) place.error(`only one of ${names.join(', ')} may be set, not ${given.join(' and ')}`)
  }
  return read
}

function readEnum(values: readonly string[], value: unknown, place: Place): unknown {
  const byNumber = typeof value === 'number' ? values[value] : undefined
  const byName = typeof value === 'string' ? values.find((known) => plain(known) === plain(value)) : undefined
  const found = byNumber ?? byName
  if (found !== undefined) return found
  if (typeof value !== 'string' && typeof value !== 'number') return typeError(place, 'string', value)
  place.error(
    `Unsupported value: ${JSON.stringify(value)}: supported values: ${values.map((v) => JSON.stringify(v)).join(', ')}`,
  )
  return wrong
}

function readNumber<T>(shape: Shape, value: unknown, place: Place, form: (number: number) => T): T | typeof wrong {
  const number = typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value
  const whole = shape.type === 'integer' || shape['x-fairlead-int64'] === true
  if (typeof number !== 'number' || (whole && !Number.isInteger(number)))
    return typeError(place, whole ? 'integer' : 'number', value)
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = shape
  if (number >= minimum && number <= maximum) return form(number)
  place.error(`Invalid value: ${number}: must be between ${minimum} and ${maximum}`)
  return wrong
}

function readDuration(value: string, place: Place): unknown {
  const ms = durationMs(value)
  if (ms !== undefined) return `${Number((ms / 1000).toFixed(9))}s`
  place.error(`Invalid value: ${JSON.stringify(value)}: must be a duration like 5s, 0.5s, 100ms or 1m30s`)
  return wrong
}

function typeError(place: Place, wanted: string, value: unknown): typeof wrong {
  const shown = Array.isArray(value) ? 'a list' : isObject(value) ? 'an object' : JSON.stringify(value)
  place.error(`Invalid value: ${shown}: must be of type ${wanted}`, 'wrong-type')
  return wrong
}

const camelCase = (name: string): string => name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
const plain = (text: string): string => text.replaceAll('_', '').toLowerCase()

function hint(name: string, known: readonly string[]): string {
  const near = known.find(
    (other) => plain(other) === plain(name) || plain(other) === `${plain(name)}s` || `${plain(other)}s` === plain(name),
  )
  return near === undefined ? '' : `; did you mean ${near}?`
}
