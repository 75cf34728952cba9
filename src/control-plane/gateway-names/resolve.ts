import { lookup, Resolver } from 'node:dns/promises'
import type { Resolved } from './gateway-names.ts'

const timeoutMs = 5000

/** Addresses of a name with their time to live; where no name server knows it, what the system says. */
export async function resolveName(name: string): Promise<Resolved> {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 })
  const [four, six] = await Promise.allSettled([
    resolver.resolve4(name, { ttl: true }),
    resolver.resolve6(name, { ttl: true }),
  ])
  const found = [four, six].flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
  if (found.length > 0)
    return { addresses: found.map(({ address }) => address), ttlSeconds: Math.min(...found.map(({ ttl }) => ttl)) }
  const addresses = await lookup(name, { all: true })
  return { addresses: addresses.map(({ address }) => address), ttlSeconds: 0 }
}
