// Tenants that share a cluster: what the objects of one may do to the calls of another. Istio itself lets a rule of any
// namespace hold for all; that is right for one team, and wrong between tenants.
import { type Service, textQuery, type World, worldQuery } from '../discovery/index.ts'
import { sameStructure } from '../lib/index.ts'
import { isObject } from '../resources/index.ts'
import { isSystemNamespace } from '../resources/tsb/index.ts'

/** Where it is written which namespaces of the cluster belong to whom (by the dialect that knows tenants). */
const record = { kind: '/ConfigMap', key: 'istio-system/fairlead-tenants', field: 'namespaces' } as const

/** Names of namespaces, or beginnings (`shop-*`), with their tenant. */
const ownedNames = worldQuery(
  'mesh/tenants',
  (world): ReadonlyMap<string, string> => {
    const map = world.object(world.primary, record.kind, record.key) as { data?: Record<string, string> } | undefined
    return parseOwned(map?.data?.[record.field])
  },
  { equals: sameStructure },
)

function parseOwned(text: string | undefined): ReadonlyMap<string, string> {
  if (text === undefined) return new Map()
  try {
    const value: unknown = JSON.parse(text)
    const entries = isObject(value) ? Object.entries(value) : []
    return new Map(entries.flatMap(([name, tenant]) => (typeof tenant === 'string' ? [[name, tenant] as const] : [])))
  } catch {
    return new Map()
  }
}

/** The tenant of a namespace: its exact name counts first, then the longest beginning. Undefined if nobody owns it. */
const ownerOf = textQuery('mesh/tenant-of-namespace', (world, namespace): string | undefined => {
  const owned = world.get(ownedNames, undefined)
  const exact = owned.get(namespace)
  if (exact !== undefined) return exact
  if (isSystemNamespace(namespace)) return undefined
  const beginnings = [...owned.keys()].filter((name) => name.endsWith('*') && namespace.startsWith(name.slice(0, -1)))
  const longest = beginnings.sort((a, b) => b.length - a.length)[0]
  return longest === undefined ? undefined : owned.get(longest)
})

function tenantOf(world: World, namespace: string): string | undefined {
  return namespace === '' || world.get(ownedNames, undefined).size === 0 ? undefined : world.get(ownerOf, namespace)
}

/** The namespace of a service's host; undefined for other hosts and wildcards over namespaces. */
function namespaceOfHost(host: string): string | undefined {
  return /^[^.]+\.([^.*]+)\.svc\./.exec(`${host}.`)?.[1]
}

/**
 * Whether a rule or declaration of namespace `from`, about `hosts`, holds for callers and gateways of namespace `at`.
 * A tenant decides over its own calls, and over everybody's calls of its own hosts; in namespaces that nobody owns
 * (shared gateways) over hosts that are nobody else's. Objects of namespaces without a tenant are the administrators'.
 */
export function mayRule(world: World, from: string, hosts: readonly string[], at: string): boolean {
  const author = tenantOf(world, from)
  if (author === undefined || from === at) return true
  const there = tenantOf(world, at)
  if (there === author) return true
  const owners = hosts.map((host) => {
    const namespace = namespaceOfHost(host)
    return namespace === undefined ? undefined : tenantOf(world, namespace)
  })
  if (owners.every((owner) => owner === author)) return true
  return there === undefined && owners.every((owner) => owner === author || owner === undefined)
}

/** Whether a ServiceEntry is known to callers of a namespace; Services declare what is their own. */
export function mayDeclare(world: World, { registry, namespace, host }: Service, at: string): boolean {
  return registry === 'kubernetes' || mayRule(world, namespace, [host], at)
}

/** Whether a Gateway of namespace `from` opens ports of gateways of namespace `at`. */
export function mayOpen(world: World, from: string, at: string): boolean {
  const author = tenantOf(world, from)
  const there = tenantOf(world, at)
  return author === undefined || there === undefined || author === there
}
