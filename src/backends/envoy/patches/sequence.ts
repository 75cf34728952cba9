// Lists of filters and routes as patches change them.
import type { Operation } from './patch.ts'

/** How one patch changes one list. */
export interface ListChange<T> {
  readonly operation: Operation
  /** Which elements it names; undefined: it names none. */
  readonly named: ((item: T) => boolean) | undefined
  readonly make: () => readonly T[]
}

/**
 * The list after the change; undefined if there was nothing to change. The first element that is named counts. To insert
 * where no element is named means at the end (after) or at the beginning (before); to replace or remove then means nothing.
 */
export function changed<T>(items: readonly T[], { operation, named, make }: ListChange<T>): T[] | undefined {
  const at = named ? items.findIndex(named) : -1
  switch (operation) {
    case 'ADD':
      return [...items, ...make()]
    case 'INSERT_FIRST':
      return [...make(), ...items]
    case 'INSERT_AFTER':
      if (!named) return [...items, ...make()]
      return at < 0 ? undefined : items.toSpliced(at + 1, 0, ...make())
    case 'INSERT_BEFORE':
      if (!named) return [...make(), ...items]
      return at < 0 ? undefined : items.toSpliced(at, 0, ...make())
    case 'REPLACE':
      return at < 0 ? undefined : items.toSpliced(at, 1, ...make())
    case 'REMOVE':
      return at < 0 || !named ? undefined : items.filter((item) => !named(item))
    default:
      return undefined
  }
}
