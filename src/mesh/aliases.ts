import { allServices, worldQuery } from '../discovery/index.ts'
import { compareText, sameStructure } from '../lib/index.ts'

/**
 * Hosts of ExternalName Services, by the host they finally stand for. Aliases that go in a circle stand for nothing, as
 * in DNS.
 */
export const aliasesByHost = worldQuery(
  'mesh/aliases-by-host',
  (world): ReadonlyMap<string, readonly string[]> => {
    const targets = new Map<string, string>()
    for (const { host, resolution, externalName } of world.get(allServices, undefined))
      if (resolution === 'alias' && externalName !== undefined && !targets.has(host)) targets.set(host, externalName)
    const found = new Map<string, string[]>()
    for (const alias of targets.keys()) {
      const target = finalTarget(targets, alias)
      if (target !== undefined) found.set(target, [...(found.get(target) ?? []), alias].sort(compareText))
    }
    return found
  },
  { equals: sameStructure },
)

function finalTarget(targets: ReadonlyMap<string, string>, alias: string): string | undefined {
  const seen = new Set([alias])
  let host = targets.get(alias)
  while (host !== undefined && targets.has(host)) {
    if (seen.has(host)) return undefined
    seen.add(host)
    host = targets.get(host)
  }
  return host
}
