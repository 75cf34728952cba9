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
  /** Holder of the Lease, and writes that wait. */
  readonly writer: () => unknown
  readonly problems: () => unknown
  readonly proxies: () => unknown
  /** Undefined if there is no such proxy. */
  readonly proxyConfig: (proxy: string) => unknown
}

/** `/ready`, `/metrics`, and JSON under `/debug`: what this process knows. Read only; it shows no keys. */
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
        return { name, aliases, sources, ...rest, kinds: Object.fromEntries(kinds) }
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  )
  app.get<{ Querystring: { query?: string; key?: string; limit?: string } }>('/debug/pipeline', async (request) => {
    const { query, key, limit } = request.query
    if (query === undefined && key === undefined) return dump(engine)
    const nodes = { ...(query && { query }), ...(key && { keyContains: key }), ...(limit && { limit: Number(limit) }) }
    return dump(engine, { nodes })
  })
  app.get('/debug/writer', async () => views.writer())
  app.get('/debug/problems', async () => views.problems())
  app.get('/debug/proxies', async () => views.proxies())
  app.get<{ Params: { '*': string } }>('/debug/config/*', async (request, reply) => {
    const config = views.proxyConfig(request.params['*'])
    return config ?? reply.code(404).send({ error: `no proxy ${request.params['*']} is connected` })
  })
  return app
}
