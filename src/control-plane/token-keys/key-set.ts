import { X509Certificate } from 'node:crypto'
import type { KeyPlace } from '../../mesh/index.ts'
import { usableKeySet } from '../../resources/istio/index.ts'

/** Gives the text at a URL. */
export type Fetch = (url: string) => Promise<string>

/** The keys at a place, as a JSON web key set that proxies take. Rejects with a sentence that says why there are none. */
export async function fetchKeySet({ kind, url }: KeyPlace, fetch: Fetch): Promise<string> {
  const at = kind === 'url' ? url : await discover(url, fetch)
  const text = await fetch(at).catch((error: unknown) => fail(at, error))
  const keys = usableKeySet(withoutCertificates(text), { secrets: false })
  if (keys === undefined) throw new Error(`${at}: holds no key set with a key that tokens can be verified with`)
  return keys
}

/** OpenID Connect Discovery 1.0, section 4: where an issuer says that its keys are. */
async function discover(issuer: string, fetch: Fetch): Promise<string> {
  if (!/^https?:\/\//i.test(issuer) || !URL.canParse(issuer))
    throw new Error(`issuer ${JSON.stringify(issuer)} is no URL, so set jwksUri or jwks`)
  const at = `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`
  const text = await fetch(at).catch((error: unknown) => fail(at, error))
  const found = (parsed(text) as { jwks_uri?: unknown } | undefined)?.jwks_uri
  if (typeof found !== 'string' || !URL.canParse(found)) throw new Error(`${at}: names no jwks_uri`)
  return found
}

function fail(url: string, error: unknown): never {
  throw new Error(`${url}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
}

/** Some issuers publish certificates by key name instead of a key set. */
function withoutCertificates(text: string): string {
  const certificates = parsed(text)
  if (certificates === null || typeof certificates !== 'object' || 'keys' in certificates) return text
  const entries = Object.entries(certificates)
  if (!entries.every(([, pem]) => typeof pem === 'string' && pem.startsWith('-----BEGIN CERTIFICATE-----'))) return text
  const keys = entries.flatMap(([kid, pem]) => {
    try {
      return [{ kid, ...new X509Certificate(pem as string).publicKey.export({ format: 'jwk' }) }]
    } catch {
      return [] // Like keys of unknown form in a key set: the others count.
    }
  })
  return JSON.stringify({ keys })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
