// The agent beside an Envoy: proves an identity with a service account token (or the certificate that it has), gets a
// certificate for it, keeps it as files, and renews it at half of its life (Istio's certificate signing service; istio.io/api security/v1alpha1).

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { credentials, Metadata, makeClientConstructor, type ServiceError } from '@grpc/grpc-js'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import {
  type IstioCertificateRequest,
  IstioCertificateRequestSchema,
  type IstioCertificateResponse,
  IstioCertificateResponseSchema,
} from '#gen/security/v1alpha1/ca_pb.js'
import { type AgentCertificate, proxyFiles, secretFiles } from './bootstrap.ts'
import { controlPlaneName, type ProxyOptions } from './options.ts'

const lifetimeSeconds = 24 * 3600
const callTimeoutMs = 10_000
const retryMs = { first: 250, most: 2_000 }
const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

const CertificateClient = makeClientConstructor(
  {
    createCertificate: {
      path: '/istio.v1.auth.IstioCertificateService/CreateCertificate',
      requestStream: false,
      responseStream: false,
      requestSerialize: (m: IstioCertificateRequest) => Buffer.from(toBinary(IstioCertificateRequestSchema, m)),
      requestDeserialize: (bytes: Buffer) => fromBinary(IstioCertificateRequestSchema, bytes),
      responseSerialize: (m: IstioCertificateResponse) => Buffer.from(toBinary(IstioCertificateResponseSchema, m)),
      responseDeserialize: (bytes: Buffer) => fromBinary(IstioCertificateResponseSchema, bytes),
    },
  },
  'IstioCertificateService',
)

type Call = (
  request: IstioCertificateRequest,
  metadata: Metadata,
  options: { deadline: number },
  done: (error: ServiceError | null, response?: IstioCertificateResponse) => void,
) => void

/** Keeps the pod's certificate files good until it is stopped. */
export class CertificateAgent {
  readonly #options: ProxyOptions
  readonly #stopped = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(options: ProxyOptions) {
    this.#options = options
  }

  /** Resolves when the first certificate lies there; goes on trying, with back-off, until then or until it is stopped. */
  async start(): Promise<void> {
    mkdirSync(proxyFiles(this.#options.directory).certificates, { recursive: true, mode: 0o700 })
    await this.#renew()
  }

  stop(): void {
    this.#stopped.abort()
    clearTimeout(this.#timer)
  }

  async #renew(): Promise<void> {
    let waitMs = retryMs.first
    let attempt = 0
    while (!this.#stopped.signal.aborted) {
      try {
        const expiresAt = await this.#request(attempt++)
        const inMs = Math.max(1000, (expiresAt - Date.now()) / 2)
        this.#timer = setTimeout(() => void this.#renew(), Math.min(inMs, 2 ** 31 - 1))
        this.#timer.unref()
        return
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        this.#options.log(`certificate: ${why}; trying again in ${waitMs} ms`)
        await new Promise((done) => {
          this.#timer = setTimeout(done, waitMs)
          this.#stopped.signal.addEventListener('abort', done, { once: true })
        })
        waitMs = Math.min(waitMs * 2, retryMs.most)
      }
    }
  }

  /** Gets one certificate and puts it in place; returns when it expires (milliseconds since the epoch). */
  async #request(attempt: number): Promise<number> {
    const { cluster, xds, directory } = this.#options
    // The authority may have changed since: every other time a token is tried, if there is one.
    const own = attempt % 2 === 0 ? this.#options.certificate?.() : undefined
    const token = own ? undefined : await this.#options.token()
    const proof = token === undefined ? own : { token }
    if (!proof) throw new Error('there is neither a token nor a certificate that is still good')
    const roots = readFileSync(xds.rootFile, 'utf8')
    const made = await requestCertificate({ controlPlane: xds.address, roots, cluster, proof })
    place(directory, made)
    return made.expiresAt
  }
}

export interface CertificateOrder {
  /** `host:port`. */
  readonly controlPlane: string
  /** PEM of what stands behind the control plane's own certificate. */
  readonly roots: string
  readonly cluster: string
  /** A service account token, or a certificate of the same identity that is still good. */
  readonly proof: { readonly token: string } | { readonly chain: string; readonly key: string }
}

/** Makes a key and gets a certificate for it. Rejects with what the control plane answers. */
export async function requestCertificate(order: CertificateOrder): Promise<AgentCertificate & { expiresAt: number }> {
  const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: keyAlgorithm })
  const validityDuration = BigInt(lifetimeSeconds)
  const request = create(IstioCertificateRequestSchema, { csr: csr.toString('pem'), validityDuration })
  const { certChain } = await ask(order, request)
  const [leaf] = certChain
  if (leaf === undefined || certChain.length < 2) throw new Error('the answer holds no certificate chain')
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return {
    chain: certChain
      .slice(0, -1)
      .map((pem) => (pem.endsWith('\n') ? pem : `${pem}\n`))
      .join(''),
    key: `-----BEGIN PRIVATE KEY-----\n${der.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`,
    roots: certChain.at(-1) ?? '',
    expiresAt: new x509.X509Certificate(leaf).notAfter.getTime(),
  }
}

function ask(order: CertificateOrder, request: IstioCertificateRequest): Promise<IstioCertificateResponse> {
  const { controlPlane, cluster, proof } = order
  const metadata = new Metadata()
  metadata.set('clusterid', cluster)
  if ('token' in proof) metadata.set('authorization', `Bearer ${proof.token}`)
  const roots = Buffer.from(order.roots)
  const channel =
    'token' in proof
      ? credentials.createSsl(roots)
      : credentials.createSsl(roots, Buffer.from(proof.key), Buffer.from(proof.chain))
  const client = new CertificateClient(controlPlane, channel, {
    'grpc.ssl_target_name_override': controlPlaneName,
    'grpc.default_authority': controlPlaneName,
  })
  const method = client['createCertificate'] as Call
  return new Promise((resolve, reject) => {
    method.call(client, request, metadata, { deadline: Date.now() + callTimeoutMs }, (error, response) => {
      client.close()
      if (response) resolve(response)
      else reject(error ?? new Error('no answer'))
    })
  })
}

/** Writes the files by rename: Envoy reads them again when something is moved into their folder. */
function place(directory: string, certificate: AgentCertificate): void {
  for (const { path, content } of secretFiles(directory, certificate)) {
    writeFileSync(`${path}.new`, JSON.stringify(content), { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }
}
