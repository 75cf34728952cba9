import type { Binding } from '../../../mesh/index.ts'
import { serviceDomains } from '../routes/domains.ts'

/** Server names in a TLS hello that mean a service: its host, and all names of its aliases. */
export function tlsServerNames({ service, aliases }: Binding, namespace: string): string[] {
  const ofAliases = aliases.flatMap((host) => [
    ...serviceDomains({ ...service, host, resolution: 'endpoints' }, { aliases: [], namespace, addresses: [] }).domains,
  ])
  return [service.host, ...ofAliases]
}
