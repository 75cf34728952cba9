// Constructors of schemas. One expression gives both the TypeScript type (`Static`) and the structural schema of the
// CRD (`structural.ts`), so that what `kubectl apply` accepts and what the code reads cannot drift apart.
// Unlike typebox's own, fields are optional unless they are `required(…)`: that is how Kubernetes and protobuf think.
import Type, { type Static, type TObject, type TOptional, type TSchema } from 'typebox'

export type { Static, TSchema } from 'typebox'

/** A CEL rule of a CRD (`x-kubernetes-validations`): what must hold, and what the user is told if it does not. */
export interface CelRule {
  readonly rule: string
  readonly message: string
  /** Kept only where its place occurs once in an object: in lists API servers would refuse it for what it may cost. */
  readonly costly?: boolean
}

/** What may be said of any field beside its type. */
export interface FieldOptions {
  /** One sentence, shown by `kubectl explain`. */
  readonly description?: string
  readonly default?: unknown
  readonly nullable?: boolean
  readonly rules?: readonly CelRule[]
}

const requiredMark: unique symbol = Symbol('required')
interface Required {
  readonly [requiredMark]: true
}
type Fields = Readonly<Record<string, TSchema>>
type Properties<F extends Fields> = { [K in keyof F]: F[K] extends Required ? F[K] : TOptional<F[K]> }

/** The schema of an object with known fields. */
export type ObjectSchema<F extends Fields = Fields> = TObject<Properties<F>>

interface ObjectOptions<F extends Fields> extends FieldOptions {
  /** Groups of fields of which at most one may be set (protobuf's `oneof`); `exactlyOne` asks for one. */
  readonly atMostOne?: readonly (readonly (keyof F & string)[])[]
  readonly exactlyOne?: readonly (readonly (keyof F & string)[])[]
}

function annotations(options: FieldOptions | undefined): Record<string, unknown> {
  if (options === undefined) return {}
  const { rules, ...rest } = options
  return rules === undefined ? rest : { ...rest, 'x-kubernetes-validations': rules }
}

/** Marks a field of `object` that must be there. */
export function required<S extends TSchema>(schema: S): S & Required {
  return { ...schema, [requiredMark]: true }
}

/** An object with these fields and no others. */
export function object<F extends Fields>(fields: F, options: ObjectOptions<F> = {}): ObjectSchema<F> {
  const { atMostOne = [], exactlyOne = [], rules = [], ...rest } = options
  const has = (names: readonly string[]): string => names.map((n) => `(has(self.${n}) ? 1 : 0)`).join(' + ')
  const oneOf = [
    ...atMostOne.map((names) => ({
      rule: `${has(names)} <= 1`,
      message: `at most one of ${names.join(', ')} may be set`,
    })),
    ...exactlyOne.map((names) => ({
      rule: `${has(names)} == 1`,
      message: `exactly one of ${names.join(', ')} must be set`,
    })),
  ]
  const all = [...oneOf, ...rules]
  const properties = Object.fromEntries(
    Object.entries(fields).map(([name, schema]) => [name, requiredMark in schema ? schema : Type.Optional(schema)]),
  )
  return Type.Object(properties, {
    ...annotations(all.length > 0 ? { ...rest, rules: all } : rest),
    'x-fairlead-groups': { atMostOne, exactlyOne },
  }) as ObjectSchema<F>
}

export function string(options?: FieldOptions & { pattern?: string; minLength?: number; maxLength?: number }) {
  return Type.String(annotations(options))
}

export function boolean(options?: FieldOptions) {
  return Type.Boolean(annotations(options))
}

/** A whole number. `minimum` and `maximum` are inclusive. */
export function integer(options?: FieldOptions & { minimum?: number; maximum?: number }) {
  return Type.Integer(annotations(options))
}

/** protobuf's int32. */
export function int32(options?: FieldOptions & { minimum?: number; maximum?: number }) {
  return Type.Integer({ minimum: -2147483648, maximum: 2147483647, ...annotations(options) })
}

/** protobuf's uint32. */
export function uint32(options?: FieldOptions) {
  return Type.Integer({ minimum: 0, maximum: 4294967295, ...annotations(options) })
}

/** A port, 1 to 65535. */
export function port(options?: FieldOptions) {
  return Type.Integer({ minimum: 1, maximum: 65535, ...annotations(options) })
}

/** A number with or without fraction. */
export function number(options?: FieldOptions & { minimum?: number; maximum?: number }) {
  return Type.Number(annotations(options))
}

/** One of these words. */
export function oneOf<const V extends readonly string[]>(values: V, options?: FieldOptions) {
  return Type.Unsafe<V[number]>({ type: 'string', enum: [...values], ...annotations(options) })
}

/** `keys`: the fields that tell two items apart; two items with the same ones are refused, and they merge by them. */
export function list<S extends TSchema>(
  item: S,
  options: FieldOptions & { minItems?: number; maxItems?: number; keys?: readonly string[] } = {},
) {
  const { keys, ...rest } = options
  const byKeys = keys && { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys }
  return Type.Array(item, { ...annotations(rest), ...byKeys })
}

/** A map from any text to values of one kind. */
export function map<S extends TSchema>(
  value: S,
  options?: FieldOptions & { minProperties?: number; maxProperties?: number },
) {
  return Type.Unsafe<Record<string, Static<S>>>({
    type: 'object',
    additionalProperties: value,
    ...annotations(options),
  })
}

/** `80`, `"80"` or `"http"`. */
export function intOrString(options?: FieldOptions) {
  return Type.Unsafe<number | string>({ 'x-kubernetes-int-or-string': true, ...annotations(options) })
}

/**
 * A length of time as Go writes it (`1.5s`, `2m`, `1h30m`, `100ms`); read it with `durationMs`.
 * `minimum` is inclusive and itself such a text.
 */
export function duration(options: FieldOptions & { minimum?: string } = {}) {
  const { minimum, rules = [], ...rest } = options
  const rule = {
    rule: `duration(self) >= duration('${minimum ?? '0s'}')`,
    message: `must be a duration of ${minimum ?? '0s'} or more, like 5s`,
  }
  return Type.String({ ...annotations({ ...rest, rules: [rule, ...rules] }), 'x-fairlead-duration': minimum ?? '0s' })
}

/** Any object, kept as it is; some of its fields may have a schema. */
export function anyObject(options?: FieldOptions & { properties?: Fields }) {
  return Type.Unsafe<Record<string, unknown>>({
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
    ...annotations(options),
  })
}

/** Any value, kept as it is. */
export function anyValue(options?: FieldOptions) {
  return Type.Unsafe<unknown>({ 'x-kubernetes-preserve-unknown-fields': true, ...annotations(options) })
}
