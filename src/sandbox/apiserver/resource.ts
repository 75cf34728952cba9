// What the server knows of one resource it serves: names, schema, rules. Built-in kinds and CRDs give the same.
import type { FieldError } from './errors.ts'
import type { JsonObject } from './json.ts'
import type { Schema } from './schema/schema.ts'

export interface Names {
  readonly plural: string
  readonly singular: string
  readonly kind: string
  readonly listKind: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
}

/** What a strategy may look at besides the object. */
export interface WriteContext {
  readonly now: string
}

/** The rules of a kind. Objects are of the served version; functions may change `next`, never `old`. */
export interface Strategy {
  /** Fills what a user may leave out. Runs on every object read from a request. */
  defaults?(object: JsonObject): void
  prepareCreate?(next: JsonObject, context: WriteContext): void
  prepareUpdate?(next: JsonObject, old: JsonObject, context: WriteContext): void
  validate?(object: JsonObject, old: JsonObject | undefined): FieldError[]
  /** Rules of the status subresource beyond those of every status. */
  validateStatus?(object: JsonObject, old: JsonObject): FieldError[]
  warnings?(object: JsonObject, old: JsonObject | undefined): string[]
  /** What object names must look like; subdomain names where absent. */
  nameRule?: 'subdomain' | 'label' | 'label1035' | 'path'
  /** Whether a change of anything but metadata and status counts in metadata.generation; `annotations`: of these too. */
  generation?: boolean | 'annotations'
  /** PUT without resourceVersion is refused; where absent, it overwrites. */
  needsVersion?: boolean
  /** PUT of an object that is not there creates it. */
  createOnUpdate?: boolean
  /** Seconds that a deletion gives the object to end; `asked` is what the client wants. 0 where absent. */
  grace?(object: JsonObject, asked: number | undefined): number
  /** Changes an object that was just marked as deleted. */
  onDelete?(object: JsonObject): void
  /** Whether a new object keeps the status that it came with. */
  keepsStatus?: boolean
  /** Whether a deletion answers with the object rather than with a Status. */
  returnsDeleted?: boolean
  /** What deletion does when the client gives no propagation policy. */
  defaultPropagation?: 'Background' | 'Orphan'
}

export interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  readonly format?: string
  readonly description?: string
  /** Columns above 0 show with `-o wide` only. */
  readonly priority?: number
}

export type Cell = string | number | boolean | null | bigint | JsonObject

export interface TablePrinter {
  readonly columns: readonly Column[]
  cells(object: JsonObject): Cell[]
}

export interface ScalePaths {
  readonly specReplicas: readonly string[]
  readonly statusReplicas: readonly string[]
  /** Where the selector stands: a LabelSelector object, or its text. */
  readonly selector?: readonly string[]
}

export interface Resource {
  readonly group: string
  readonly version: string
  readonly names: Names
  readonly namespaced: boolean
  /** Where the objects are kept; versions of one resource (and the two kinds of Event) share it. */
  readonly storage: string
  readonly verbs: readonly string[]
  readonly schema: Schema
  /** Subresources besides `status` and `scale`, by name. */
  readonly hasStatus: boolean
  readonly scale?: ScalePaths
  readonly strategy: Strategy
  readonly table: TablePrinter
  /** Reads a body: types, unknown fields (collected), pruning. Throws DecodeError. */
  decode(body: JsonObject, unknown: string[]): JsonObject
  /** The object as this version shows it, from how it is stored, and back. Identity where absent. */
  fromStorage?(object: JsonObject): JsonObject
  toStorage?(object: JsonObject): JsonObject
  /** Values of the fields that field selectors may name; metadata.name and metadata.namespace are always there. */
  readonly selectable: Readonly<Record<string, (object: JsonObject) => string>>
  /** Text of a refusal of another field selector. */
  badField(field: string): string
  /** Shown as a warning with every answer. */
  readonly deprecation?: string
  /** Whether a custom resource. */
  readonly custom: boolean
}

export const apiVersionOf = (r: { group: string; version: string }): string =>
  r.group ? `${r.group}/${r.version}` : r.version

export const qualified = (r: Resource): { group: string; name: string } => ({ group: r.group, name: r.names.plural })
export const qualifiedKind = (r: Resource): { group: string; name: string } => ({ group: r.group, name: r.names.kind })
