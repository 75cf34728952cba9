// Turns the short description of a built-in kind into a Resource.
import { decodeBuiltin } from '../codec/builtin.ts'
import type { JsonObject } from '../json.ts'
import type { Resource, ScalePaths, Strategy, TablePrinter } from '../resource.ts'
import { builtinKindSchema } from '../schema/builtin.ts'
import { plainTable } from '../table/plain.ts'

export interface BuiltinKind {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly short?: readonly string[]
  readonly categories?: readonly string[]
  readonly clusterScoped?: true
  readonly status?: true
  readonly scale?: ScalePaths
  readonly strategy?: Strategy
  readonly table?: TablePrinter
  readonly verbs?: readonly string[]
  readonly storage?: string
  readonly selectable?: Resource['selectable']
  readonly badField?: (field: string) => string
  readonly deprecation?: string
  readonly fromStorage?: (object: JsonObject) => JsonObject
  readonly toStorage?: (object: JsonObject) => JsonObject
}

export const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

/** The name of a kind's type in the table of built-in types. */
export function typeOf(group: string, version: string, kind: string): string {
  return `${group.split('.')[0] || 'core'}.${version}.${kind}`
}

export function defineBuiltin(d: BuiltinKind): Resource {
  const type = typeOf(d.group, d.version, d.kind)
  return {
    group: d.group,
    version: d.version,
    names: {
      plural: d.plural,
      singular: d.kind.toLowerCase(),
      kind: d.kind,
      listKind: `${d.kind}List`,
      shortNames: d.short ?? [],
      categories: d.categories ?? [],
    },
    namespaced: !d.clusterScoped,
    storage: d.storage ?? `${d.group}/${d.plural}`,
    verbs: d.verbs ?? allVerbs,
    schema: builtinKindSchema(type),
    hasStatus: d.status ?? false,
    ...(d.scale ? { scale: d.scale } : {}),
    strategy: d.strategy ?? {},
    table: d.table ?? plainTable,
    decode: (body, unknown) => decodeBuiltin(type, body, unknown),
    ...(d.fromStorage ? { fromStorage: d.fromStorage } : {}),
    ...(d.toStorage ? { toStorage: d.toStorage } : {}),
    selectable: d.selectable ?? {},
    badField:
      d.badField ?? ((field) => `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`),
    ...(d.deprecation ? { deprecation: d.deprecation } : {}),
    custom: false,
  }
}
