// x-kubernetes-validations: rules in CEL on any part of a schema.
import { type ASTNode, EvaluationError, ParseError, type ParseResult } from '@marcbachmann/cel-js'
import { type FieldError, shown } from '../errors.ts'
import { equal, isObject, type JsonObject, type JsonValue, objectAt, objectsAt, textAt } from '../json.ts'
import { celEnvironment } from './cel-library.ts'
import { correlate } from './list-types.ts'
import { isTrue, propertySchema } from './prune.ts'

const environment = celEnvironment()
const programs = new Map<string, Rule | Error>()

interface Rule {
  readonly run: ParseResult
  readonly usesOldSelf: boolean
}

/** Compiles an expression once; an Error where it cannot be read. */
function compile(expression: string): Rule | Error {
  let rule = programs.get(expression)
  if (!rule) {
    try {
      const run = environment.parse(expression)
      const checked = run.check()
      rule = checked.valid ? { run, usesOldSelf: mentions(run.ast, 'oldSelf') } : new Error(summary(checked.error))
    } catch (error) {
      rule = new Error(summary(error))
    }
    programs.set(expression, rule)
  }
  return rule
}

const summary = (error: unknown): string => {
  const first = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  return error instanceof ParseError ? `Syntax error: ${first}` : first
}

function mentions(node: unknown, name: string): boolean {
  if (Array.isArray(node)) return node.some((n) => mentions(n, name))
  if (typeof node !== 'object' || node === null || !('op' in node)) return false
  const { op, args } = node as ASTNode
  return (op === 'id' && args === name) || mentions(args, name)
}

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)

/** A property name as expressions spell it; names that no expression can spell stay as they are. */
function escaped(name: string): string {
  if (reserved.has(name)) return `__${name}__`
  return name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__')
}

/** A value as CEL sees it: whole numbers as int, unless the schema says number. */
function toCel(value: JsonValue, schema: JsonObject | undefined): unknown {
  if (typeof value === 'number')
    return Number.isInteger(value) && textAt(schema, 'type') !== 'number' ? BigInt(value) : value
  if (typeof value === 'string') {
    const format = textAt(schema, 'format')
    if (format === 'date-time' || format === 'date') return new Date(value)
    if (format === 'duration') return environmentDuration(value)
    return value
  }
  if (Array.isArray(value)) return value.map((item) => toCel(item, objectAt(schema, 'items')))
  if (!isObject(value)) return value
  const out: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    const isProperty = objectAt(schema, 'properties', key) !== undefined
    out[isProperty ? escaped(key) : key] = toCel(item, propertySchema(schema, key))
  }
  return out
}

const durationOf = celEnvironment().registerVariable('text', 'string').parse('duration(text)')

function environmentDuration(text: string): unknown {
  try {
    return durationOf({ text })
  } catch (error) {
    if (error instanceof EvaluationError) return text
    throw error
  }
}

const rulesOf = (schema: JsonObject): JsonObject[] => objectsAt(schema, 'x-kubernetes-validations')

const hasRulesCache = new WeakMap<JsonObject, boolean>()

/** Whether a schema has rules anywhere. */
export function hasRules(schema: JsonObject | undefined): boolean {
  if (!schema) return false
  let found = hasRulesCache.get(schema)
  if (found === undefined) {
    const properties = Object.values(objectAt(schema, 'properties') ?? {}).filter(isObject)
    const inner = [objectAt(schema, 'items'), objectAt(schema, 'additionalProperties'), ...properties]
    found = rulesOf(schema).length > 0 || inner.some((s) => hasRules(s))
    hasRulesCache.set(schema, found)
  }
  return found
}

const place = (path: string): string => path || '<nil>'

function failure(schema: JsonObject, rule: JsonObject, path: string, message: string): FieldError {
  const at = place(path + (textAt(rule, 'fieldPath') || ''))
  const value = shown(textAt(schema, 'type'))
  switch (textAt(rule, 'reason')) {
    case 'FieldValueForbidden':
      return { field: at, reason: 'FieldValueForbidden', detail: `Forbidden: ${message}` }
    case 'FieldValueRequired':
      return { field: at, reason: 'FieldValueRequired', detail: `Required value: ${message}` }
    case 'FieldValueDuplicate':
      return { field: at, reason: 'FieldValueDuplicate', detail: `Duplicate value: ${value}` }
    default:
      return { field: at, reason: 'FieldValueInvalid', detail: `Invalid value: ${value}: ${message}` }
  }
}

const messageOf = (rule: JsonObject): string =>
  textAt(rule, 'message').trim() || `failed rule: ${textAt(rule, 'rule').trim()}`

function runRule(rule: JsonObject, schema: JsonObject, context: Context, path: string): FieldError | undefined {
  const invalid = (why: string): FieldError => ({
    field: place(path),
    reason: 'FieldValueInvalid',
    detail: `Invalid value: ${shown(textAt(schema, 'type'))}: ${why}`,
  })
  const compiled = compile(textAt(rule, 'rule').trim())
  if (compiled instanceof Error) return invalid(`rule compile error: compilation failed: ${compiled.message}`)
  const optional = rule['optionalOldSelf'] === true
  if (compiled.usesOldSelf && context.oldSelf === undefined && !optional) return undefined
  const variables = { self: context.self, oldSelf: optional ? optionalOf(context.oldSelf) : (context.oldSelf ?? null) }
  try {
    if (compiled.run(variables) === true) return undefined
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const why = (error.message.split('\n')[0] ?? '').replace(/^No such key/, 'no such key')
    return invalid(`${why} evaluating rule: ${textAt(rule, 'message').trim() || textAt(rule, 'rule').trim()}`)
  }
  return failure(schema, rule, path, expressed(rule, variables) ?? messageOf(rule))
}

/** The message that a messageExpression gives; undefined where it gives none that can be shown. */
function expressed(rule: JsonObject, variables: Record<string, unknown>): string | undefined {
  const expression = textAt(rule, 'messageExpression').trim()
  if (!expression) return undefined
  const compiled = compile(expression)
  if (compiled instanceof Error) return undefined
  try {
    const message: unknown = compiled.run(variables)
    return typeof message === 'string' && message.trim() !== '' && !/[\r\n]/.test(message) ? message.trim() : undefined
  } catch (error) {
    // The API falls back to the rule's plain message, too.
    if (error instanceof Error) return undefined
    throw error
  }
}

const makeOptional = celEnvironment().registerVariable('value', 'dyn').parse('optional.of(value)')
const makeNone = celEnvironment().parse('optional.none()')
const optionalOf = (value: unknown): unknown => (value === undefined ? makeNone({}) : makeOptional({ value }))

interface Context {
  readonly self: unknown
  readonly oldSelf: unknown
}

/** Checks the rules of a schema and of all below it. `old` is the value of before, where there is one. */
export function checkRules(
  value: JsonValue,
  old: JsonValue | undefined,
  schema: JsonObject | undefined,
  path: string,
): FieldError[] {
  if (!schema || value === null || !hasRules(schema)) return []
  const errors: FieldError[] = []
  const rules = rulesOf(schema)
  const before = old === null ? undefined : old
  if (rules.length > 0) {
    const context: Context = {
      self: toCel(value, schema),
      oldSelf: before === undefined ? undefined : toCel(before, schema),
    }
    const unchanged = before !== undefined && equal(value, before)
    for (const rule of rules) {
      const error = runRule(rule, schema, context, path)
      // What failed before and did not change may stay.
      if (error && !(unchanged && !usesOldSelf(rule))) errors.push(error)
    }
  }
  if (Array.isArray(value)) {
    const counterpart = correlate(before, schema)
    const items = objectAt(schema, 'items')
    value.forEach((item, i) => errors.push(...checkRules(item, counterpart(item), items, `${path}[${i}]`)))
  } else if (isObject(value)) {
    const oldObject = isObject(before) ? before : undefined
    for (const [key, item] of Object.entries(value)) {
      const isProperty = objectAt(schema, 'properties', key) !== undefined
      const at = isProperty ? (path ? `${path}.${key}` : key) : `${path}[${key}]`
      errors.push(...checkRules(item, oldObject?.[key], propertySchema(schema, key), at))
    }
  }
  return errors
}

function usesOldSelf(rule: JsonObject): boolean {
  const compiled = compile(textAt(rule, 'rule').trim())
  return !(compiled instanceof Error) && compiled.usesOldSelf
}

/** What is wrong with a rule's expression on a schema; undefined where nothing is. */
export function ruleProblem(expression: string, schema: JsonObject, isRoot: boolean): string | undefined {
  const compiled = compile(expression)
  if (compiled instanceof Error) return `compilation failed: ERROR: <input>:1:1: ${compiled.message}`
  const missing = undefinedField(compiled.run.ast, isRoot ? withMeta(schema) : schema)
  if (!missing) return undefined
  const column = missing.column + 1
  const line = expression.split('\n')[0] ?? ''
  return `compilation failed: ERROR: <input>:1:${column}: undefined field '${missing.name}'\n | ${line}\n | ${'.'.repeat(Math.max(0, column - 1))}^`
}

const withMeta = (schema: JsonObject): JsonObject => ({
  ...schema,
  properties: {
    ...objectAt(schema, 'properties'),
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object', properties: { name: { type: 'string' }, generateName: { type: 'string' } } },
  },
})

interface MissingField {
  readonly name: string
  readonly column: number
}

/** The first field that an expression reads and the schema does not have. */
function undefinedField(node: unknown, self: JsonObject): MissingField | undefined {
  if (Array.isArray(node)) {
    for (const n of node) {
      const found = undefinedField(n, self)
      if (found) return found
    }
    return undefined
  }
  if (typeof node !== 'object' || node === null || !('op' in node)) return undefined
  const { op, args } = node as ASTNode
  if (op === '.') {
    const [subject, name] = args
    const schema = schemaAt(subject, self)
    const properties = objectAt(schema, 'properties')
    const isClosed =
      properties &&
      !isTrue(schema, 'x-kubernetes-preserve-unknown-fields') &&
      !isObject(schema?.['additionalProperties'])
    if (isClosed && !Object.keys(properties).some((p) => escaped(p) === name)) {
      return { name, column: (node as ASTNode).input.indexOf(`.${name}`, subject.end - 1) }
    }
  }
  return undefinedField(args, self)
}

/** The schema of what a node reads, as far as it can be told. */
function schemaAt(node: ASTNode, self: JsonObject): JsonObject | undefined {
  if (node.op === 'id') return node.args === 'self' || node.args === 'oldSelf' ? self : undefined
  if (node.op === '.') {
    const parent = schemaAt(node.args[0], self)
    const property = Object.keys(objectAt(parent, 'properties') ?? {}).find((p) => escaped(p) === node.args[1])
    return property === undefined ? objectAt(parent, 'additionalProperties') : objectAt(parent, 'properties', property)
  }
  if (node.op === '[]') {
    const parent = schemaAt(node.args[0], self)
    return objectAt(parent, 'items') ?? objectAt(parent, 'additionalProperties')
  }
  return undefined
}
