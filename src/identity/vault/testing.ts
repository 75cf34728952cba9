// A server that answers as Vault's PKI engine and logins do, for tests: over HTTP, or HTTPS with a certificate of its own.
import 'reflect-metadata'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import * as x509 from '@peculiar/x509'
import { type KeyedCertificate, makeLeaf, makeRoot, pemOf, validityFrom } from '../x509.ts'

const year = 365 * 24 * 3600_000

export interface FakeVault {
  readonly url: string
  /** PEM of who has signed the server's certificate. */
  readonly bundle: string
  root: KeyedCertificate
  /** Tokens that are taken, with seconds that they live. */
  readonly tokens: Map<string, number>
  /** Tokens of Kubernetes' that the login takes, by role. */
  readonly accounts: Map<string, string>
  /** Requests so far, `METHOD path`. */
  readonly asked: string[]
  readonly namespaces: (string | undefined)[]
  /** Answers every request with this instead; `hang`: with nothing. */
  fault: { readonly status: number; readonly body?: string; readonly location?: string } | 'hang' | undefined
  /** What is changed of an answer of signing. */
  spoil: (data: Record<string, unknown>) => Record<string, unknown>
  newRoot(): Promise<void>
  close(): Promise<void>
}

/** Starts one on a port of its own. `now`: its clock. */
export async function fakeVault(now: () => number, scheme: 'http' | 'https' = 'http'): Promise<FakeVault> {
  const newRoot = () =>
    makeRoot({ organization: 'Vault', commonName: 'root', keyKind: 'ecdsa-p256', validity: validityFrom(now(), year) })
  // The connection itself is of today.
  const validity = validityFrom(Date.now(), year)
  const signer = await makeRoot({ organization: 'Vault', commonName: 'tls', keyKind: 'ecdsa-p256', validity })
  const own = await makeLeaf(signer, { addresses: ['127.0.0.1'] }, validity)
  const server =
    scheme === 'http'
      ? createServer()
      : createTlsServer({ cert: own.certificate + signer.certificate, key: own.key.reveal() })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const vault: FakeVault = {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bundle: signer.certificate,
    root: await newRoot(),
    tokens: new Map([['root-token', 0]]),
    accounts: new Map(),
    asked: [],
    namespaces: [],
    fault: undefined,
    spoil: (data) => data,
    async newRoot() {
      vault.root = await newRoot()
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answer(vault, now, request, response).catch((error: unknown) => {
      response.writeHead(500).end(JSON.stringify({ errors: [String(error)] }))
    })
  })
  return vault
}

async function answer(vault: FakeVault, now: () => number, request: IncomingMessage, response: ServerResponse) {
  const path = (request.url ?? '').replace(/^\/v1\//, '')
  vault.asked.push(`${request.method} ${path}`)
  vault.namespaces.push(request.headers['x-vault-namespace']?.toString())
  const { fault } = vault
  if (fault === 'hang') return
  if (fault) {
    response.writeHead(fault.status, fault.location ? { location: fault.location } : {}).end(fault.body ?? '')
    return
  }
  const body = JSON.parse((await textOf(request)) || '{}') as Record<string, unknown>
  const json = (status: number, value: object): void => void response.writeHead(status).end(JSON.stringify(value))
  if (path === 'auth/kubernetes/login') {
    const known = vault.accounts.get(String(body['role']))
    if (known === undefined || known !== body['jwt']) return json(403, { errors: ['permission denied'] })
    const token = `of-${String(body['role'])}-${vault.asked.length}`
    vault.tokens.set(token, 3600)
    return json(200, { auth: { client_token: token, lease_duration: 3600, renewable: true } })
  }
  const token = request.headers['x-vault-token']?.toString() ?? ''
  const ttl = vault.tokens.get(token)
  if (ttl === undefined) return json(403, { errors: ['permission denied'] })
  if (path === 'auth/token/lookup-self') return json(200, { data: { renewable: ttl > 0, ttl, creation_ttl: 3600 } })
  if (path === 'auth/token/renew-self') {
    vault.tokens.set(token, 3600)
    return json(200, { auth: { client_token: token, lease_duration: 3600 } })
  }
  if (path === 'pki/ca/pem') return void response.writeHead(200).end(vault.root.certificate)
  if (path === 'pki/ca')
    return void response.writeHead(200).end(Buffer.from(new x509.X509Certificate(vault.root.certificate).rawData))
  if (path === 'pki/cert/ca') return json(200, { data: { certificate: vault.root.certificate } })
  if (path === 'pki/root/sign-intermediate') {
    const certificate = await sign(vault.root, now, body)
    const { certificate: root } = vault.root
    return json(200, { data: vault.spoil({ certificate, issuing_ca: root, ca_chain: [root] }) })
  }
  json(404, { errors: [`no handler for route "${path}". route entry not found.`] })
}

async function sign(issuer: KeyedCertificate, now: () => number, body: Record<string, unknown>): Promise<string> {
  const request = new x509.Pkcs10CertificateRequest(String(body['csr']))
  const by = new x509.X509Certificate(issuer.certificate)
  const seconds = Number(/^(\d+)s$/.exec(String(body['ttl']))?.[1])
  const { createPrivateKey, webcrypto } = await import('node:crypto')
  const der = createPrivateKey(issuer.key.reveal()).export({ format: 'der', type: 'pkcs8' })
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const made = await x509.X509CertificateGenerator.create({
    subject: request.subject,
    issuer: by.subject,
    ...validityFrom(now(), seconds * 1000),
    publicKey: request.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', new Uint8Array(der), algorithm, false, ['sign']),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new x509.BasicConstraintsExtension(true, Number(body['max_path_length']), true)],
  })
  return pemOf('CERTIFICATE', new Uint8Array(made.rawData))
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
