// Hosts outside of the mesh that proxies reach by an egress gateway, and who may.
import type { Problem } from '../../../report/index.ts'
import { asList, asMap, asText, at, type Plain } from '../../shared/index.ts'
import { selectorOf } from '../east-west-gateways.ts'
import { groupTaking, type Hierarchy } from '../hierarchy.ts'
import { type Allowance, type CallerContext, type Condition, callersOf } from '../security/index.ts'
import type { PlacedServer } from './places.ts'
import type { Server } from './servers.ts'

/** A server for each host that an EgressGateway's rules name. */
export function egressServers(hierarchy: Hierarchy, problems: Problem[]): Server[] {
  return hierarchy.all('EgressGateway').flatMap((object) => {
    const group = groupTaking(hierarchy, 'GatewayGroup', object, problems)
    if (group === undefined) return []
    const selector = selectorOf(object.spec)
    const seen = new Set<string>()
    return asList(object.spec['authorization']).flatMap((rule, at) =>
      hostsOfRule(rule).flatMap((hostname, index): Server[] => {
        const path = `authorization[${at}].to[${index}]`
        if (hostname.includes('*')) problems.push(wildcard(object, path, hostname))
        if (hostname.includes('*') || seen.has(hostname)) return []
        seen.add(hostname)
        const action = {
          kind: 'service' as const,
          reference: `${selector.namespace}/${hostname}`,
          port: 80,
          tls: undefined,
        }
        const base = { object, group, selector, path, hostname, port: undefined, said: {} }
        return [{ ...base, name: hostname, protocol: 'HTTP', use: 'EGRESS', rules: [{ path, said: {}, action }] }]
      }),
    )
  })
}

const hostsOfRule = (rule: unknown): string[] =>
  asList(at(rule, 'to'))
    .map(asText)
    // A namespace before the host says nothing here.
    .map((text) => text.slice(text.indexOf('/') + 1))
    .map((text) => text.toLowerCase())
    .filter((text) => text !== '')

function wildcard({ ref }: Server['object'], path: string, hostname: string): Problem {
  const message = `${hostname}: hosts that an egress gateway sends to are named one by one; this has no effect`
  return { code: 'not-supported', severity: 'error', object: ref, path: `spec.${path}`, message }
}

/** Who may send requests out by a server; undefined: everybody of the mesh. */
export function egressAllowances(placed: PlacedServer, context: CallerContext): readonly Allowance[] | undefined {
  const { server } = placed
  const { kind, spec } = server.object
  const key = kind === 'EgressGateway' ? 'authorization' : 'egressAuthorization'
  if (spec[key] === undefined && kind !== 'EgressGateway') return undefined
  return asList(spec[key]).flatMap((rule) => {
    const operations =
      kind === 'EgressGateway' ? hostsOfRule(rule).map((exact) => ({ host: { exact } })) : asList(at(rule, 'to'))
    const fitting = operations.flatMap((to) => (fits(at(to, 'host'), server.hostname) ? [asMap(to)] : []))
    if (fitting.length === 0) return []
    const sources = sourcesOf(placed, asMap(at(rule, 'from')), context)
    return sources === undefined ? [] : fitting.map((to) => [...sources, ...operationOf(to)])
  })
}

/** Undefined: nobody. */
function sourcesOf({ server, cluster }: PlacedServer, from: Plain, context: CallerContext): Allowance | undefined {
  const { group, selector } = server
  const place = { cluster, namespace: selector.namespace, workspace: group.workspace, groups: [group] }
  const { allowed, denied } = callersOf(asText(from['mode']), from, place, context)
  if (allowed?.length === 0) return undefined
  const principals = (field: string, values: readonly string[]): Condition => ({ place: 'source', field, values })
  return [
    ...(allowed === undefined ? [] : [principals('principals', allowed)]),
    ...(denied.length === 0 ? [] : [principals('notPrincipals', denied)]),
  ]
}

function operationOf(to: Plain): Allowance {
  return (['paths', 'methods'] as const).flatMap((field): Condition[] => {
    const values = asList(to[field]).map(asText)
    return values.length === 0 ? [] : [{ place: 'operation', field, values }]
  })
}

function fits(match: unknown, hostname: string): boolean {
  const { exact, prefix, regex } = asMap(match)
  if (exact !== undefined) return exact === hostname || exact === '*'
  if (prefix !== undefined) return hostname.startsWith(asText(prefix))
  if (regex === undefined) return match === undefined
  try {
    return new RegExp(`^(?:${asText(regex)})$`).test(hostname)
  } catch {
    return false
  }
}
