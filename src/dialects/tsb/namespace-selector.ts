// `namespaceSelector.names`: patterns `cluster/namespace`, and who owns a namespace of a cluster.
import { asList, asMap, asText, at, type Plain } from '../shared/index.ts'

/** A pattern: each part is a name, a prefix with `*` behind it, or `*`. */
export interface NamespacePattern {
  readonly cluster: string
  readonly namespace: string
}

/** The patterns of a spec; what is not `cluster/namespace` is left out (the resource's own check tells of it). */
export function patternsOf(spec: Plain): NamespacePattern[] {
  const names = asList(at(spec, 'namespaceSelector', 'names')).map(asText)
  // An older way to write it.
  const older = asList(spec['namespaceSelectors']).map((each) => asText(asMap(each)['name']))
  return [...names, ...older].flatMap((name) => {
    const [cluster = '', namespace = '', ...more] = name.split('/')
    return cluster === '' || namespace === '' || more.length > 0 ? [] : [{ cluster, namespace }]
  })
}

/** How exactly a pattern means a namespace of a cluster: the higher the more; undefined if it does not. */
export function exactness(pattern: NamespacePattern, cluster: string, namespace: string): number | undefined {
  const place = partExactness(pattern.cluster, cluster)
  const name = partExactness(pattern.namespace, namespace)
  return place === undefined || name === undefined ? undefined : name * scale + place
}

/** The namespace counts before the cluster; names have at most 63 characters. */
const scale = 1000
const exact = 100

function partExactness(pattern: string, name: string): number | undefined {
  if (pattern === name) return exact
  if (!pattern.endsWith('*')) return undefined
  return name.startsWith(pattern.slice(0, -1)) ? pattern.length - 1 : undefined
}

/** How exactly a list of patterns means a namespace; undefined if none does. */
export function selectedBy(
  patterns: readonly NamespacePattern[],
  cluster: string,
  namespace: string,
): number | undefined {
  const found = patterns.flatMap((pattern) => exactness(pattern, cluster, namespace) ?? [])
  return found.length === 0 ? undefined : Math.max(...found)
}

/**
 * Who owns namespaces, among things with patterns: whose pattern is most exact; of equals, the first. One namespace of
 * one cluster has at most one owner.
 */
export class NamespaceOwners<T extends { readonly patterns: readonly NamespacePattern[] }> {
  readonly #all: readonly T[]
  readonly #known = new Map<string, { readonly owner: T | undefined; readonly rivals: readonly T[] }>()

  constructor(all: readonly T[]) {
    this.#all = all
  }

  of(cluster: string, namespace: string): T | undefined {
    return this.#find(cluster, namespace).owner
  }

  /** Others that claim a namespace as exactly as its owner does. */
  rivals(cluster: string, namespace: string): readonly T[] {
    return this.#find(cluster, namespace).rivals
  }

  #find(cluster: string, namespace: string): { readonly owner: T | undefined; readonly rivals: readonly T[] } {
    const key = `${cluster}/${namespace}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const claims = this.#all.flatMap((each) => {
      const rank = selectedBy(each.patterns, cluster, namespace)
      return rank === undefined ? [] : [{ each, rank }]
    })
    const best = Math.max(...claims.map(({ rank }) => rank))
    const [owner, ...rivals] = claims.filter(({ rank }) => rank === best).map(({ each }) => each)
    const found = { owner, rivals }
    this.#known.set(key, found)
    return found
  }
}
