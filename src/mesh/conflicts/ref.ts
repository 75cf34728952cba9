import type { World } from '../../discovery/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import { refOf } from '../../resources/index.ts'

/** The reference to an object of the primary cluster that a query has found there. */
export function refTo(world: World, kind: string, key: string): ObjectRef {
  const object = world.object(world.primary, kind, key)
  if (object === undefined) throw new Error(`BUG: ${kind} ${key} is listed but not there`)
  return refOf(world.primary, object)
}
