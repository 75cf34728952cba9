import { isHttp, parseProtocol, type Query } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import type { GatewayServer, ServerTls } from '../istio.ts'
import type { ProxyScope } from '../scope.ts'
import { mayOpen } from '../tenants.ts'
import type {
  GatewayConflict,
  GatewayPlan,
  GatewayPort,
  GatewayPortKind,
  GatewayServerPlan,
  ServerHost,
} from './model.ts'
import { type GatewayObject, gatewaysOfLabels } from './select.ts'

type PlanScope = Pick<ProxyScope, 'labels' | 'gatewayPorts'> & Partial<Pick<ProxyScope, 'namespace'>>

/**
 * What a gateway proxy listens to: all Gateways that select it, put together. Where two want the same, the one that
 * comes first has it: of a socket whether it speaks HTTP, TLS or neither, of TLS each server name.
 */
export const gatewayPlan: Query<PlanScope, GatewayPlan> = {
  name: 'mesh/gateway-plan',
  keyOf: ({ labels, gatewayPorts, namespace }) => JSON.stringify([labels, gatewayPorts, namespace]),
  compute: (world, { labels, gatewayPorts, namespace = '' }) => {
    const ports = new Map(gatewayPorts)
    const merger = new Merger()
    const selecting = world.get(gatewaysOfLabels, labels)
    const gateways = selecting.filter(({ key }) => mayOpen(world, key.split('/')[0] ?? '', namespace))
    for (const gateway of gateways) {
      for (const [at, server] of (gateway.spec.servers ?? []).entries()) {
        if (!server.port?.number) continue
        merger.add(gateway, server, ports.get(server.port.number) ?? server.port.number, at)
      }
    }
    return { ...merger.result(), origin: gateways.map(({ origin }) => origin) }
  },
  equals: sameStructure,
}

class Merger {
  readonly #ports = new Map<string, { -readonly [K in keyof GatewayPort]: GatewayPort[K] }>()
  readonly #conflicts: GatewayConflict[] = []

  add(gateway: GatewayObject, server: GatewayServer, port: number, at: number): void {
    const bind = server.bind ?? ''
    const kind = kindOf(server)
    const plan = planOf(gateway, server, port)
    const key = `${bind}|${port}`
    const known = this.#ports.get(key)
    if (known && known.kind !== kind) {
      const what = `${describe(known.kind)} of Gateway ${known.servers[0]?.gateway}`
      this.#report(gateway.origin, at, 'port', `port ${port} is taken by ${what}, so this server has no effect`)
      return
    }
    if (known && kind === 'tcp') {
      const first = `Gateway ${known.servers[0]?.gateway}`
      const why = 'nothing tells connections of one port apart'
      this.#report(
        gateway.origin,
        at,
        'port',
        `port ${port} is taken by ${first}, and ${why}, so this server has no effect`,
      )
      return
    }
    const own = known && kind === 'tls' ? this.#withoutTaken(gateway.origin, at, known.servers, plan) : plan
    if (!own) return
    if (known) known.servers = [...known.servers, own]
    else this.#ports.set(key, { port, bind, kind, servers: [own] })
  }

  /** Envoy refuses two filter chains for one server name. Undefined if no name is left. */
  #withoutTaken(
    origin: ObjectRef,
    at: number,
    known: readonly GatewayServerPlan[],
    plan: GatewayServerPlan,
  ): GatewayServerPlan | undefined {
    // The names of AUTO_PASSTHROUGH and PASSTHROUGH servers are narrowed by what they lead to; those decide there.
    const taken = new Map(
      known.filter(terminates).flatMap(({ hosts, gateway }) => hosts.map(({ host }) => [host, gateway] as const)),
    )
    if (!terminates(plan)) return plan
    const hosts = plan.hosts.filter(({ host }) => !taken.has(host))
    for (const { host } of plan.hosts.filter((each) => taken.has(each.host)))
      this.#report(origin, at, 'hosts', `Gateway ${taken.get(host)} already ends TLS for ${host} on this port`)
    return hosts.length === 0 ? undefined : { ...plan, hosts }
  }

  #report(origin: ObjectRef, at: number, field: string, message: string): void {
    this.#conflicts.push({ origin, path: `spec.servers[${at}].${field}`, message })
  }

  result(): Pick<GatewayPlan, 'ports' | 'conflicts'> {
    return { ports: [...this.#ports.values()], conflicts: this.#conflicts }
  }
}

/** TLS of no mode passes, as in Istio's API. */
export function passesThrough({ tls }: { readonly tls?: ServerTls | undefined }): boolean {
  const { mode = 'PASSTHROUGH' } = tls ?? { mode: 'SIMPLE' }
  return mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH'
}

/** Whether a gateway lets other networks into the mesh. */
export function passesMeshThrough({ ports }: GatewayPlan): boolean {
  return ports.some(({ servers }) => servers.some(({ tls }) => tls?.mode === 'AUTO_PASSTHROUGH'))
}

function terminates(server: GatewayServerPlan): boolean {
  return !passesThrough(server)
}

/** TLS settings of an HTTP server are about redirects only. */
function kindOf({ port, tls }: GatewayServer): GatewayPortKind {
  if (isHttp(parseProtocol(port.protocol))) return 'http'
  return tls ? 'tls' : 'tcp'
}

function describe(kind: GatewayPortKind): string {
  return { http: 'an HTTP server', tcp: 'a TCP server', tls: 'a TLS server' }[kind]
}

function planOf(gateway: GatewayObject, server: GatewayServer, port: number): GatewayServerPlan {
  const { number, name, protocol } = server.port
  const [namespace = '', gatewayName = ''] = gateway.key.split('/')
  const suffix = server.bind ? `.${server.bind}` : ''
  const byRequest = parseProtocol(protocol) === 'HTTPS' && server.tls !== undefined && !passesThrough(server)
  const routes = isHttp(parseProtocol(protocol))
    ? `http.${port}${suffix}`
    : byRequest
      ? `https.${number}.${name}.${gatewayName}.${namespace}${suffix}`
      : ''
  return {
    gateway: gateway.key,
    boundAs: gateway.boundAs,
    number,
    name: server.name ?? '',
    portName: name,
    hosts: uniqueHosts(server.hosts.map((host) => serverHost(host, namespace))),
    tls: server.tls,
    routes,
  }
}

/** `host`, `namespace/host`, `./host` (the Gateway's own namespace) or `*` and a slash before the host. */
function serverHost(text: string, own: string): ServerHost {
  const slash = text.indexOf('/')
  const host = text.slice(slash + 1).toLowerCase()
  const namespace = slash < 0 ? '*' : text.slice(0, slash)
  return { namespace: namespace === '.' ? own : namespace === '*' ? '' : namespace, host }
}

function uniqueHosts(hosts: readonly ServerHost[]): ServerHost[] {
  return [...new Map(hosts.map((host) => [`${host.namespace}/${host.host}`, host])).values()]
}

/** Names of TLS hellos that a server is for, sorted. */
export function sniHostsOf({ hosts }: GatewayServerPlan): string[] {
  return [...new Set(hosts.map(({ host }) => host))].sort()
}
