import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type KeyPlace, keyPlaceName, type WantedKeys } from '../../mesh/index.ts'
import { Engine } from '../../pipeline/index.ts'
import { AddressGuard } from './address-guard.ts'
import { fetchOutside } from './fetch-outside.ts'
import { keyStoreIn } from './kept-keys.ts'
import { fetchKeySet } from './key-set.ts'
import { TokenKeys } from './token-keys.ts'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

const publicKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
const keySet = JSON.stringify({ keys: [{ ...publicKey, kid: 'k' }] })

describe('AddressGuard', () => {
  it('takes public addresses only', () => {
    const guard = new AddressGuard()
    expect(['93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946'].filter((a) => !guard.allows(a))).toEqual([])
    const inside = `10.1.2.3 127.0.0.1 169.254.169.254 172.31.0.1 192.168.1.1 100.64.0.1 0.0.0.0 224.0.0.1
      ::1 :: fe80::1 fd00::1 ::ffff:10.0.0.1 ::ffff:7f00:1 64:ff9b::a00:1 2002:a00:1:: localhost 10.0.0`.split(/\s+/)
    expect(inside.filter((a) => guard.allows(a))).toEqual([])
  })

  it('takes what was allowed beside, and nothing that is no network', () => {
    const guard = new AddressGuard(['10.1.0.0/16', 'fd00::5'])
    expect(['10.1.2.3', '10.2.0.1', 'fd00::5', 'fd00::6'].map((a) => guard.allows(a))).toEqual([
      true,
      false,
      true,
      false,
    ])
    for (const wrong of ['10.0.0.0/33', '10/8', 'x', '10.0.0.0/8/8', '10.0.0.0/'])
      expect(() => new AddressGuard([wrong])).toThrow(RangeError)
  })
})

async function site(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  ends.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('fetchOutside', () => {
  const limits = { timeoutMs: 300, maxBytes: 1000 }
  const local = { ...limits, guard: new AddressGuard(['127.0.0.0/8']) }

  it('connects to no private address, by whatever name', async () => {
    let calls = 0
    const url = await site((_, response) => response.end(String(calls++)))
    const port = new URL(url).port
    const guarded = { ...limits, guard: new AddressGuard() }
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '0x7f.1'])
      await expect(fetchOutside(`http://${host}:${port}/`, guarded)).rejects.toThrow('is not public')
    await expect(fetchOutside('file:///etc/passwd', local)).rejects.toThrow('neither http nor https')
    await expect(fetchOutside(`http://me:pass@127.0.0.1:${port}/`, local)).rejects.toThrow('password')
    expect(calls).toBe(0)
    expect(
      await fetchOutside(`http://localhost:${port}/`, { ...local, guard: new AddressGuard(['127.0.0.0/8', '::1']) }),
    ).toBe('0')
  })

  it('follows redirects, each checked', async () => {
    const target = await site((_, response) => response.end('there'))
    const redirect = (to: string): Promise<string> =>
      site((_, response) => response.writeHead(302, { location: to }).end())
    expect(await fetchOutside(await redirect(target), local)).toBe('there')
    await expect(fetchOutside(await redirect('http://10.255.255.1/'), local)).rejects.toThrow(
      '10.255.255.1 is not public',
    )
    const loop: string = await site((_, response) => response.writeHead(302, { location: '/again' }).end())
    await expect(fetchOutside(loop, local)).rejects.toThrow('redirects')
  })

  it('bounds time and size, and takes only full answers', async () => {
    const slow = await site((_, response) => void response.write('{'))
    await expect(fetchOutside(slow, local)).rejects.toThrow('no full answer within 0.3 s')
    const long = await site((_, response) => response.end('x'.repeat(2000)))
    await expect(fetchOutside(long, local)).rejects.toThrow('more than 1000 bytes')
    const missing = await site((_, response) => response.writeHead(404).end())
    await expect(fetchOutside(missing, local)).rejects.toThrow('answers 404')
    const torn = await site((_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('x')
      setTimeout(() => response.destroy(), 20)
    })
    await expect(fetchOutside(torn, local)).rejects.toThrow('aborted')
  })
})

describe('fetchKeySet', () => {
  const web =
    (pages: Readonly<Record<string, string>>) =>
    async (url: string): Promise<string> => {
      const page = pages[url]
      if (page === undefined) throw new Error('answers 404')
      return page
    }

  it('finds keys by URL or by discovery, and passes on only what proxies take', async () => {
    const secret = { kty: 'oct', k: 'c2VjcmV0' }
    const full = JSON.stringify({ keys: [{ ...publicKey, kid: 'k', d: 'private' }, secret, { kty: 'new' }] })
    expect(await fetchKeySet({ kind: 'url', url: 'https://a/keys' }, web({ 'https://a/keys': full }))).toBe(keySet)
    const pages = {
      'https://i/x/.well-known/openid-configuration': '{"jwks_uri": "https://i/k"}',
      'https://i/k': keySet,
    }
    expect(await fetchKeySet({ kind: 'issuer', url: 'https://i/x/' }, web(pages))).toBe(keySet)
  })

  it('says why there are none', async () => {
    const fetching = (place: KeyPlace, page: string) =>
      fetchKeySet(place, web({ 'https://a': page, 'https://a/.well-known/openid-configuration': page }))
    await expect(fetching({ kind: 'url', url: 'https://b' }, '')).rejects.toThrow('https://b: answers 404')
    await expect(fetching({ kind: 'url', url: 'https://a' }, '<html>')).rejects.toThrow('holds no key set')
    await expect(fetching({ kind: 'issuer', url: 'https://a' }, '{}')).rejects.toThrow('names no jwks_uri')
    await expect(fetching({ kind: 'issuer', url: 'me@example.com' }, '')).rejects.toThrow('set jwksUri or jwks')
  })
})

describe('TokenKeys', () => {
  const object = {
    cluster: 'c',
    apiVersion: 'security.istio.io/v1',
    kind: 'RequestAuthentication',
    namespace: 'n',
    name: 'r',
  }
  const place: KeyPlace = { kind: 'url', url: 'https://a' }
  const name = keyPlaceName(place)

  function start(fetch: () => Promise<string>, directory?: string) {
    const engine = new Engine({ now: () => 0 })
    const rules = engine.table<WantedKeys>('rules')
    const documents = engine.table<string>('documents')
    const wanted = engine.define<string, readonly WantedKeys[]>('wanted', (read) => read.all(rules))
    const clock = { now: 0 }
    const store = directory === undefined ? undefined : keyStoreIn(directory)
    const keys = new TokenKeys({ engine, documents, wanted, fetch, store, now: () => clock.now, log: () => undefined })
    ends.push(() => keys.stop())
    const settle = async () => {
      engine.rebuild()
      engine.rebuildLater()
      await keys.settle()
      engine.rebuild()
    }
    const problems = () => engine.get(keys.problems, '').map(({ path, message }) => [path, message])
    return { rules, documents, clock, settle, problems }
  }
  const wanting = { place, wantedBy: [{ object, path: 'spec.jwtRules[0].jwksUri' }] }

  it('fetches what is wanted, keeps it while the issuer is away, and drops it afterwards', async () => {
    const answers = ['', keySet, '', 'new']
    const { rules, documents, clock, settle, problems } = start(async () => {
      const answer = answers.shift() ?? ''
      if (answer === '') throw new Error('away')
      return answer
    })
    rules.set('r', wanting)
    await settle()
    expect(documents.rows.get(name)).toBeUndefined()
    expect(problems()).toEqual([
      ['spec.jwtRules[0].jwksUri', 'keys cannot be fetched, so tokens of this issuer are refused: away'],
    ])
    clock.now += 1000
    await settle()
    expect([documents.rows.get(name), problems()]).toEqual([keySet, []])
    clock.now += 20 * 60_000
    await settle()
    expect(documents.rows.get(name)).toBe(keySet)
    expect(problems()[0]?.[1]).toContain('the last known ones stay in force')
    await settle()
    expect(answers).toEqual(['new'])
    clock.now += 1000
    await settle()
    expect([documents.rows.get(name), problems()]).toEqual(['new', []])
    rules.delete('r')
    await settle()
    expect(documents.rows.size).toBe(0)
  })

  it('remembers keys over a restart', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'fairlead-keys-'))
    ends.push(() => rmSync(directory, { recursive: true }))
    const first = start(async () => keySet, directory)
    first.rules.set('r', wanting)
    await first.settle()
    const second = start(() => Promise.reject(new Error('away')), directory)
    second.rules.set('r', wanting)
    await second.settle()
    expect(second.documents.rows.get(name)).toBe(keySet)
  })
})
