// The form in which tctl and the API have objects: place and name stand in the metadata, as plain fields.
import { digestOf } from '../../lib/index.ts'
import type { KubeObject } from '../kube-object.ts'
import { isObject } from '../shape.ts'
import type { ApiKind } from './catalog.ts'
import {
  annotations,
  fqnOf,
  type Identified,
  type Identity,
  identityAnnotations,
  identityOf,
  managementNamespace,
  storedName,
} from './identity.ts'

/** An object as the API has it. */
export interface ApiObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly spec: unknown
}

/** An object that is to be stored. */
export interface ApiContent extends Identified {
  readonly spec: unknown
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  /** Of Istio objects: where they land. */
  readonly namespace?: string
}

/** What the server sets in a spec; it is not stored. */
const output = ['fqn', 'etag'] as const

/** The object as it is stored. */
export function toStored(content: ApiContent): KubeObject {
  const { kind, identity, spec } = content
  const { group, versions } = kind.definition
  const own = identityAnnotations({ kind, identity })
  const said = kind.istio === undefined ? content.annotations : undefined
  const labels = kind.istio === undefined ? content.labels : undefined
  return {
    apiVersion: `${group}/${versions[0]?.name}`,
    kind: kind.definition.kind,
    metadata: {
      name: storedName({ kind, identity }),
      namespace: managementNamespace,
      ...(labels !== undefined && { labels: { ...labels } }),
      annotations: { ...said, ...own },
    },
    spec: kind.istio === undefined ? withoutOutput(spec) : { object: istioObject(content) },
  }
}

function withoutOutput(spec: unknown): unknown {
  if (!isObject(spec)) return spec ?? {}
  return Object.fromEntries(Object.entries(spec).filter(([key]) => !(output as readonly string[]).includes(key)))
}

function istioObject({ kind, identity, spec, labels, annotations: said, namespace }: ApiContent): object {
  const metadata = {
    name: identity.name,
    ...(namespace !== undefined && { namespace }),
    ...(labels !== undefined && { labels }),
    ...(said !== undefined && { annotations: said }),
  }
  return { apiVersion: kind.apiVersion, kind: kind.kind, metadata, spec: spec ?? {} }
}

/**
 * A token that differs after every change of an object's spec, labels or annotations. Its quotes are part of it, as in
 * the original.
 */
export function etagOf(object: KubeObject): string {
  const { uid, labels, annotations: said } = object.metadata
  const notes = Object.entries(said ?? {}).filter(([key]) => !isBookkeeping(key))
  const digest = digestOf([uid, object.metadata.generation, object.spec, labels ?? {}, notes])
  return `"${btoa(digest.slice(0, 11).padStart(11, '0')).slice(0, 15)}="`
}

/** Annotations that Kubernetes' and our own tools write; they are no part of what the user said. */
function isBookkeeping(key: string): boolean {
  return (
    key.startsWith('tsb.tetrate.io/') || key.startsWith('kubectl.kubernetes.io/') || key.startsWith('fairlead.dev/')
  )
}

/** The object as the API shows it; undefined if it does not say who it is. */
export function toApi(object: KubeObject): ApiObject | undefined {
  const identified = identityOf(object)
  if (identified === undefined) return undefined
  const { kind, identity } = identified
  const etag = etagOf(object)
  const inner = kind.istio === undefined || !isObject(object.spec) ? object : object.spec['object']
  const shown = (isObject(inner) && object.kind === 'DirectObject' ? inner : object) as unknown as KubeObject
  const notes = Object.entries(shown.metadata.annotations ?? {}).filter(([key]) => !isBookkeeping(key))
  const { labels, namespace } = shown.metadata
  const metadata = {
    ...placeOf(kind, identity),
    ...(notes.length > 0 && { annotations: Object.fromEntries(notes) }),
    ...(labels !== undefined && Object.keys(labels).length > 0 && { labels }),
    ...(kind.istio !== undefined && namespace !== undefined && { namespace }),
    resourceVersion: etag,
  }
  const spec = isObject(shown.spec) ? shown.spec : {}
  const isOwn = kind.istio === undefined
  return {
    apiVersion: isOwn ? kind.apiVersion : shown.apiVersion,
    kind: kind.kind,
    metadata: sorted(metadata),
    spec: sorted(isOwn ? { ...spec, etag, fqn: fqnOf(identified) } : spec),
  }
}

/** Place and name as the metadata says them. */
export function placeOf(kind: ApiKind, identity: Identity): Record<string, string> {
  if (kind.bindingsOf === 'any') return { fqn: identity.name }
  const { organization, tenant, workspace, group, name } = identity
  const entries = Object.entries({ organization, tenant, workspace, group, name })
  return Object.fromEntries(entries.filter(([, value]) => value !== ''))
}

function sorted(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The name of the annotation that holds who an object is, for messages. */
export const fqnAnnotation = annotations.fqn
