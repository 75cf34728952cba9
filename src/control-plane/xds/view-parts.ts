// What views keep: keys of their queries, and what is in use.
import type { Problem } from '../../report/index.ts'
import type { Key } from './backend.ts'
import type { Told } from './changes.ts'
import type { NameList } from './name-list.ts'
import { type Removal, XdsResource } from './xds-resource.ts'

export interface ProxyKey<P> {
  /** One connection; its proxy never changes. */
  readonly id: number
  readonly primary: string
  readonly typeUrl: string
  readonly proxy: P
}

export interface ListKey<L> {
  readonly primary: string
  readonly typeUrl: string
  readonly list: L
}

export interface ResourceKey<R> {
  readonly primary: string
  readonly typeUrl: string
  readonly name: string
  readonly resource: R
}

/** A resource that somebody has asked for. */
export interface Watched<R> {
  readonly key: ResourceKey<R>
  made: XdsResource | Removal | undefined
}

/** What proxies are given of it. */
export function givenOf<R>({ made }: Watched<R>): XdsResource | undefined {
  return made instanceof XdsResource ? made : undefined
}

export type Names<R extends Key> = NameList<R, Watched<R>>

/** A list that proxies have now. */
export interface ListView<L, R extends Key> {
  readonly key: ListKey<L>
  names: Names<R>
  readonly users: Set<ProxyView<L, R>>
}

/** What is asked of a proxy beside its resources. */
export interface ProxyFacts {
  /** Ids of the patches that its resources are to get. */
  readonly patches: readonly string[]
  readonly problems: readonly Problem[]
}

/** One connected proxy: its lists by type. */
export interface ProxyView<L, R extends Key> extends Told {
  readonly id: number
  readonly lists: Map<string, readonly ListView<L, R>[]>
  readonly primary: string
  /** None of stand-ins. */
  facts: ProxyFacts | undefined
}
