import type { World } from '../../discovery/index.ts'
import type { Problem } from '../../report/index.ts'
import type { Removal, XdsResource } from './xds-resource.ts'

/**
 * A key of a memoised result: plain data, of which `text` says all, the name of a resource included. Whoever makes equal
 * keys shares one result.
 */
export interface Key {
  readonly text: string
}

/** One resource of a list: its name on the wire, and what it is made from. Lists of many scopes may name one key. */
export interface Listed<R extends Key> {
  readonly name: string
  readonly key: R
}

/**
 * What proxies are given, in three steps of which each is memoised: which lists a proxy has, what is in a list, and how
 * a resource is made. All three are pure functions of a world. `P` is a proxy as the backend understands it.
 */
export interface Backend<P, L extends Key, R extends Key> {
  /** The lists of a proxy for one type, in the order of sending. Equal proxies share them. */
  lists(world: World, proxy: P, typeUrl: string): readonly L[]
  list(world: World, list: L): readonly Listed<R>[]
  /** Whether a list is one proxy's alone. */
  isOwn?(list: L): boolean
  /** What a name is made from that a list does not have, but knows to make for those who ask. */
  demanded?(list: L, name: string): R | undefined
  /** Ids of the patches that a proxy's resources are to get. */
  patches?(world: World, proxy: P): readonly string[]
  /** What only translation for this proxy can tell of objects. */
  problems?(world: World, proxy: P): readonly Problem[]
  make(world: World, resource: R): XdsResource | Removal | undefined
}
