import { hash } from 'node:crypto'
import type { ResourceList } from '../../ads/index.ts'
import type { Key } from './backend.ts'

/** Names of resources with the keys of what they are made from. Equal lists are one object, so that they are watched once. */
export class NameList<R extends Key, V = unknown> implements ResourceList {
  readonly keys: ReadonlyMap<string, R>
  /** Whether one proxy alone has it. */
  readonly isOwn: boolean
  /** Resources that were asked for by a name of this list. For its one user, who also empties it. */
  readonly found = new Map<string, V>()

  /** Replaced by its user whenever a resource of the list changes, or may change unnoticed. */
  revision: object = {}
  #names: readonly string[] | undefined

  constructor(keys: ReadonlyMap<string, R>, isOwn = false) {
    this.keys = keys
    this.isOwn = isOwn
  }

  get names(): readonly string[] {
    this.#names ??= [...this.keys.keys()]
    return this.#names
  }
}

/** Makes lists, of which equal ones are the same object for as long as somebody holds it. */
export class NameLists<R extends Key, V = unknown> {
  readonly #known = new Map<string, WeakRef<NameList<R, V>>>()
  readonly #gone = new FinalizationRegistry<string>((digest) => {
    if (!this.#known.get(digest)?.deref()) this.#known.delete(digest)
  })

  /** Lists of different spaces are never the same. Of several resources with one name the first counts. */
  of(space: string, entries: Iterable<{ readonly name: string; readonly key: R }>, isOwn = false): NameList<R, V> {
    const keys = new Map<string, R>()
    for (const { name, key } of entries) if (!keys.has(name)) keys.set(name, key)
    let text = `${space}\n`
    for (const [name, key] of keys) text += `${name}\n${key.text}\n`
    const digest = hash('sha256', text, 'base64')
    const known = this.#known.get(digest)?.deref()
    if (known) return known
    const made = new NameList<R, V>(keys, isOwn)
    this.#known.set(digest, new WeakRef(made))
    this.#gone.register(made, digest)
    return made
  }
}

/** Names that two states of a list do not have in common, or have from different keys. */
export function changedNames(before: ReadonlyMap<string, Key>, after: ReadonlyMap<string, Key>): string[] {
  if (before === after) return []
  const changed: string[] = []
  for (const [name, key] of before) if (after.get(name)?.text !== key.text) changed.push(name)
  for (const name of after.keys()) if (!before.has(name)) changed.push(name)
  return changed
}

const noKeys: ReadonlyMap<string, Key> = new Map()

/**
 * What changes for those who are shown other lists than before: list by list, so that what most of them have in common
 * is looked at once. A name that stands in several lists may be told though nothing changes for it.
 */
export class ListChanges {
  readonly #known = new Map<unknown, Map<unknown, readonly string[]>>()

  names<R extends Key, V>(before: readonly NameList<R, V>[], after: readonly NameList<R, V>[]): string[] {
    const changed: string[] = []
    for (let at = 0; at < Math.max(before.length, after.length); at++) changed.push(...this.#of(before[at], after[at]))
    return changed
  }

  #of<R extends Key, V>(before: NameList<R, V> | undefined, after: NameList<R, V> | undefined): readonly string[] {
    if (before === after) return []
    const ofBefore = this.#known.get(before) ?? new Map<unknown, readonly string[]>()
    this.#known.set(before, ofBefore)
    let names = ofBefore.get(after)
    if (!names) {
      names = changedNames(before?.keys ?? noKeys, after?.keys ?? noKeys)
      ofBefore.set(after, names)
    }
    return names
  }
}
