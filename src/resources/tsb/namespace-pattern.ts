/** One name of a namespaceSelector. */
export interface NamespacePattern {
  /** A cluster's name, or "*" for all. */
  readonly cluster: string
  /** A namespace's name, its beginning, or "" with `exact: false` for all. */
  readonly namespace: string
  readonly exact: boolean
}

const label = '[a-z0-9]([-a-z0-9.]*[a-z0-9])?'
const pattern = new RegExp(`^(\\*|${label})/(\\*|${label}|[a-z0-9][-a-z0-9]*\\*)$`)

/** Reads CLUSTER/NAMESPACE; undefined if it is none. */
export function readNamespacePattern(text: string): NamespacePattern | undefined {
  if (!pattern.test(text)) return undefined
  const slash = text.indexOf('/')
  const namespace = text.slice(slash + 1)
  const exact = !namespace.endsWith('*')
  return { cluster: text.slice(0, slash), namespace: exact ? namespace : namespace.slice(0, -1), exact }
}

/** Whether a pattern selects a namespace of a cluster. */
export function selects(pattern: NamespacePattern, cluster: string, namespace: string): boolean {
  if (pattern.cluster !== '*' && pattern.cluster !== cluster) return false
  return pattern.exact ? namespace === pattern.namespace : namespace.startsWith(pattern.namespace)
}

/**
 * How closely a pattern names a namespace: of two workspaces, the one that names it more closely owns it. An exact name
 * is closer than a beginning, a longer beginning closer than a shorter one, and then a cluster closer than all clusters.
 */
export function closeness({ cluster, namespace, exact }: NamespacePattern): number {
  return (exact ? 1000 : namespace.length) * 2 + (cluster === '*' ? 0 : 1)
}

/** Whether some namespace of some cluster is selected by both. */
export function overlap(a: NamespacePattern, b: NamespacePattern): boolean {
  if (a.cluster !== '*' && b.cluster !== '*' && a.cluster !== b.cluster) return false
  if (a.exact && b.exact) return a.namespace === b.namespace
  if (a.exact) return a.namespace.startsWith(b.namespace)
  if (b.exact) return b.namespace.startsWith(a.namespace)
  return a.namespace.startsWith(b.namespace) || b.namespace.startsWith(a.namespace)
}

/** Whether every namespace that `inner` selects is selected by `outer`. */
export function contains(outer: NamespacePattern, inner: NamespacePattern): boolean {
  if (outer.cluster !== '*' && outer.cluster !== inner.cluster) return false
  return outer.exact ? inner.exact && inner.namespace === outer.namespace : inner.namespace.startsWith(outer.namespace)
}

/** Namespaces of the system: no workspace owns them, not even one that selects everything. */
export function isSystemNamespace(namespace: string): boolean {
  return systemNamespaces.has(namespace) || /^(kube|xcp|fairlead)-/.test(namespace)
}

const systemNamespaces: ReadonlySet<string> = new Set(['istio-system', 'tsb', 'gloo-mesh', 'service-mesh-hub'])
