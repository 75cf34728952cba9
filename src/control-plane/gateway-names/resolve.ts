import { lookup, Resolver } from 'node:dns/promises'
import type { Resolved } from './gateway-names.ts'

const timeoutMs = 5000

/**
 * Addresses of a name with their time to live. `nameServers` are asked if there are any; else those of the system, and
 * where none of them knows it, what the system says. Rejects if the name cannot be resolved.
 */
export async function resolveName(name: string, nameServers: readonly string[] = []): Promise<Resolved> {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 })
  if (nameServers.length > 0) resolver.setServers(nameServers)
  const [four, six] = await Promise.allSettled([
    resolver.resolve4(name, { ttl: true }),
    resolver.resolve6(name, { ttl: true }),
  ])
  const found = [four, six].flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
  if (found.length > 0)
    return { addresses: found.map(({ address }) => address), ttlSeconds: Math.min(...found.map(({ ttl }) => ttl)) }
  if (nameServers.length > 0) throw new Error(four.status === 'rejected' ? String(four.reason) : 'it has no address')
  const addresses = await lookup(name, { all: true })
  return { addresses: addresses.map(({ address }) => address), ttlSeconds: 0 }
}
