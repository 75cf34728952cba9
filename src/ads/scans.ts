// What scans of long lists have found: all who begin with nothing are sent the same.
import type { EncodedResource, ResourceList } from './resource.ts'

interface Scanned {
  readonly taken: readonly EncodedResource[]
  readonly next: number
}

interface ScannedList {
  readonly revision: object
  readonly byStart: Map<number, Scanned>
}

/** What was found in lists, by names and list; for as long as the list does not change. */
const scanned = new WeakMap<readonly string[], WeakMap<ResourceList, ScannedList>>()

/** What was found in a list, from a place of it on; undefined if that is not known. */
export function recallScan(names: readonly string[], list: ResourceList, start: number): Scanned | undefined {
  const known = scanned.get(names)?.get(list)
  return known?.revision === list.revision ? known.byStart.get(start) : undefined
}

export function noteScan(names: readonly string[], list: ResourceList, start: number, found: Scanned): void {
  const ofNames = scanned.get(names) ?? new WeakMap<ResourceList, ScannedList>()
  scanned.set(names, ofNames)
  const known = ofNames.get(list)
  const current = known?.revision === list.revision ? known : { revision: list.revision, byStart: new Map() }
  ofNames.set(list, current)
  current.byStart.set(start, found)
}
