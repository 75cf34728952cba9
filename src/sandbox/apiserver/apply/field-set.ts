// A set of field paths: who owns what, as `managedFields` writes it (FieldsV1).
// A path element is kept as FieldsV1 spells it: `f:name`, `k:{"name":"x"}`, `v:"a"`, `i:0`.
import { compareText } from '../../../lib/index.ts'
import { isObject, type JsonObject, type JsonValue, parseJson, writeJson } from '../json.ts'

export type PathElement = string

export const fieldElement = (name: string): PathElement => `f:${name}`
export const valueElement = (value: JsonValue): PathElement => `v:${writeJson(value)}`

/** The element of a list item by its key fields, in alphabetical order. */
export function keyElement(keys: JsonObject): PathElement {
  const sorted: JsonObject = {}
  for (const key of Object.keys(keys).sort()) sorted[key] = keys[key] as JsonValue
  return `k:${writeJson(sorted)}`
}

export class FieldSet {
  readonly members = new Set<PathElement>()
  readonly children = new Map<PathElement, FieldSet>()

  get isEmpty(): boolean {
    if (this.members.size > 0) return false
    for (const child of this.children.values()) if (!child.isEmpty) return false
    return true
  }

  child(element: PathElement): FieldSet {
    let child = this.children.get(element)
    if (!child) {
      child = new FieldSet()
      this.children.set(element, child)
    }
    return child
  }

  insert(path: readonly PathElement[]): void {
    const [first, ...rest] = path
    if (first === undefined) return
    if (rest.length === 0) this.members.add(first)
    else this.child(first).insert(rest)
  }

  has(path: readonly PathElement[]): boolean {
    const [first, ...rest] = path
    if (first === undefined) return false
    return rest.length === 0 ? this.members.has(first) : (this.children.get(first)?.has(rest) ?? false)
  }

  union(other: FieldSet): FieldSet {
    const out = new FieldSet()
    for (const m of this.members) out.members.add(m)
    for (const m of other.members) out.members.add(m)
    for (const [key, child] of this.children) {
      const theirs = other.children.get(key)
      out.children.set(key, theirs ? child.union(theirs) : child)
    }
    for (const [key, child] of other.children) if (!out.children.has(key)) out.children.set(key, child)
    return out
  }

  intersection(other: FieldSet): FieldSet {
    const out = new FieldSet()
    for (const m of this.members) if (other.members.has(m)) out.members.add(m)
    for (const [key, child] of this.children) {
      const theirs = other.children.get(key)
      const both = theirs && child.intersection(theirs)
      if (both && !both.isEmpty) out.children.set(key, both)
    }
    return out
  }

  difference(other: FieldSet): FieldSet {
    const out = new FieldSet()
    for (const m of this.members) if (!other.members.has(m)) out.members.add(m)
    for (const [key, child] of this.children) {
      const theirs = other.children.get(key)
      const rest = theirs ? child.difference(theirs) : child
      if (!rest.isEmpty) out.children.set(key, rest)
    }
    return out
  }

  equals(other: FieldSet): boolean {
    return this.difference(other).isEmpty && other.difference(this).isEmpty
  }

  /** All member paths, in order. */
  paths(): PathElement[][] {
    const out: PathElement[][] = []
    const keys = new Set([...this.members, ...this.children.keys()])
    for (const key of [...keys].sort(compareText)) {
      if (this.members.has(key)) out.push([key])
      for (const path of this.children.get(key)?.paths() ?? []) out.push([key, ...path])
    }
    return out
  }

  toFieldsV1(): JsonObject {
    const out: JsonObject = {}
    const keys = new Set([...this.members, ...this.children.keys()])
    for (const key of [...keys].sort(compareText)) {
      const child = this.children.get(key)
      const written = child && !child.isEmpty ? child.toFieldsV1() : {}
      const both = this.members.has(key) && Object.keys(written).length > 0
      out[key] = both ? { '.': {}, ...written } : written
    }
    return out
  }

  /** Reads FieldsV1; undefined where it is none. */
  static fromFieldsV1(fields: JsonValue | undefined): FieldSet | undefined {
    if (!isObject(fields)) return undefined
    const set = new FieldSet()
    for (const [key, value] of Object.entries(fields)) {
      if (key === '.') continue
      if (!isObject(value)) return undefined
      const element = normal(key)
      if (element === undefined) return undefined
      const inner = Object.keys(value)
      if (inner.length === 0 || inner.includes('.')) set.members.add(element)
      if (inner.some((k) => k !== '.')) {
        const child = FieldSet.fromFieldsV1(value)
        if (!child) return undefined
        set.children.set(element, child)
      }
    }
    return set
  }
}

/** One spelling for elements whose JSON may be written in several ways. */
function normal(element: string): PathElement | undefined {
  if (element.startsWith('f:') || element.startsWith('i:')) return element
  try {
    if (element.startsWith('v:')) return valueElement(parseJson(element.slice(2)))
    if (element.startsWith('k:')) {
      const keys = parseJson(element.slice(2))
      return isObject(keys) ? keyElement(keys) : undefined
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  return undefined
}

/** A path as messages show it: `.spec.containers[name="a"].image`. */
export function pathText(path: readonly PathElement[]): string {
  return path
    .map((element) => {
      const rest = element.slice(2)
      if (element.startsWith('f:')) return `.${rest}`
      if (element.startsWith('v:')) return `[=${rest}]`
      if (element.startsWith('i:')) return `[${rest}]`
      const keys = parseJson(rest)
      const parts = isObject(keys) ? Object.entries(keys).map(([k, v]) => `${k}=${writeJson(v)}`) : []
      return `[${parts.join(',')}]`
    })
    .join('')
}
