// Objects that are written to clusters, and their metadata.
import type { KubeObject } from '../../resources/index.ts'
import { type ClusterObject, compact, hash32, ownerLabel } from '../shared/index.ts'

/** Value of the owner label. */
export const dialectId = 'tsb'

/** Namespace, on every cluster, of what is known of services that are elsewhere only. */
export const multiclusterNamespace = 'xcp-multicluster'

export interface Wanted {
  readonly cluster: string
  readonly kind: string
  readonly apiVersion?: string
  readonly namespace: string
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly spec: object
}

const versions: Readonly<Record<string, string>> = {
  AuthorizationPolicy: 'security.istio.io/v1beta1',
  PeerAuthentication: 'security.istio.io/v1beta1',
  RequestAuthentication: 'security.istio.io/v1beta1',
  EnvoyFilter: 'networking.istio.io/v1alpha3',
}

/** An Istio object with its marks. */
export function written(wanted: Wanted): ClusterObject {
  const { cluster, kind, namespace, name, labels, annotations, spec } = wanted
  const metadata = compact({
    name,
    namespace,
    labels: { ...labels, [ownerLabel]: dialectId },
    annotations: { ...annotations },
  })
  const apiVersion = wanted.apiVersion ?? versions[kind] ?? 'networking.istio.io/v1beta1'
  const object: KubeObject = { apiVersion, kind, metadata, spec }
  return { cluster, object }
}

/** 32 lower-case hexadecimal digits that stand for a text. */
export function longHash(text: string): string {
  return ['a', 'b', 'c', 'd'].map((salt) => hash32(`${salt}|${text}|${salt}`).toString(16).padStart(8, '0')).join('')
}

/** A host as part of an object's name. */
export function dashed(host: string): string {
  return host.replaceAll('.', '-').replaceAll('*', 'wildcard')
}
