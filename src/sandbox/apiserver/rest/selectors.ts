// Label and field selectors, as text in requests and as objects in specs.
import { badRequest } from '../errors.ts'
import { type JsonObject, type JsonValue, listAt, objectAt, objectsAt, stringMap, textAt } from '../json.ts'
import { isLabelValue, isQualifiedName } from './names.ts'

export interface Requirement {
  readonly key: string
  readonly operator: '=' | '!=' | 'in' | 'notin' | 'exists' | '!' | '>' | '<'
  readonly values: readonly string[]
}

export type LabelSelector = readonly Requirement[]

/** Reads `a=b,c!=d,e in (f,g),h,!i`. Throws ApiError. */
export function parseLabelSelector(text: string): LabelSelector {
  const fail = (why: string): Error => badRequest(`unable to parse requirement: ${why}`)
  const requirements: Requirement[] = []
  for (const part of splitOutsideParentheses(text)) {
    const item = part.trim()
    if (!item) {
      if (text.trim() === '') continue
      throw fail("found '', expected: identifier")
    }
    requirements.push(parseRequirement(item, fail))
  }
  for (const { key, values } of requirements) {
    const [bad] = isQualifiedName(key)
    if (bad) throw fail(`<nil>: Invalid value: "${key}": ${bad}`)
    for (const value of values) {
      const [why] = isLabelValue(value)
      if (why) throw fail(`values[0][${key}]: Invalid value: "${value}": ${why}`)
    }
  }
  return requirements
}

function parseRequirement(item: string, fail: (why: string) => Error): Requirement {
  const set = /^([^\s=!<>(),]+)\s+(in|notin)\s*\((.*)\)$/.exec(item)
  if (set) {
    const values = (set[3] ?? '').split(',').map((v) => v.trim())
    return { key: set[1] ?? '', operator: set[2] as 'in' | 'notin', values }
  }
  const absent = /^!\s*([^\s=!<>(),]+)$/.exec(item)
  if (absent) return { key: absent[1] ?? '', operator: '!', values: [] }
  const comparison = /^([^\s=!<>(),]+)\s*(==|=|!=|>|<)\s*([^\s=!<>(),]*)$/.exec(item)
  if (comparison) {
    const operator = comparison[2] === '==' ? '=' : (comparison[2] as '=' | '!=' | '>' | '<')
    return { key: comparison[1] ?? '', operator, values: [comparison[3] ?? ''] }
  }
  if (/^[^\s=!<>(),]+$/.test(item)) return { key: item, operator: 'exists', values: [] }
  // The first word is taken for a key; the one behind it is none of the operators.
  const behindKey = /^[^\s=!<>(),]+\s+([^\s=!<>(),]+)/.exec(item)?.[1]
  throw fail(`found '${behindKey ?? item}', expected: in, notin, =, ==, !=, gt, lt`)
}

function splitOutsideParentheses(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (c === '(') depth++
    else if (c === ')') depth--
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  return [...parts, text.slice(start)]
}

export function matchesLabels(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  return selector.every(({ key, operator, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined
    switch (operator) {
      case '=':
      case 'in':
        return value !== undefined && values.includes(value)
      case '!=':
      case 'notin':
        return value === undefined || !values.includes(value)
      case 'exists':
        return value !== undefined
      case '!':
        return value === undefined
      default:
        return (
          value !== undefined &&
          (operator === '>' ? Number(value) > Number(values[0]) : Number(value) < Number(values[0]))
        )
    }
  })
}

/** Reads a LabelSelector object (`matchLabels`, `matchExpressions`). */
export function selectorOf(object: JsonObject | undefined): LabelSelector {
  const operators: Record<string, Requirement['operator']> = {
    In: 'in',
    NotIn: 'notin',
    Exists: 'exists',
    DoesNotExist: '!',
  }
  return [
    ...Object.entries(stringMap(objectAt(object, 'matchLabels'))).map(
      ([key, value]): Requirement => ({ key, operator: '=', values: [value] }),
    ),
    ...objectsAt(object, 'matchExpressions').map((e): Requirement => {
      const values = listAt(e, 'values').filter((v) => typeof v === 'string')
      return { key: textAt(e, 'key'), operator: operators[textAt(e, 'operator')] ?? 'in', values }
    }),
  ]
}

/** A LabelSelector object as one line: `app=orders,tier in (a,b)`. */
export function selectorText(object: JsonValue | undefined): string {
  const source = objectAt(object)
  if (!source) return '<none>'
  const parts = [...selectorOf(source)]
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ key, operator, values }) => {
      if (operator === 'in' || operator === 'notin') return `${key} ${operator} (${[...values].sort().join(',')})`
      if (operator === 'exists') return key
      return operator === '!' ? `!${key}` : `${key}${operator}${values[0] ?? ''}`
    })
  return parts.length > 0 ? parts.join(',') : '<none>'
}

export interface FieldRequirement {
  readonly field: string
  readonly equal: boolean
  readonly value: string
}

/** Reads `a.b=c,d!=e`; a backslash keeps `,` `=` and `\` in values. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  if (!text) return []
  const parts = text.match(/(?:\\.|[^\\,])+/g) ?? []
  return parts.map((part) => {
    const match = /^((?:\\.|[^\\=!])*)(==|!=|=)((?:\\.|[^\\])*)$/s.exec(part)
    if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`)
    return { field: match[1] ?? '', equal: match[2] !== '!=', value: (match[3] ?? '').replace(/\\(.)/g, '$1') }
  })
}
