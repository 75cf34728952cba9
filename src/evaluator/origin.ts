// The objects that resources name themselves: routes and clusters in their metadata (`istio.config`), authorization rules in
// their names. By these conventions every control plane that speaks Istio's names can be read.
import type { JsonObject } from '@bufbuild/protobuf'
import { formatRef, type ObjectRef } from '../report/index.ts'

/** The object of a path `/apis/<group>/<version>/namespaces/<namespace>/<kind>/<name>`. */
export function originOfMetadata(filterMetadata: Readonly<Record<string, JsonObject>> | undefined): ObjectRef[] {
  const config = filterMetadata?.['istio']?.['config']
  const parts = typeof config === 'string' ? /^\/apis\/(.+)\/namespaces\/([^/]*)\/([^/]+)\/(.+)$/.exec(config) : null
  if (!parts) return []
  const [, apiVersion = '', namespace = '', kind = '', name = ''] = parts
  return [{ cluster: '', apiVersion, kind: camelCase(kind), namespace, name }]
}

function camelCase(kebab: string): string {
  return kebab.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** The object, and which of its rules (from 0), that a policy of an RBAC filter was made from; undefined if its name does not tell. */
export function originOfPolicy(name: string): { readonly ref: ObjectRef; readonly rule: number } | undefined {
  const [, namespace = '', own = '', rule = ''] = /ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[(\d+)\]/.exec(name) ?? []
  if (own === '') return undefined
  const ref = { cluster: '', apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', namespace, name: own }
  return { ref, rule: Number(rule) }
}

/** A policy of an RBAC filter in words: `AuthorizationPolicy shop/guests, rule 2`. */
export function describePolicy(name: string): string {
  const origin = originOfPolicy(name)
  return origin ? `${formatRef(origin.ref)}, rule ${origin.rule + 1}` : name
}
