import { generateKeyPairSync, sign } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { apiKindsNamed, readApiFile } from '../resources/tsb/index.ts'
import {
  type ApplyRequest,
  Authenticator,
  hashOf,
  Management,
  managementServer,
  remoteApi,
  remoteVersion,
} from './index.ts'
import { MemoryStore } from './testing.ts'

const salt = Buffer.from('0123456789abcdef')
const provider = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const seconds = 1_700_000_000

function tokenOf(claims: object, key = provider.privateKey, alg = 'ES256'): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg, kid: 'k' })}.${part(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

const objects = `
apiVersion: api.tsb.tetrate.io/v2
kind: Tenant
metadata: {organization: o, name: a}
---
apiVersion: api.tsb.tetrate.io/v2
kind: Tenant
metadata: {organization: o, name: b}
---
apiVersion: api.tsb.tetrate.io/v2
kind: Team
metadata: {organization: o, name: devs}
spec: {oidcGroups: [developers]}
---
apiVersion: rbac.tsb.tetrate.io/v2
kind: AccessBindings
metadata: {fqn: organizations/o/tenants/a}
spec:
  allow:
  - {role: rbac/admin, subjects: [{user: organizations/o/users/joe}, {team: organizations/o/teams/devs}]}
`

const requestsOf = (text: string): ApplyRequest[] =>
  readApiFile(text, 'x.yaml').objects.map((object) => ({ ...object }))

let app: FastifyInstance
let address: string
let fetched: number

beforeEach(async () => {
  const store = new MemoryStore()
  const management = new Management({ store, audit: store.audit, now: () => seconds * 1000 })
  await management.apply(requestsOf(objects), { name: 'root', isPlatform: true, subjects: [] }, 'test')
  fetched = 0
  const authenticator = new Authenticator({
    accounts: {
      organization: 'o',
      users: [
        { name: 'joe', passwordHash: hashOf('secret', salt), tokenHash: hashOf('token-of-joe', salt) },
        { name: 'root', passwordHash: hashOf('root', salt), admin: true },
      ],
      oidc: { issuer: 'https://idp', audience: 'tsb', jwksUri: 'https://idp/keys', usernameClaim: 'email' },
    },
    now: () => seconds * 1000,
    fetchKeys: () => {
      fetched++
      return Promise.resolve([{ ...provider.publicKey.export({ format: 'jwk' }), kid: 'k' }])
    },
  })
  app = managementServer({ management, authenticator, version: '1.2.3' })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const bound = app.server.address()
  address = `127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`
})
afterEach(() => app.close())

const tenants = { kinds: apiKindsNamed('tenant') }
const as = (credentials: { username?: string; password?: string; token?: string }) =>
  remoteApi({ address, tls: 'none', ...credentials })
const seenBy = async (credentials: Parameters<typeof as>[0]): Promise<string[]> =>
  (await as(credentials).find(tenants)).map(({ identity }) => identity.name)

describe('who asks', () => {
  it('shows passwords or tokens', async () => {
    expect(await seenBy({ username: 'joe', password: 'secret' })).toEqual(['a'])
    expect(await seenBy({ token: 'token-of-joe' })).toEqual(['a'])
    expect(await seenBy({ username: 'root', password: 'root' })).toEqual(['a', 'b'])
    await expect(seenBy({ username: 'joe', password: 'wrong' })).rejects.toMatchObject({ code: 'Unauthenticated' })
    await expect(seenBy({ username: 'eve', password: '' })).rejects.toMatchObject({ code: 'Unauthenticated' })
    await expect(seenBy({})).rejects.toMatchObject({ code: 'Unauthenticated' })
    expect(await remoteVersion({ address, tls: 'none' })).toBe('1.2.3')
  })

  it('or a token of the provider, whose groups are teams', async () => {
    const good = { iss: 'https://idp', aud: ['x', 'tsb'], exp: seconds + 60, email: 'ann', groups: ['developers'] }
    expect(await seenBy({ token: tokenOf(good) })).toEqual(['a'])
    expect(await seenBy({ token: tokenOf({ ...good, groups: ['others'] }) })).toEqual([])
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const bad = [
      tokenOf({ ...good, iss: 'https://other' }),
      tokenOf({ ...good, aud: 'other' }),
      tokenOf({ ...good, exp: seconds - 61 }),
      tokenOf({ ...good, exp: undefined }),
      tokenOf({ ...good, nbf: seconds + 61 }),
      tokenOf({ ...good, email: undefined }),
      tokenOf(good, stranger.privateKey),
      tokenOf(good, provider.privateKey, 'none'),
      tokenOf(good, provider.privateKey, 'HS256'),
      `${tokenOf(good)}.x`,
      'x',
    ]
    for (const token of bad) await expect(seenBy({ token })).rejects.toMatchObject({ code: 'Unauthenticated' })
    expect(fetched).toBe(1)
  })
})

describe('changes', () => {
  const workspace = (tenant: string): ApplyRequest[] =>
    requestsOf(
      `apiVersion: api.tsb.tetrate.io/v2\nkind: Workspace\nmetadata: {organization: o, tenant: ${tenant}, name: w}\nspec: {namespaceSelector: {names: ["*/x"]}}\n`,
    )

  it('go through, with who made them; others are refused', async () => {
    const joe = as({ username: 'joe', password: 'secret' })
    expect(await joe.apply(workspace('a'), 'tctl apply')).toMatchObject([{ action: 'created', request: 0 }])
    expect(await joe.apply(workspace('b'), 'tctl apply')).toMatchObject([
      { action: 'refused', code: 'PermissionDenied' },
    ])
    const log = await joe.audit({ fqn: 'organizations/o', isRecursive: true })
    expect(log.map(({ user, fqn }) => `${user} ${fqn}`)).toEqual([
      'root organizations/o/tenants/a',
      'root organizations/o/tenants/a',
      'joe organizations/o/tenants/a/workspaces/w',
    ])
    expect(await joe.status({ kinds: apiKindsNamed('ws') })).toMatchObject([{ spec: { status: 'ACCEPTED' } }])
    expect(await joe.remove(await joe.find({ kinds: apiKindsNamed('ws') }), 'tctl delete')).toMatchObject([
      { action: 'deleted' },
    ])
  })
})

describe("TSB's own paths", () => {
  const call = async (method: string, path: string, body?: object): Promise<{ status: number; body: unknown }> => {
    const authorization = `Basic ${Buffer.from('joe:secret').toString('base64')}`
    const response = await fetch(`http://${address}/v2/${path}`, {
      method,
      headers: { authorization, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }
  const path = 'organizations/o/tenants/a/workspaces'

  it('create, read, change and delete', async () => {
    const spec = { namespaceSelector: { names: ['*/x'] } }
    expect(await call('POST', path, { name: 'w', workspace: spec })).toMatchObject({
      status: 201,
      body: { ...spec, fqn: `${path}/w` },
    })
    expect(await call('POST', path, { name: 'w', workspace: spec })).toMatchObject({ status: 409 })
    const { body } = await call('GET', `${path}/w`)
    expect(await call('PUT', `${path}/w`, { ...(body as object), displayName: 'W' })).toMatchObject({ status: 200 })
    expect(await call('PUT', `${path}/w`, { ...(body as object), displayName: 'X' })).toMatchObject({ status: 409 })
    expect(await call('GET', path)).toMatchObject({ body: { workspaces: [{ displayName: 'W' }] } })
    expect(await call('DELETE', `${path}/w`)).toMatchObject({ status: 200 })
    expect(await call('GET', `${path}/w`)).toMatchObject({ status: 404 })
    expect(await call('GET', 'organizations/o/tenants/b')).toMatchObject({ status: 404 })
    expect(await call('GET', 'nonsense/x/y')).toMatchObject({ status: 404 })
    expect(await call('POST', path, { workspace: {} })).toMatchObject({ status: 400 })
  })
})
