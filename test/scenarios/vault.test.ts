// The scenario beside this file, with a server that answers as Vault does, over TLS.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fingerprint } from '../../src/identity/index.ts'
import { type FakeVault, fakeVault } from '../../src/identity/vault/testing.ts'
import { root, runNode } from './run-command.ts'

const minutes = 60_000
let vault: FakeVault

const control = createServer((request, response) => {
  const actions: Record<string, () => void | Promise<void>> = {
    '/seal': () => void (vault.fault = { status: 503, body: '{"errors":["Vault is sealed"]}' }),
    '/unseal': () => void (vault.fault = undefined),
    '/new-root': () => vault.newRoot(),
    '/root': () => undefined,
  }
  const action = actions[request.url ?? '']
  Promise.resolve(action?.()).then(
    () => response.writeHead(action ? 200 : 404).end(fingerprint(vault.root.certificate)),
    (error: unknown) => response.writeHead(500).end(String(error)),
  )
})

beforeAll(async () => {
  vault = await fakeVault(Date.now, 'https')
  await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve))
})

afterAll(async () => {
  await vault.close()
  control.closeAllConnections()
  await new Promise((resolve) => control.close(resolve))
})

it('a Vault signs for two clusters, goes away, and changes its root', { timeout: 8 * minutes }, async () => {
  const file = join(root, 'test/scenarios/vault/vault.yaml')
  const { exit, printed } = await runNode([join(root, 'test/scenario/run.ts'), file], {
    timeoutMs: 7 * minutes,
    env: {
      VAULT_URL: vault.url,
      VAULT_BUNDLE: Buffer.from(vault.bundle).toString('base64'),
      VAULT_CONTROL: `http://127.0.0.1:${(control.address() as AddressInfo).port}`,
    },
  })
  expect(printed).toMatch(/^\d+ passed, 0 failed$/m)
  expect(exit).toBe(0)
})
