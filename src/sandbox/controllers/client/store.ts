import { type KubeObject, objectKey } from '../../../resources/index.ts'

export type StoreListener<T> = (now: T | undefined, before: T | undefined) => void

/**
 * The last known objects of one resource, with indexes. Fed by a watch and, so that a controller sees its own writes
 * at once, by the answers to those writes: whichever tells of the newer version wins.
 */
export class Store<T extends KubeObject = KubeObject> {
  private readonly objects = new Map<string, T>()
  private readonly indexes = new Map<
    string,
    { of: (object: T) => readonly string[]; entries: Map<string, Set<string>> }
  >()
  private readonly listeners = new Set<StoreListener<T>>()

  get(key: string): T | undefined {
    return this.objects.get(key)
  }

  list(): T[] {
    return [...this.objects.values()]
  }

  keys(): Iterable<string> {
    return this.objects.keys()
  }

  /** Makes an index (once): objects by each of the values that `of` gives. */
  index(name: string, of: (object: T) => readonly string[]): void {
    if (this.indexes.has(name)) return
    const entries = new Map<string, Set<string>>()
    this.indexes.set(name, { of, entries })
    for (const [key, object] of this.objects) for (const value of of(object)) add(entries, value, key)
  }

  by(index: string, value: string): T[] {
    const keys = this.indexes.get(index)?.entries.get(value) ?? []
    return [...keys].flatMap((key) => this.objects.get(key) ?? [])
  }

  /** Calls back after each change, with what is there now (undefined = deleted) and what was before. */
  listen(listener: StoreListener<T>): void {
    this.listeners.add(listener)
  }

  /** Takes in an object as an answer or a watch event told it, unless a newer version is known. */
  put(object: T): void {
    const key = objectKey(object)
    const before = this.objects.get(key)
    if (before && before.metadata.uid === object.metadata.uid && !isNewer(object, before)) return
    this.change(key, object, before)
  }

  /** Takes out an object; with `uid` only if it is that very one. */
  remove(key: string, uid?: string): void {
    const before = this.objects.get(key)
    if (!before || (uid !== undefined && before.metadata.uid !== uid)) return
    this.change(key, undefined, before)
  }

  /** Takes in a whole list: what it lacks is gone. */
  replace(objects: readonly T[]): void {
    const keys = new Set(objects.map(objectKey))
    for (const object of objects) this.put(object)
    for (const key of this.objects.keys()) if (!keys.has(key)) this.remove(key)
  }

  private change(key: string, now: T | undefined, before: T | undefined): void {
    if (now) this.objects.set(key, now)
    else this.objects.delete(key)
    for (const { of, entries } of this.indexes.values()) {
      if (before) for (const value of of(before)) entries.get(value)?.delete(key)
      if (now) for (const value of of(now)) add(entries, value, key)
    }
    for (const listener of this.listeners) listener(now, before)
  }
}

function add(entries: Map<string, Set<string>>, value: string, key: string): void {
  const keys = entries.get(value)
  if (keys) keys.add(key)
  else entries.set(value, new Set([key]))
}

/** Whether `a` is of a later version than `b`. Resource versions of one resource are ordered numbers. */
function isNewer(a: KubeObject, b: KubeObject): boolean {
  const [left, right] = [a.metadata.resourceVersion ?? '0', b.metadata.resourceVersion ?? '0']
  return left.length === right.length ? left > right : left.length > right.length
}
