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
  /** Those that are short for something: a service that really has such a name keeps it. */
  readonly expanded: ReadonlySet<string>
}

/**
 * All names of a service: its host, with and without a final dot, what is short for it, the same of its aliases, those of
 * single pods if it is headless (not where any of its pods would answer: `anyPod`), and its addresses. `port` undefined: ports do
 * not matter where they are matched.
 */
export function serviceDomains(
  service: Service,
  options: {
    aliases: readonly string[]
    namespace: string
    addresses: readonly string[]
    port?: number
    anyPod?: boolean
  },
): DomainNames {
  const expanded = new Set<string>()
  const names = [service.host, ...options.aliases].flatMap((host) => {
    const short = [...(isAddress(host) ? [] : [`${host}.`]), ...shortNames(host, options.namespace)]
    for (const name of short) expanded.add(name)
    return [host, ...short]
  })
  const headless = service.resolution === 'passthrough' && service.registry === 'kubernetes' && options.anyPod !== true
  const all = [...names, ...(headless ? names.map((name) => `*.${name}`) : []), ...options.addresses.map(bracketed)]
  const { port } = options
  return { domains: port === undefined ? all : all.map((name) => withPort(name, port)), expanded }
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
