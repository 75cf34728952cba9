import { request } from 'node:https'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAuthority, issueClient, type KeyPair } from '../apiserver/auth/authority.ts'
import { startKubeletServer } from './server.ts'

let server: { port: number; close(): Promise<void> }
let authority: KeyPair
beforeAll(async () => {
  authority = await createAuthority('cluster')
  server = await startKubeletServer({
    host: '127.0.0.1',
    port: 0,
    token: 'of-the-api-server',
    clientAuthority: authority.certificatePem,
    runtime: {
      logFile: () => undefined,
      isRunning: () => false,
      exec: () => undefined,
      connect: () => undefined,
    },
  })
})
afterAll(() => server.close())

async function statusFor(proof: { token?: string; client?: KeyPair }): Promise<number | undefined> {
  const { token, client } = proof
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: server.port,
        path: '/healthz',
        rejectUnauthorized: false,
        agent: false,
        ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
        ...(client ? { cert: client.certificatePem, key: client.keyPem } : {}),
      },
      (reply) => {
        reply.resume()
        resolve(reply.statusCode)
      },
    )
    outgoing.on('error', reject)
    outgoing.end()
  })
}

test('the API server proves itself by its token', async () => {
  expect(await statusFor({})).toBe(401)
  expect(await statusFor({ token: 'of-somebody-else' })).toBe(401)
  expect(await statusFor({ token: 'of-the-api-server' })).toBe(200)
})

test('a real one proves itself by a certificate of its cluster', async () => {
  const stranger = await createAuthority('cluster')
  expect(await statusFor({ client: await issueClient(authority, 'kube-apiserver-kubelet-client', []) })).toBe(200)
  expect(await statusFor({ client: await issueClient(authority, 'admin', ['others', 'system:masters']) })).toBe(200)
  expect(await statusFor({ client: await issueClient(authority, 'somebody', ['others']) })).toBe(401)
  expect(await statusFor({ client: await issueClient(stranger, 'admin', ['system:masters']) })).toBe(401)
})
