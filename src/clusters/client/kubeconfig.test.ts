import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { CredentialSource } from './credentials.ts'
import { accessFromSecret, defaultAccess, loadAccess } from './kubeconfig.ts'

const folder = mkdtempSync(join(tmpdir(), 'fairlead-kubeconfig-'))
afterAll(() => rmSync(folder, { recursive: true }))

function write(name: string, content: string): string {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}

const config = (user: object, cluster: object = {}, name = 'a'): string =>
  JSON.stringify({
    clusters: [{ name, cluster: { server: `https://${name}:6443/`, ...cluster } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  })

const credentials = (user: object, cluster: object = {}) =>
  new CredentialSource(loadAccess(write('c', config(user, cluster)))).get()

test('tokens, passwords, certificates and impersonation become credentials', async () => {
  const base64 = Buffer.from('PEM').toString('base64')
  expect(await credentials({ token: 't', as: 'ann' })).toEqual({
    headers: { Authorization: 'Bearer t', 'Impersonate-User': 'ann' },
    tls: {},
  })
  expect((await credentials({ username: 'u', password: 'p' })).headers).toEqual({ Authorization: 'Basic dTpw' })
  const cluster = { 'certificate-authority-data': base64, 'tls-server-name': 'x', 'insecure-skip-tls-verify': true }
  write('cert', 'FILE')
  expect(await credentials({ 'client-certificate': 'cert', 'client-key-data': base64 }, cluster)).toEqual({
    headers: {},
    tls: {
      ca: Buffer.from('PEM'),
      cert: Buffer.from('FILE'),
      key: Buffer.from('PEM'),
      rejectUnauthorized: false,
      servername: 'x',
    },
  })
})

test('files of tokens are read again when the server refuses', async () => {
  write('token', 'one\n')
  const source = new CredentialSource(loadAccess(write('c', config({ tokenFile: 'token' }))))
  expect((await source.get()).headers).toEqual({ Authorization: 'Bearer one' })
  write('token', 'two')
  expect((await source.get()).headers).toEqual({ Authorization: 'Bearer one' })
  source.forget()
  expect((await source.get()).headers).toEqual({ Authorization: 'Bearer two' })
})

test('a command gives the token', async () => {
  const credential = {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token: 'made' },
  }
  const exec = { apiVersion: credential.apiVersion, command: 'echo', args: [JSON.stringify(credential)] }
  expect((await credentials({ exec })).headers).toEqual({ Authorization: 'Bearer made' })
})

test('several files are merged as kubectl does: the first that names a thing counts', () => {
  const one = write('one', config({ token: '1' }))
  const two = write('two', config({ token: '2' }, {}, 'b'))
  const env = { KUBECONFIG: `${one}:${two}:${join(folder, 'missing')}` }
  expect(defaultAccess(undefined, env)).toMatchObject({ context: 'a', server: 'https://a:6443', user: { token: '1' } })
  expect(defaultAccess('b', env).server).toBe('https://b:6443')
})

test('what cannot be used says which file and why', () => {
  const load = (text: string, context?: string) => () => loadAccess(write('bad', text), context)
  expect(() => loadAccess('/nowhere')).toThrow('/nowhere: cannot read the kubeconfig')
  expect(load('{')).toThrow('bad: not a kubeconfig')
  expect(load('text')).toThrow('bad: not a kubeconfig: it has no lists')
  expect(load('{}')).toThrow('bad: has no current context')
  expect(load(config({}), 'z')).toThrow('bad: has no context z; it has a')
  expect(load(config({}, { server: 'not a url' }))).toThrow('is not a URL')
  expect(load(JSON.stringify({ ...JSON.parse(config({})), users: [] }))).toThrow(
    'names a user that is not in the file: a',
  )
  expect(() => accessFromSecret(config({ tokenFile: '/etc/passwd' }), 'secret')).toThrow('must not use tokenFile')
})
