// What patches and server-side apply need to know of a type, whether built in or defined by a CRD.

export interface Schema {
  readonly kind: 'object' | 'map' | 'list' | 'scalar' | 'any'
  /** Maps, objects and lists that are owned and replaced as a whole. */
  readonly atomic?: boolean
  /** The field of an object; undefined where the type has none of this name. */
  field?(name: string): Field | undefined
  /** Fields of an object, in order. */
  names?(): readonly string[]
  /** What a map or list holds. */
  readonly element?: Schema
  /** Lists whose items are told apart by these fields. */
  readonly keys?: readonly string[]
  /** Values of key fields that an item may leave out. */
  readonly keyDefaults?: Readonly<Record<string, string | number | boolean>>
  /** Lists of distinct scalars. */
  readonly set?: boolean
  /** Objects that may hold fields beyond their own. */
  readonly open?: boolean
}

export interface Field {
  readonly schema: Schema
  /** `patchStrategy` of strategic merge. */
  readonly patch?: readonly string[]
  readonly mergeKey?: string
}

/** Anything: maps are merged, lists are replaced, as the API deduces where a schema says nothing. */
export const anySchema: Schema = { kind: 'any' }
export const scalarSchema: Schema = { kind: 'scalar' }
