// Does a value have the shape that a schema asks for? Says what is wrong in Kubernetes' words, and leaves the wrong
// parts out, so that what comes back can be read with the schema's type.
import type { Place } from './check.ts'
import { durationMs } from './duration.ts'
import type { TSchema } from './schema.ts'

interface Shape {
  readonly type?: string
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly required?: readonly string[]
  readonly items?: TSchema
  readonly additionalProperties?: TSchema
  readonly enum?: readonly unknown[]
  readonly nullable?: boolean
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly 'x-kubernetes-int-or-string'?: boolean
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
  readonly 'x-fairlead-duration'?: string
  readonly 'x-fairlead-groups'?: {
    atMostOne: readonly (readonly string[])[]
    exactlyOne: readonly (readonly string[])[]
  }
}

/**
 * `kubernetes`: as an API server with the CRD judges. `protobuf`: as protobuf's JSON mapping does, for text that no API
 * server has seen (the MeshConfig): snake_case names, numbers as text, null for nothing; unknown fields are a warning.
 */
export type Dialect = 'kubernetes' | 'protobuf'

/** How to judge, and what came of it. */
export interface ShapeOptions {
  readonly dialect?: Dialect
  /** Gets the paths of the parts that were left out or filled in, being wrong or missing. */
  readonly replaced?: string[]
}

interface Context {
  readonly dialect: Dialect
  readonly replaced: string[]
}

const wrong: unique symbol = Symbol('wrong')

/**
 * The value without the parts that the schema does not allow, and with empty values for required parts that are
 * missing, so that it is what the schema's type says; each fault is told at its place. Undefined if nothing is left.
 */
export function checkShape(schema: TSchema, value: unknown, place: Place, options: ShapeOptions = {}): unknown {
  const context = { dialect: options.dialect ?? 'kubernetes', replaced: options.replaced ?? [] }
  const plain = context.dialect === 'protobuf' ? fromProtobuf(schema, value) : value
  const sound = walk(schema as Shape, plain, place, context)
  return sound === wrong ? undefined : sound
}

function walk(shape: Shape, value: unknown, place: Place, context: Context): unknown {
  if (value === null && shape.nullable) return wrong
  if (shape['x-kubernetes-int-or-string'])
    return typeof value === 'string' || Number.isInteger(value) ? value : typeError(place, 'integer or string', value)
  switch (shape.type) {
    case undefined:
      return value
    case 'object':
      return isObject(value) ? walkObject(shape, value, place, context) : typeError(place, 'object', value)
    case 'array':
      return Array.isArray(value) ? walkList(shape, value, place, context) : typeError(place, 'array', value)
    case 'string':
      return typeof value === 'string' ? checkText(shape, value, place) : typeError(place, 'string', value)
    case 'integer':
      return Number.isInteger(value) ? checkNumber(shape, value as number, place) : typeError(place, 'integer', value)
    case 'number':
      return typeof value === 'number' ? checkNumber(shape, value, place) : typeError(place, 'number', value)
    case 'boolean':
      return typeof value === 'boolean' ? value : typeError(place, 'boolean', value)
    default:
      return value
  }
}

function walkObject(shape: Shape, value: Readonly<Record<string, unknown>>, place: Place, context: Context): unknown {
  if (shape['x-kubernetes-preserve-unknown-fields'] && shape.properties === undefined) return value
  const sound: Record<string, unknown> = {}
  for (const [name, inner] of Object.entries(value)) {
    const schema = shape.properties?.[name] ?? shape.additionalProperties
    if (schema !== undefined) {
      const part = walk(schema as Shape, inner, place.field(name), context)
      if (part !== wrong) sound[name] = part
      else context.replaced.push(place.field(name).path)
    } else if (shape['x-kubernetes-preserve-unknown-fields']) sound[name] = inner
    else if (shape.properties !== undefined) {
      const message = unknownField(name, Object.keys(shape.properties))
      if (context.dialect === 'protobuf') place.field(name).warn(message, 'unknown-field')
      else place.field(name).error(message, 'unknown-field')
    }
  }
  checkSize(shape, Object.keys(value).length, place)
  for (const name of shape.required ?? []) {
    if (!(name in value)) {
      place.field(name).error('Required value', 'required')
      context.replaced.push(place.field(name).path)
    }
    if (!(name in sound)) sound[name] = emptyValue(shape.properties?.[name])
  }
  checkGroups(shape, value, place)
  return sound
}

function checkSize(shape: Shape, size: number, place: Place): void {
  const least = shape.minItems ?? shape.minProperties ?? 0
  const most = shape.maxItems ?? shape.maxProperties ?? Number.POSITIVE_INFINITY
  if (size < least) place.error(`must have at least ${least} ${least === 1 ? 'entry' : 'entries'}`)
  if (size > most) place.error(`must have at most ${most} entries`)
}

function checkGroups(shape: Shape, value: Readonly<Record<string, unknown>>, place: Place): void {
  const groups = shape['x-fairlead-groups']
  for (const names of [...(groups?.atMostOne ?? []), ...(groups?.exactlyOne ?? [])]) {
    const given = names.filter((n) => value[n] !== undefined)
    for (const name of given.slice(1))
      place.field(name).error(`${given[0]} is set: only one of ${names.join(', ')} may be`)
  }
  for (const names of groups?.exactlyOne ?? [])
    if (names.every((n) => value[n] === undefined)) place.error(`one of ${names.join(', ')} must be set`, 'required')
}

function walkList(shape: Shape, value: readonly unknown[], place: Place, context: Context): unknown {
  checkSize(shape, value.length, place)
  checkApart(shape['x-kubernetes-list-map-keys'], value, place)
  const { items } = shape
  if (items === undefined) return value
  return value.map((item, index) => {
    const sound = walk(items as Shape, item, place.item(index), context)
    if (sound !== wrong) return sound
    context.replaced.push(place.item(index).path)
    return emptyValue(items)
  })
}

/** Items that are told apart by some of their fields must not be the same in all of them. */
function checkApart(keys: readonly string[] | undefined, items: readonly unknown[], place: Place): void {
  if (keys === undefined) return
  const seen = new Set<string>()
  for (const [index, item] of items.entries()) {
    if (!isObject(item)) continue
    const id = JSON.stringify(keys.map((key) => item[key]))
    const at = place.item(index)
    const [key = ''] = keys
    if (seen.has(id)) (keys.length === 1 ? at.field(key) : at).error(`Duplicate value: ${id.slice(1, -1)}`)
    seen.add(id)
  }
}

/** Stands for a part that is required, or an item of a list, whose own value is missing or wrong. */
export function emptyValue(schema: TSchema | undefined): unknown {
  const shape = (schema ?? {}) as Shape
  switch (shape.type) {
    case 'object':
      return Object.fromEntries((shape.required ?? []).map((name) => [name, emptyValue(shape.properties?.[name])]))
    case 'array':
      return []
    case 'string':
      return shape.enum?.[0] ?? ''
    case 'boolean':
      return false
    default:
      return 0
  }
}

function checkText(shape: Shape, value: string, place: Place): unknown {
  if (shape.enum !== undefined && !shape.enum.includes(value)) {
    const known = shape.enum.map((v) => JSON.stringify(v)).join(', ')
    place.error(`Unsupported value: ${JSON.stringify(value)}: supported values: ${known}`)
    return wrong
  }
  if (shape.pattern !== undefined && !new RegExp(shape.pattern, 'u').test(value)) {
    place.error(`Invalid value: ${JSON.stringify(value)}: must match ${shape.pattern}`)
    return wrong
  }
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = shape
  if (value.length < minLength || value.length > maxLength) {
    place.error(
      value.length < minLength
        ? `must have at least ${minLength} characters`
        : `must have at most ${maxLength} characters`,
    )
    return wrong
  }
  const minimum = shape['x-fairlead-duration']
  return minimum === undefined ? value : checkDuration(minimum, value, place)
}

function checkDuration(minimum: string, value: string, place: Place): unknown {
  const ms = durationMs(value)
  if (ms === undefined) {
    place.error(`Invalid value: ${JSON.stringify(value)}: must be a duration like 5s, 1.5s, 100ms or 1h30m`)
    return wrong
  }
  if (ms < (durationMs(minimum) ?? 0)) {
    place.error(`Invalid value: ${JSON.stringify(value)}: must be at least ${minimum}`)
    return wrong
  }
  if (minimum === '1ms' && !Number.isInteger(ms)) {
    place.error(`Invalid value: ${JSON.stringify(value)}: must be whole milliseconds`)
    return wrong
  }
  return value
}

function checkNumber(shape: Shape, value: number, place: Place): unknown {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = shape
  if (value >= minimum && value <= maximum) return value
  place.error(
    value < minimum
      ? `Invalid value: ${value}: must be greater than or equal to ${minimum}`
      : `Invalid value: ${value}: must be less than or equal to ${maximum}`,
  )
  return wrong
}

/** What protobuf's JSON mapping lets users write, in the form that everything else has. */
export function fromProtobuf(schema: TSchema, value: unknown): unknown {
  const shape = schema as Shape
  if (Array.isArray(value)) return value.map((item) => fromProtobuf(shape.items ?? {}, item))
  if (isObject(value)) {
    const { properties } = shape
    if (properties === undefined && shape.additionalProperties === undefined) return value
    const entries = Object.entries(value).filter(([, inner]) => inner !== null)
    return Object.fromEntries(
      entries.map(([key, inner]) => {
        const name = properties === undefined || key in properties ? key : camelCase(key)
        return [name, fromProtobuf(properties?.[name] ?? shape.additionalProperties ?? {}, inner)]
      }),
    )
  }
  if (
    (shape.type === 'integer' || shape.type === 'number') &&
    typeof value === 'string' &&
    /^-?\d+(\.\d+)?$/.test(value)
  )
    return Number(value)
  if (shape.enum !== undefined && typeof value === 'number') return shape.enum[value] ?? value
  return value
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function typeError(place: Place, wanted: string, value: unknown): typeof wrong {
  place.error(`Invalid value: ${show(value)}: must be of type ${wanted}`, 'wrong-type')
  return wrong
}

function show(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : JSON.stringify(value)
}

function unknownField(name: string, known: readonly string[]): string {
  const plain = (text: string): string => text.replaceAll('_', '').toLowerCase()
  const near = known.find((k) => plain(k) === plain(name)) ?? known.find((k) => nearlyEqual(plain(k), plain(name)))
  return near === undefined
    ? `unknown field ${JSON.stringify(name)}`
    : `unknown field ${JSON.stringify(name)}; did you mean ${near}?`
}

/** Equal but for one letter too many, too few or other; a missing plural is the usual one. */
function nearlyEqual(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1 || Math.min(a.length, b.length) < 3) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++
  return a.length - start - end <= 1 && b.length - start - end <= 1
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
