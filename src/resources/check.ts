// What checks of objects are written with: a place in the object that knows its path and collects what is wrong there.
import type { Code, ObjectRef, Problem, Severity } from '../report/index.ts'

/**
 * A place in one object. Checks are functions `(place, value) => void` that say at their place what is wrong; they
 * compose, since a place gives out the places inside it.
 */
export class Place {
  readonly path: string
  readonly object: ObjectRef
  readonly #found: Problem[]

  constructor(object: ObjectRef, path: string, found: Problem[]) {
    this.object = object
    this.path = path
    this.#found = found
  }

  /** The field `name` of this object. */
  field(name: string): Place {
    return new Place(this.object, fieldPath(this.path, name), this.#found)
  }

  /** Item `index` of this list. */
  item(index: number): Place {
    return new Place(this.object, `${this.path}[${index}]`, this.#found)
  }

  /** What a path within this object leads to. */
  within(path: string): Place {
    return new Place(this.object, path.startsWith('[') ? `${this.path}${path}` : `${this.path}.${path}`, this.#found)
  }

  /** Runs a check on each item of a list, if there is one. */
  each<T>(items: readonly T[] | undefined, check: (place: Place, item: T, index: number) => void): void {
    for (const [index, item] of (items ?? []).entries()) check(this.item(index), item, index)
  }

  /** Runs a check on each entry of a map, if there is one. */
  entries<T>(
    values: Readonly<Record<string, T>> | undefined,
    check: (place: Place, value: T, key: string) => void,
  ): void {
    for (const [key, value] of Object.entries(values ?? {})) check(this.field(key), value, key)
  }

  /** The part here has no effect because of this. */
  error(message: string, code: Code = 'invalid-value'): void {
    this.#say('error', code, message)
  }

  /** It works, but not as it may look. */
  warn(message: string, code: Code = 'no-effect'): void {
    this.#say('warning', code, message)
  }

  #say(severity: Severity, code: Code, message: string): void {
    this.#found.push({ code, severity, object: this.object, path: this.path, message })
  }
}

/** Runs a check from the root of an object (path "") and returns what it said. */
export function collect(object: ObjectRef, check: (root: Place) => void): Problem[] {
  const found: Problem[] = []
  check(new Place(object, '', found))
  return found
}

/** Path of a field: `a.b`, or `a[b/c]` where the name is no plain word. */
export function fieldPath(path: string, name: string): string {
  if (!/^[A-Za-z_$@][\w$@-]*$/.test(name)) return `${path}[${name}]`
  return path === '' ? name : `${path}.${name}`
}

/** The names and indices of a path, as `fieldPath` and `Place.item` made it. */
export function pathSegments(path: string): string[] {
  return [...path.matchAll(/\[([^\]]*)\]|[^.[]+/g)].map((m) => m[1] ?? m[0])
}
