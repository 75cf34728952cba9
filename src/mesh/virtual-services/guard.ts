import { selects } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import type { HttpRoute } from '../istio.ts'
import type { Guard } from './model.ts'

/** A proxy, and the port and gateways in whose name it applies a rule. */
export interface GuardedClient {
  readonly labels: Readonly<Record<string, string>>
  readonly namespace: string
  readonly port: number
  readonly gateways: ReadonlySet<string>
}

interface StaticMatch {
  readonly port?: number
  readonly sourceLabels?: Readonly<Record<string, string>>
  readonly sourceNamespace?: string
  readonly gateways?: readonly string[]
}

/** Whether a match can be met by a proxy at all. One that names gateways asks for nothing else. */
export function admits(match: StaticMatch, client: GuardedClient): boolean {
  if (match.port && match.port !== client.port) return false
  if (match.gateways && match.gateways.length > 0) return match.gateways.some((name) => client.gateways.has(name))
  return (
    selects(match.sourceLabels, client.labels) && (!match.sourceNamespace || match.sourceNamespace === client.namespace)
  )
}

/** The guards of HTTP routes, each different one once. */
export function guardsOf(routes: readonly HttpRoute[]): Guard[] {
  const found: Guard[] = []
  for (const { match } of routes) {
    for (const each of match && match.length > 0 ? match : [{}]) {
      const { port, sourceLabels = {}, sourceNamespace = '', gateways = [] }: StaticMatch = each
      const guard: Guard = { port: port || undefined, sourceLabels, sourceNamespace, gateways }
      if (!found.some((known) => sameStructure(known, guard))) found.push(guard)
    }
  }
  return found
}

export function anyAdmits(guards: readonly Guard[], client: GuardedClient): boolean {
  return guards.some(({ port, ...rest }) => admits({ ...rest, ...(port !== undefined && { port }) }, client))
}
