// A Vault as the authority above the authorities of clusters: it signs their certificates and keeps its own key.
import { X509Certificate } from 'node:crypto'
import { pemOf, splitPem } from '../x509.ts'
import { askVault } from './client.ts'
import { type VaultCredentials, VaultSessions } from './session.ts'
import { settingsError, type VaultSettings } from './settings.ts'

/** A certificate that an authority outside has signed, with what leads to its root. */
export interface SignedElsewhere {
  /** PEM. */
  readonly certificate: string
  /** PEM, nearest first, without the root. */
  readonly intermediates: readonly string[]
  readonly root: string
  readonly alsoTrusted: readonly string[]
}

const requestTimeoutMs = 10_000

export class VaultAuthority {
  readonly #sessions: VaultSessions
  readonly #now: () => number
  readonly #timeoutMs: number

  constructor(credentials: VaultCredentials, now: () => number, timeoutMs = requestTimeoutMs) {
    this.#sessions = new VaultSessions(credentials, now, timeoutMs)
    this.#now = now
    this.#timeoutMs = timeoutMs
  }

  /** PEM of the certificate with which Vault signs now, and of what it gives with it. Rejects if Vault gives none. */
  async issuer(cluster: string, settings: VaultSettings): Promise<string[]> {
    const wrong = settingsError(settings)
    if (wrong !== undefined) throw new Error(`Vault: ${wrong}`)
    const found = await this.#sessions.with(cluster, settings, async (token) =>
      certificatesIn(await askVault(settings, { method: 'GET', path: settings.caPath, token }, this.#timeoutMs)),
    )
    if (found.length === 0) throw new Error(`Vault: there is no certificate at caPath '${settings.caPath}'`)
    return found
  }

  /** Has a request for the certificate of an authority signed, for at most `ttlMs`. Rejects if that gives none. */
  async sign(cluster: string, settings: VaultSettings, csr: string, ttlMs: number): Promise<SignedElsewhere> {
    const issuer = await this.issuer(cluster, settings)
    const ends = new X509Certificate(issuer[0] ?? '').validToDate.getTime()
    const seconds = Math.floor((Math.min(ends, this.#now() + ttlMs) - this.#now()) / 1000)
    if (seconds <= 0) throw new Error('Vault: the certificate that it signs with has expired')
    const body = {
      csr,
      format: 'pem',
      ttl: `${seconds}s`,
      // Names are those of the request; what it is, an authority over leaves only, Vault is told.
      use_csr_values: true,
      max_path_length: 0,
    }
    const answer = await this.#sessions.with(cluster, settings, (token) =>
      askVault(settings, { method: 'POST', path: settings.csrPath, token, body }, this.#timeoutMs),
    )
    const { certificate, chain } = signedIn(answer)
    if (certificate === undefined) throw new Error(`Vault: csrPath '${settings.csrPath}' gave no certificate`)
    return arrange(certificate, [...chain, ...issuer])
  }
}

/** Certificates of an answer: PEM, DER, or JSON in which PEM stands. */
function certificatesIn(body: Buffer): string[] {
  const pem = splitPem(body.toString('utf8').replaceAll('\\n', '\n'))
  if (pem.length > 0) return pem
  try {
    return [pemOf('CERTIFICATE', new X509Certificate(body).raw)]
  } catch {
    return [] // No form of a certificate.
  }
}

function signedIn(body: Buffer): { readonly certificate: string | undefined; readonly chain: readonly string[] } {
  const { data } = JSON.parse(body.toString('utf8')) as {
    data?: { certificate?: unknown; issuing_ca?: unknown; ca_chain?: unknown }
  }
  const text = (value: unknown): string => (typeof value === 'string' ? value : '')
  const chain = Array.isArray(data?.ca_chain) ? data.ca_chain.map(text) : []
  return {
    certificate: splitPem(`${text(data?.certificate)}\n`)[0],
    chain: [...splitPem(`${text(data?.issuing_ca)}\n`), ...chain.flatMap((pem) => splitPem(`${pem}\n`))],
  }
}

/** The way from a certificate to a root, by who signed whom. Rejects if there is none: nobody would trust a leaf below it. */
function arrange(certificate: string, known: readonly string[]): SignedElsewhere {
  const all = [...new Set(known)].map((pem) => ({ pem, parsed: new X509Certificate(pem) }))
  const isRoot = ({ parsed }: { parsed: X509Certificate }): boolean =>
    parsed.checkIssued(parsed) && parsed.verify(parsed.publicKey)
  const intermediates: string[] = []
  let at = new X509Certificate(certificate)
  for (let steps = 0; steps <= all.length; steps++) {
    const by = all.find(({ parsed }) => at.checkIssued(parsed) && at.verify(parsed.publicKey))
    if (by === undefined) break
    if (isRoot(by)) {
      const others = all.filter((each) => isRoot(each) && each !== by)
      return { certificate, intermediates, root: by.pem, alsoTrusted: others.map(({ pem }) => pem) }
    }
    intermediates.push(by.pem)
    at = by.parsed
  }
  const last = at.issuer.replaceAll('\n', ', ')
  throw new Error(
    `Vault: it does not give the root: nothing says who '${last}' is; put its certificate into the chain of the mount`,
  )
}
