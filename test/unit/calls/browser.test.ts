// The evaluator in a browser: bundled for one, and run where nothing of Node is.
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')

/** What page scripts find beside the language itself, of all that the evaluator could wish for. */
const globals = { TextDecoder, TextEncoder, URL, atob, btoa, structuredClone }

async function bundled(): Promise<string> {
  const entry = `
    export * from './src/evaluator/index.ts'
    export { evaluatedJson } from './src/control-plane/explain/evaluated.ts'`
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: root, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'fairlead',
    platform: 'browser',
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

const manager = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
const address = (ip: string, port: number) => ({ socketAddress: { address: ip, portValue: port } })
const given = {
  listeners: [
    {
      name: 'edge',
      address: address('10.0.0.1', 80),
      filterChains: [
        {
          filters: [
            { name: 'http', typedConfig: { '@type': manager, statPrefix: 'edge', rds: { routeConfigName: 'edge' } } },
          ],
        },
      ],
    },
  ],
  routes: [
    {
      name: 'edge',
      virtualHosts: [
        {
          name: 'shop',
          domains: ['shop.example'],
          routes: [{ name: 'cart', match: { prefix: '/cart' }, route: { cluster: 'cart' } }],
        },
      ],
    },
  ],
  clusters: [
    {
      name: 'cart',
      type: 'STATIC',
      loadAssignment: {
        clusterName: 'cart',
        endpoints: [{ lbEndpoints: [{ endpoint: { address: address('10.0.0.2', 8080) } }] }],
      },
    },
  ],
  endpoints: [],
}

describe('in a browser', () => {
  test('a request is explained from the JSON of resources', { timeout: 60_000 }, async () => {
    const script = `
      ${await bundled()}
      const proxy = fairlead.evaluatedJson(given, { name: 'east/edge', addresses: ['10.0.0.1'] })
      const call = (path) => fairlead.trace({ proxiesAt: () => [] }, proxy, {
        direction: 'direct', address: '10.0.0.1', port: 80, protocol: 'http',
        host: 'shop.example', path, method: 'GET', headers: {},
      })
      const found = ['/cart/7', '/other'].map((path) => fairlead.outcomesOf(call(path)))
      const text = fairlead.describeTrace(call('/cart/7'))
      ;({ found: JSON.stringify(found), text })`
    const { found, text } = runInContext(script, createContext({ ...globals, given }), { timeout: 20_000 }) as {
      found: string
      text: string
    }
    expect(JSON.parse(found)).toMatchObject([
      [{ kind: 'reached', endpoint: '10.0.0.2:8080', share: 1 }],
      [{ kind: 'answered', status: 404, ending: 'no-route' }],
    ])
    expect(text).toContain('reaches 10.0.0.2:8080 as GET shop.example/cart/7')
  })
})
