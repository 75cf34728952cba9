import type { CelRule, TSchema } from './schema.ts'

/** A schema as `apiextensions.k8s.io/v1` takes it. */
export type StructuralSchema = Readonly<Record<string, unknown>>

interface Groups {
  readonly atMostOne: readonly (readonly string[])[]
  readonly exactlyOne: readonly (readonly string[])[]
}

/** The structural schema (OpenAPI v3 as CRDs allow it) of a schema: without typebox's marks and our own annotations. */
export function structural(schema: TSchema): StructuralSchema {
  return convert(schema, 'once')
}

/** Whether a place occurs once in an object, or once for each item of a list or map. */
type Occurs = 'once' | 'many'

function convert(schema: TSchema, occurs: Occurs): StructuralSchema {
  const plain: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(schema as Record<string, unknown>)) {
    if (key.startsWith('x-fairlead-')) continue
    if (key === 'properties')
      plain[key] = Object.fromEntries(
        Object.entries(value as Record<string, TSchema>).map(([n, s]) => [n, convert(s, occurs)]),
      )
    else if ((key === 'items' || key === 'additionalProperties') && typeof value === 'object')
      plain[key] = convert(value as TSchema, 'many')
    else if (key === 'required' && Array.isArray(value) && value.length === 0) continue
    else plain[key] = value
  }
  return withAffordableRules(occurs === 'many' ? withoutOwnRules(schema, plain) : plain, occurs)
}

/** Without rules that only a place which occurs once can afford, and without our marks on the others. */
function withAffordableRules(plain: StructuralSchema, occurs: Occurs): StructuralSchema {
  const { 'x-kubernetes-validations': rules, ...rest } = plain as { 'x-kubernetes-validations'?: readonly CelRule[] }
  if (rules === undefined) return plain
  const kept = rules
    .filter(({ costly }) => occurs === 'once' || !costly)
    .map(({ rule, message }) => ({ rule, message }))
  return kept.length > 0 ? { ...rest, 'x-kubernetes-validations': kept } : rest
}

/** Go's form of a duration, as far as a pattern can say it. */
const durationPattern = String.raw`^([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)([0-9.]+(ns|us|µs|ms|s|m|h))*$`

/**
 * API servers estimate what CEL rules may cost for the longest lists that fit into a request, and refuse a CRD whose
 * rules in lists may cost too much. There, groups of fields are said by `oneOf`, and durations without a minimum by a
 * pattern: both cost nothing, and their messages say less (Istio's own CRDs do the same). Rules that a kind adds itself stay.
 */
function withoutOwnRules(schema: TSchema, plain: Record<string, unknown>): StructuralSchema {
  const { 'x-kubernetes-validations': rules = [], ...rest } = plain as { 'x-kubernetes-validations'?: unknown[] }
  const groups = (schema as { 'x-fairlead-groups'?: Groups })['x-fairlead-groups']
  const isDuration = (schema as { 'x-fairlead-duration'?: string })['x-fairlead-duration'] === '0s'
  const count = isDuration ? 1 : (groups?.atMostOne.length ?? 0) + (groups?.exactlyOne.length ?? 0)
  if (count === 0) return plain
  const own = rules.slice(count) // The rules of groups and durations come first.
  return {
    ...rest,
    ...(isDuration ? { pattern: durationPattern } : saidByOneOf(groups)),
    ...(own.length > 0 ? { 'x-kubernetes-validations': own } : {}),
  }
}

function saidByOneOf(groups: Groups | undefined): StructuralSchema {
  const one = (names: readonly string[]): StructuralSchema[] => names.map((name) => ({ required: [name] }))
  const said = [
    ...(groups?.atMostOne ?? []).map((names) => ({ oneOf: [{ not: { anyOf: one(names) } }, ...one(names)] })),
    ...(groups?.exactlyOne ?? []).map((names) => ({ oneOf: one(names) })),
  ]
  return said.length === 1 && said[0] !== undefined ? said[0] : { allOf: said }
}
