// The JSON paths of printer columns: `.a.b`, `['a.b']`, `[0]`, `[*]`, `[?(@.type=="Ready")]`, `..a`.
import { equal, isObject, type JsonValue, parseJson } from '../json.ts'

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'descend'; readonly name: string }
  | { readonly kind: 'filter'; readonly path: readonly Step[]; readonly operator: string; readonly value: JsonValue }

export type JsonPath = readonly Step[]

/** Reads a path; undefined where it is none. */
export function parsePath(text: string): JsonPath | undefined {
  const steps: Step[] = []
  let rest = text
    .trim()
    .replace(/^\{(.*)\}$/, '$1')
    .replace(/^[$@]/, '')
  while (rest) {
    if (rest.startsWith('.[')) rest = rest.slice(1)
    const match =
      /^\.\.([\w-]+)/.exec(rest) ??
      /^\.((?:[^.[\]\\]|\\.)+)/.exec(rest) ??
      /^\[\s*(-?\d+|\*|'[^']*'|"[^"]*")\s*\]/.exec(rest) ??
      /^\[\?\(\s*@((?:\.[\w-]+)+)\s*(?:(==|!=|<=|>=|<|>)\s*("[^"]*"|'[^']*'|[^\s)]+)\s*)?\)\]/.exec(rest) ??
      (rest === '.' ? /^\./.exec(rest) : null)
    if (!match) return undefined
    const step = stepOf(match)
    if (step) steps.push(step)
    rest = rest.slice(match[0].length)
  }
  return steps
}

function stepOf(match: RegExpExecArray): Step | undefined {
  const [whole, first = '', operator, value] = match
  if (whole === '.') return undefined
  if (whole.startsWith('..')) return { kind: 'descend', name: first }
  if (whole.startsWith('.')) {
    const name = first.replace(/\\(.)/g, '$1')
    return name === '*' ? { kind: 'all' } : { kind: 'field', name }
  }
  if (whole.startsWith('[?')) {
    return {
      kind: 'filter',
      path: parsePath(first) ?? [],
      operator: operator ?? 'exists',
      value: operator ? literal(value ?? '') : null,
    }
  }
  if (first === '*') return { kind: 'all' }
  return /^-?\d+$/.test(first) ? { kind: 'index', index: Number(first) } : { kind: 'field', name: first.slice(1, -1) }
}

function literal(text: string): JsonValue {
  if (/^['"]/.test(text)) return text.slice(1, -1)
  try {
    return parseJson(text)
  } catch {
    return text
  }
}

const childrenOf = (value: JsonValue): JsonValue[] =>
  Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []

function take(value: JsonValue, step: Step): JsonValue[] {
  switch (step.kind) {
    case 'field': {
      const found = isObject(value) && Object.hasOwn(value, step.name) ? value[step.name] : undefined
      return found === undefined ? [] : [found]
    }
    case 'index': {
      const found = Array.isArray(value) ? value.at(step.index) : undefined
      return found === undefined ? [] : [found]
    }
    case 'all':
      return childrenOf(value)
    case 'descend':
      return childrenOf(value)
        .flatMap((child) => take(child, step))
        .concat(take(value, { kind: 'field', name: step.name }))
    case 'filter':
      return childrenOf(value).filter((child) => holds(child, step))
    default:
      return []
  }
}

function holds(child: JsonValue, { path, operator, value }: Extract<Step, { kind: 'filter' }>): boolean {
  const [found] = resultsOf(child, path)
  if (operator === 'exists') return found !== undefined
  if (found === undefined) return false
  if (operator === '==') return equal(found, value)
  if (operator === '!=') return !equal(found, value)
  const [a, b] = [Number(found), Number(value)]
  return operator === '<' ? a < b : operator === '>' ? a > b : operator === '<=' ? a <= b : a >= b
}

/** All values at a path. */
export function resultsOf(value: JsonValue, path: JsonPath): JsonValue[] {
  return path.reduce<JsonValue[]>((values, step) => values.flatMap((v) => take(v, step)), [value])
}
