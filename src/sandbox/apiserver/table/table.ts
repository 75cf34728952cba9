// Objects as the Table that kubectl prints.
import { type JsonObject, metaOf, textAt } from '../json.ts'
import type { Resource } from '../resource.ts'

export type IncludeObject = 'None' | 'Metadata' | 'Object'

export function includeObjectIn(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject')
  return value === 'None' || value === 'Object' ? value : 'Metadata'
}

/** The metadata of an object, as an object of its own. */
export function partial(object: JsonObject): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: metaOf(object) }
}

export function tableOf(
  resource: Pick<Resource, 'table'>,
  objects: readonly JsonObject[],
  metadata: JsonObject,
  include: IncludeObject,
): JsonObject {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: resource.table.columns.map((c) => ({
      name: c.name,
      type: c.type,
      format: c.format ?? '',
      description: c.description ?? '',
      priority: c.priority ?? 0,
    })),
    rows: objects.map((object) => ({
      cells: resource.table.cells(object),
      ...(include === 'None' ? {} : { object: include === 'Object' ? object : partial(object) }),
    })),
  }
}

/** A table of one object carries that object's version. */
export const tableOfOne = (resource: Pick<Resource, 'table'>, object: JsonObject, include: IncludeObject): JsonObject =>
  tableOf(resource, [object], { resourceVersion: textAt(object, 'metadata', 'resourceVersion') }, include)
