import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ProbeTarget, probeOnce, runProbe } from './probes.ts'
import type { ProbeAction } from './types.ts'

let status = 200
const agents: (string | undefined)[] = []
const server = createServer((request, response) => {
  agents.push(request.headers['user-agent'])
  if (request.url === '/slow') return
  response.writeHead(status).end()
})
let port = 0
beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const target: ProbeTarget = {
  endpoint: (asked) => (asked === 'none' ? undefined : { host: '127.0.0.1', port: Number(asked) }),
  exec: async ([program]) => ({ code: program === 'true' ? 0 : 1, output: 'no' }),
}
const probe = (action: ProbeAction, timeoutMs = 1000) => probeOnce(action, target, timeoutMs)

describe('one probe', () => {
  test('over HTTP', async () => {
    expect((await probe({ httpGet: { port, path: '/' } })).ok).toBe(true)
    expect(agents).toContain('kube-probe/1.34')
    status = 500
    expect(await probe({ httpGet: { port } })).toEqual({ ok: false, message: 'HTTP probe failed with statuscode: 500' })
    status = 200
    expect((await probe({ httpGet: { port, path: '/slow' } }, 100)).message).toContain('context deadline exceeded')
  })
  test('over TCP', async () => {
    expect((await probe({ tcpSocket: { port } })).ok).toBe(true)
    expect((await probe({ tcpSocket: { port: 1 } })).message).toContain('ECONNREFUSED')
    expect((await probe({ tcpSocket: { port: 'none' } })).message).toContain('not a port')
  })
  test('by a command', async () => {
    expect((await probe({ exec: { command: ['true'] } })).ok).toBe(true)
    expect(await probe({ exec: { command: ['false'] } })).toEqual({ ok: false, message: 'no' })
  })
  test('over gRPC, of something that does not speak it', async () => {
    expect((await probe({ grpc: { port } }, 2000)).ok).toBe(false)
  })
})

test('verdicts come at their thresholds, and until the first success the probe is eager', async () => {
  const stop = new AbortController()
  const answers = [false, false, true, true, false, false]
  const heard: boolean[] = []
  let asked = 0
  const exec: ProbeTarget['exec'] = async () => {
    const answer = answers[asked++] ?? true
    if (asked > answers.length) stop.abort()
    return { code: answer ? 0 : 1, output: 'no' }
  }
  const startedMs = Date.now()
  await runProbe({
    probe: { exec: {}, periodSeconds: 0.2, failureThreshold: 2, successThreshold: 2 },
    target: { ...target, exec },
    eager: true,
    signal: stop.signal,
    onVerdict: (ok) => void heard.push(ok),
    onFailure: () => undefined,
  })
  expect(heard).toEqual([false, true, false])
  expect(Date.now() - startedMs).toBeLessThan(5_000)
})
