import fastify, { type FastifyInstance } from 'fastify'
import type { Fleet } from '../clusters/index.ts'
import { dump, type Engine } from '../pipeline/index.ts'
import type { Metrics } from './metrics.ts'

/** What the debug pages show; parts that other stages own are functions. */
export interface DebugViews {
  readonly engine: Engine
  readonly fleet: Fleet
  readonly metrics: Metrics
  /** Undefined when ready; else what is missing. */
  readonly notReady: () => string | undefined
  /** Endpoints that are held back, by cluster. */
  readonly held: () => ReadonlyMap<string, unknown>
  /** Believes what a cluster says of its endpoints; false if nothing is held back. */
  readonly accept: (cluster: string) => boolean
  /** Holder of the Lease, and writes that wait. */
  readonly writer: () => unknown
  readonly problems: () => unknown
  readonly proxies: () => unknown
  /** Addresses of Services that lead to proxies. */
  readonly fronts: () => unknown
  readonly authorities: () => unknown
  /** Names of the clusters that get another root; undefined if there is no such cluster. Rejects if it is not ours. */
  readonly rotate: (cluster: string) => Promise<readonly string[] | undefined>
  /** Undefined if there is no such proxy. */
  /** `demandable`: with what a proxy on demand could ask for. */
  readonly proxyConfig: (proxy: string, only: string | undefined, demandable: boolean) => unknown
}

/** `/ready`, `/metrics`, and JSON under `/debug`: what this process knows. It shows no keys. */
export function debugServer(views: DebugViews): FastifyInstance {
  const { engine, fleet, metrics } = views
  const app = fastify({ logger: false, forceCloseConnections: true })
  app.get('/ready', async (_request, reply) => {
    const missing = views.notReady()
    return reply.code(missing === undefined ? 200 : 503).send(missing ?? 'ready')
  })
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )
  app.get('/debug/clusters', async () =>
    fleet.clusters
      .map(({ name, aliases, sources, state }) => {
        const { kinds, ...rest } = state
        const held = views.held().get(name)
        return {
          name,
          aliases,
          sources,
          ...rest,
          ...(held !== undefined && { held }),
          kinds: Object.fromEntries(kinds),
        }
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  )
  app.post<{ Params: { name: string } }>('/debug/clusters/:name/accept', async (request, reply) => {
    const { name } = request.params
    if (views.accept(name)) return { accepted: name }
    return reply.code(404).send({ error: `nothing is held back of cluster ${name}` })
  })
  app.get<{ Querystring: { query?: string; key?: string; limit?: string } }>('/debug/pipeline', async (request) => {
    const { query, key, limit } = request.query
    if (query === undefined && key === undefined) return dump(engine)
    const nodes = { ...(query && { query }), ...(key && { keyContains: key }), ...(limit && { limit: Number(limit) }) }
    return dump(engine, { nodes })
  })
  app.get('/debug/writer', async () => views.writer())
  app.get('/debug/problems', async () => views.problems())
  app.get('/debug/proxies', async () => views.proxies())
  app.get('/debug/fronts', async () => views.fronts())
  app.get('/debug/authorities', async () => views.authorities())
  app.post<{ Params: { name: string } }>('/debug/authorities/:name/rotate', async (request, reply) => {
    const { name } = request.params
    try {
      const clusters = await views.rotate(name)
      return clusters ? { clusters } : reply.code(404).send({ error: `Fairlead does not sign for a cluster ${name}` })
    } catch (error) {
      return reply.code(409).send({ error: error instanceof Error ? error.message : String(error) })
    }
  })
  type ConfigQuery = { Params: { '*': string }; Querystring: { only?: string; demandable?: string } }
  app.get<ConfigQuery>('/debug/config/*', async (request, reply) => {
    const { only, demandable } = request.query
    const config = views.proxyConfig(request.params['*'], only, demandable === 'true')
    return config ?? reply.code(404).send({ error: `no proxy ${request.params['*']} is connected` })
  })
  return app
}
