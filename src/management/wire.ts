// Requests and answers as JSON: kinds go by their names.
import type { KubeObject } from '../resources/index.ts'
import { type ApiKind, apiKinds } from '../resources/tsb/index.ts'
import { ManagementError } from './findings.ts'
import type { ApplyRequest, Query } from './management.ts'
import { type StoredObject, storedObject } from './view.ts'

/** `apiVersion Kind parent`. */
export function kindId({ apiVersion, kind, parent }: ApiKind): string {
  return `${apiVersion} ${kind} ${parent}`
}

const byId = new Map(apiKinds.map((kind) => [kindId(kind), kind]))

/** Throws a ManagementError for what is no kind. */
export function kindOfId(id: unknown): ApiKind {
  const kind = typeof id === 'string' ? byId.get(id) : undefined
  if (kind === undefined) throw new ManagementError('InvalidArgument', `there is no kind ${String(JSON.stringify(id))}`)
  return kind
}

export type WireRequest = Omit<ApplyRequest, 'kinds'> & { readonly kinds: readonly string[] }
export type WireQuery = Omit<Query, 'kinds'> & { readonly kinds?: readonly string[] }

export function requestToWire({
  kinds,
  identity,
  spec,
  labels,
  annotations,
  namespace,
  etag,
}: ApplyRequest): WireRequest {
  return {
    kinds: kinds.map(kindId),
    identity,
    spec,
    etag,
    ...(labels !== undefined && { labels }),
    ...(annotations !== undefined && { annotations }),
    ...(namespace !== undefined && { namespace }),
  }
}

export function requestFromWire(wire: WireRequest): ApplyRequest {
  return { ...wire, kinds: wire.kinds.map(kindOfId) }
}

export function queryToWire({ kinds, ...rest }: Query): WireQuery {
  return { ...rest, ...(kinds !== undefined && { kinds: kinds.map(kindId) }) }
}

export function queryFromWire({ kinds, ...rest }: WireQuery): Query {
  return { ...rest, ...(kinds !== undefined && { kinds: kinds.map(kindOfId) }) }
}

export function storedFromWire(objects: readonly KubeObject[]): StoredObject[] {
  return objects.flatMap((object) => storedObject(object) ?? [])
}
