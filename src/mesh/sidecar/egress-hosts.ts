import { hostCovers, hostsOverlap, isWildcard } from '../../discovery/index.ts'

/** `hosts` of an egress listener, by namespace (`*` = any). */
export interface EgressHosts {
  readonly byNamespace: ReadonlyMap<string, HostList>
}

interface HostList {
  readonly exact: ReadonlySet<string>
  readonly all: readonly string[]
  readonly excluded: readonly string[]
}

/** Parses `namespace/host` entries. Namespace: a name, `*`, `.` (the proxy's own); with `~` in front what is left out. */
export function parseEgressHosts(hosts: readonly string[], ownNamespace: string): EgressHosts {
  const lists = new Map<string, { exact: Set<string>; all: string[]; excluded: string[] }>()
  for (const entry of hosts) {
    const parts = entry.split('/')
    const [written = '', name = ''] = parts
    if (parts.length !== 2) continue
    const excluded = written.startsWith('~')
    const bare = excluded ? written.slice(1) || '*' : written
    const namespace = bare === '.' ? ownNamespace : bare
    const list = lists.get(namespace) ?? { exact: new Set(), all: [], excluded: [] }
    lists.set(namespace, list)
    if (excluded) list.excluded.push(name)
    else {
      list.all.push(name)
      if (!isWildcard(name)) list.exact.add(name)
    }
  }
  return { byNamespace: lists }
}

export const everything = parseEgressHosts(['*/*'], '')

/** Whether a service is imported. */
export function importsService({ byNamespace }: EgressHosts, namespace: string, host: string): boolean {
  const lists = [byNamespace.get(namespace), byNamespace.get('*')].filter((list) => list !== undefined)
  if (lists.some(({ excluded }) => excluded.some((name) => hostCovers(name, host)))) return false
  return lists.some(
    ({ exact, all }) => exact.has(host) || all.some((name) => isWildcard(name) && hostCovers(name, host)),
  )
}

/**
 * Whether a rule of a namespace with these hosts is imported: one of its hosts and one that is imported have to name
 * something in common. A rule of the Gateway API is for one host, which must be imported itself.
 */
export function importsRule(
  { byNamespace }: EgressHosts,
  rule: { namespace: string; hosts: readonly string[]; gatewayApi: boolean },
): boolean {
  const lists = [byNamespace.get(rule.namespace), byNamespace.get('*')].filter((list) => list !== undefined)
  return rule.hosts.some((host) => {
    if (lists.some(({ excluded }) => excluded.some((name) => hostCovers(name, host)))) return false
    return lists.some(({ exact, all }) => {
      if (!isWildcard(host) && exact.has(host)) return true
      return all.some((name) => (rule.gatewayApi ? hostCovers(name, host) : hostsOverlap(name, host)))
    })
  })
}
