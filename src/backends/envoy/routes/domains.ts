import { domainSuffix, type Service } from '../../../discovery/index.ts'
import { hostPort } from '../names.ts'

// The names by which clients call a service.

/** Names short for a Kubernetes Service's, as they hold in a namespace: `svc` only in its own. */
function shortNames(host: string, namespace: string): string[] {
  const at = host.indexOf('.svc.')
  if (at <= 0 || !host.endsWith(`.svc.${domainSuffix}`)) return []
  const withNamespace = host.slice(0, at)
  const dot = withNamespace.indexOf('.')
  if (dot < 0) return []
  const own = withNamespace.slice(dot + 1) === namespace
  return [...(own ? [withNamespace.slice(0, dot)] : []), `${withNamespace}.svc`, withNamespace]
}

export interface DomainNames {
  /** In the order in which they are sent. */
  readonly domains: readonly string[]
  /** The same in lower case, as they are compared. */
  readonly lower: readonly string[]
  /** Those that are short for something: a service that really has such a name keeps it. */
  readonly expanded: ReadonlySet<string>
}

interface DomainOptions {
  readonly aliases: readonly string[]
  readonly namespace: string
  readonly addresses: readonly string[]
  readonly port?: number
  readonly anyPod?: boolean
}

/** Names by service: most clients call a service by the same ones. */
const known = new WeakMap<Service, Map<string, DomainNames>>()

/**
 * All names of a service: its host, with and without a final dot, what is short for it, the same of its aliases, those of
 * single pods if it is headless (not where any of its pods would answer: `anyPod`), and its addresses. `port` undefined: ports do
 * not matter where they are matched.
 */
export function serviceDomains(service: Service, options: DomainOptions): DomainNames {
  const { aliases, namespace, addresses, port, anyPod = false } = options
  const hosts = [service.host, ...aliases]
  // Only where it is their own do names depend on the namespace.
  const own = hosts.some((host) => host.includes(`.${namespace}.svc.`)) ? namespace : ''
  const key = [own, port ?? '', anyPod, aliases.join(), addresses.join()].join('|')
  const ofService = known.get(service) ?? new Map<string, DomainNames>()
  known.set(service, ofService)
  let names = ofService.get(key)
  if (!names) {
    names = computeDomains(service, hosts, options)
    ofService.set(key, names)
  }
  return names
}

function computeDomains(service: Service, hosts: readonly string[], options: DomainOptions): DomainNames {
  const expanded = new Set<string>()
  const names = hosts.flatMap((host) => {
    const short = [...(isAddress(host) ? [] : [`${host}.`]), ...shortNames(host, options.namespace)]
    for (const name of short) expanded.add(name)
    return [host, ...short]
  })
  const headless = service.resolution === 'passthrough' && service.registry === 'kubernetes' && options.anyPod !== true
  const all = [...names, ...(headless ? names.map((name) => `*.${name}`) : []), ...options.addresses.map(bracketed)]
  const { port } = options
  const domains = port === undefined ? all : all.map((name) => withPort(name, port))
  return { domains, lower: domains.map((domain) => domain.toLowerCase()), expanded }
}

function isAddress(host: string): boolean {
  return host.includes(':') || /^[\d.]+$/.test(host)
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

function withPort(name: string, port: number): string {
  return name.startsWith('[') ? `${name}:${port}` : hostPort(name, port)
}
