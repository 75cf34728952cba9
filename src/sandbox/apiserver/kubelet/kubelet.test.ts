import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createAuthority, issueServing } from '../auth/authority.ts'
import { type ApiServer, startApiServer } from '../index.ts'

let dataDir: string
let server: ApiServer
let kubelet: Server
let authorization: string
const asked: string[] = []

async function send(
  method: string,
  path: string,
  body?: unknown,
  contentType = 'application/json',
): Promise<{ code: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization, 'content-type': contentType }
    const sent = request(new URL(path, server.url), { method, ca: server.caPem, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (s: string) => (text += s))
      response.on('end', () => resolve({ code: response.statusCode ?? 0, text }))
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

beforeEach(async () => {
  asked.length = 0
  const serving = await issueServing(await createAuthority('test'), ['127.0.0.1'])
  kubelet = createServer({ cert: serving.certificatePem, key: serving.keyPem }, (incoming, answer) => {
    asked.push(`${incoming.headers.authorization ?? ''} ${incoming.url ?? ''}`)
    answer.end('one line\n')
  })
  kubelet.on('upgrade', (incoming, socket) => {
    asked.push(`${incoming.headers.authorization ?? ''} ${incoming.url ?? ''}`)
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n')
    socket.on('data', (bytes: Buffer) => socket.end(`echo ${bytes.toString()}`))
  })
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve))
  const { port: Port } = kubelet.address() as AddressInfo
  dataDir = mkdtempSync(join(tmpdir(), 'apiserver-'))
  server = await startApiServer({ dataDir, kubelet: { token: 'secret' } })
  authorization = `Bearer ${(await server.issueCredential('ann', ['system:masters'])).token}`
  await send('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } })
  await send('POST', '/api/v1/nodes', {
    metadata: { name: 'n' },
    status: {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port } },
    },
  })
  const containers = [{ name: 'c', image: 'x' }]
  await send('POST', '/api/v1/namespaces/default/pods', {
    metadata: { name: 'p' },
    spec: { nodeName: 'n', containers },
  })
})
afterEach(async () => {
  await server.close()
  kubelet.closeAllConnections()
  await new Promise((resolve) => kubelet.close(resolve))
  rmSync(dataDir, { recursive: true })
})

it('fetches logs from the kubelet of the pod, as itself', async () => {
  const log = await send('GET', '/api/v1/namespaces/default/pods/p/log?tailLines=3')
  expect(log).toEqual({ code: 200, text: 'one line\n' })
  expect(asked).toEqual(['Bearer secret /containerLogs/default/p/c?tailLines=3'])
})

it('hands an upgraded connection through, byte for byte', async () => {
  const said = await new Promise<string>((resolve, reject) => {
    const url = new URL('/api/v1/namespaces/default/pods/p/exec?command=ls&stdout=true', server.url)
    const headers = { authorization, connection: 'Upgrade', upgrade: 'SPDY/3.1' }
    const sent = request(url, { method: 'POST', ca: server.caPem, headers })
    sent.on('error', reject)
    sent.on('upgrade', (_response, socket) => {
      let text = ''
      socket.on('data', (bytes: Buffer) => (text += bytes.toString()))
      socket.on('end', () => resolve(text))
      socket.write('frames')
    })
    sent.end()
  })
  expect(said).toBe('echo frames')
  expect(asked).toEqual(['Bearer secret /exec/default/p/c?command=ls&output=1'])
})
