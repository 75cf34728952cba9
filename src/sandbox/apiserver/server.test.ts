import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ApiServer, startApiServer } from './index.ts'
import { at, type JsonObject, parseJson, textAt } from './json.ts'

let dataDir: string
let server: ApiServer
let token: string

interface Reply {
  code: number
  body: JsonObject
  lines: JsonObject[]
}

function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(
      new URL(path, server.url),
      {
        method,
        ca: server.caPem,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (s: string) => (text += s))
        response.on('end', () => {
          const lines = text
            .split('\n')
            .filter((l) => l.startsWith('{'))
            .map((l) => parseJson(l) as JsonObject)
          resolve({ code: response.statusCode ?? 0, body: lines[0] ?? {}, lines })
        })
      },
    )
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

const configMaps = '/api/v1/namespaces/default/configmaps'
const start = async (port = 0): Promise<void> => {
  server = await startApiServer({ dataDir, port })
}

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'apiserver-'))
  await start()
  token = (await server.issueCredential('ann', ['system:masters'])).token
})
afterEach(async () => {
  await server.close()
  rmSync(dataDir, { recursive: true })
})

describe('the API server', () => {
  it('lets in who proves an identity, and nobody else', async () => {
    expect((await call('GET', configMaps)).code).toBe(200)
    expect((await call('GET', configMaps, undefined, { authorization: 'Bearer nonsense' })).code).toBe(401)
    const stranger = await server.issueCredential('bob', [])
    const refused = await call('GET', configMaps, undefined, { authorization: `Bearer ${stranger.token}` })
    expect(refused.body['message']).toBe(
      'configmaps is forbidden: User "bob" cannot list resource "configmaps" in API group "" in the namespace "default"',
    )
  })

  it('keeps objects, uids and versions over a restart', async () => {
    const made = await call('POST', configMaps, { metadata: { name: 'a' }, data: { x: '1' } })
    expect(made.code).toBe(201)
    const { port } = server
    await server.close()
    await start(port)
    const found = await call('GET', `${configMaps}/a`)
    expect(found.body).toEqual(made.body)
    const next = await call('POST', configMaps, { metadata: { name: 'b' } })
    expect(Number(at(next.body, 'metadata', 'resourceVersion'))).toBeGreaterThan(
      Number(at(made.body, 'metadata', 'resourceVersion')),
    )
  })

  it('replays a watch from a version, and says Expired for one that it forgot', async () => {
    const first = await call('POST', configMaps, { metadata: { name: 'a' } })
    await call('PATCH', `${configMaps}/a`, { data: { x: '2' } }, { 'content-type': 'application/merge-patch+json' })
    await call('DELETE', `${configMaps}/a`)
    const since = textAt(first.body, 'metadata', 'resourceVersion')
    const seen = await call('GET', `${configMaps}?watch=true&timeoutSeconds=1&resourceVersion=${since}`)
    expect(seen.lines.map((l) => l['type'])).toEqual(['MODIFIED', 'DELETED'])
    const { port } = server
    await server.close()
    await start(port)
    const late = await call('GET', `${configMaps}?watch=true&timeoutSeconds=1&resourceVersion=${since}`)
    expect(late.lines.map((l) => [l['type'], at(l, 'object', 'code')])).toEqual([['ERROR', 410]])
  })

  it('pages lists', async () => {
    for (const name of ['a', 'b', 'c']) await call('POST', configMaps, { metadata: { name } })
    const page = await call('GET', `${configMaps}?limit=2`)
    expect(at(page.body, 'metadata', 'remainingItemCount')).toBe(1)
    const rest = await call('GET', `${configMaps}?limit=2&continue=${textAt(page.body, 'metadata', 'continue')}`)
    expect(at(rest.body, 'items', 0, 'metadata', 'name')).toBe('c')
  })
})
