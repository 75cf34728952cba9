// The objects that resources name themselves: routes and clusters in their metadata (`istio.config`), authorization rules in
// their names. By these conventions every control plane that speaks Istio's names can be read.
import type { JsonObject } from '@bufbuild/protobuf'
import type { ObjectRef } from '../report/index.ts'

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

/** A policy of an RBAC filter in words: `AuthorizationPolicy shop/guests, rule 2`. */
export function describePolicy(name: string): string {
  const parts = /ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[(\d+)\]/.exec(name)
  return parts ? `AuthorizationPolicy ${parts[1]}/${parts[2]}, rule ${Number(parts[3]) + 1}` : name
}
