// JSON web key sets: what Envoy takes. One key that it does not take makes it refuse a whole listener.
import { isObject } from '../shape.ts'

/** What is wrong with a key; `private`: it works, but holds what only its owner may know. */
export interface KeyFault {
  readonly index: number
  readonly kind: 'unusable' | 'private'
  readonly message: string
}

/** What is wrong with the text of a key set; a single key is a set of one. */
export function faultsOfKeySet(text: string): KeyFault[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    return [
      { index: 0, kind: 'unusable', message: `is no JSON: ${error instanceof Error ? error.message : String(error)}` },
    ]
  }
  const keys: unknown[] = isObject(parsed) && Array.isArray(parsed['keys']) ? parsed['keys'] : [parsed]
  return keys.flatMap((key, index) => faultsOfKey(key).map((fault) => ({ index, ...fault })))
}

interface KeyType {
  /** Members that make up the public key. */
  readonly members: readonly string[]
  /** The member that is the secret. */
  readonly secret: string
  readonly fault: (key: Readonly<Record<string, unknown>>) => string | undefined
}

const keyTypes: Readonly<Record<string, KeyType>> = {
  RSA: { members: ['n', 'e'], secret: 'd', fault: faultOfRsa },
  EC: { members: ['crv', 'x', 'y'], secret: 'd', fault: faultOfEc },
  OKP: { members: ['crv', 'x'], secret: 'd', fault: faultOfOkp },
  oct: { members: ['k'], secret: 'k', fault: () => undefined },
}

function faultsOfKey(key: unknown): Omit<KeyFault, 'index'>[] {
  const name = isObject(key) && typeof key['kty'] === 'string' ? key['kty'] : ''
  const type = Object.hasOwn(keyTypes, name) ? keyTypes[name] : undefined
  if (type === undefined || !isObject(key)) return [{ kind: 'unusable', message: 'is no JSON web key' }]
  const missing = type.members.filter((member) => typeof key[member] !== 'string')
  const fault = missing.length > 0 ? `(${name}) needs ${type.members.join(', ')}` : type.fault(key)
  if (fault !== undefined) return [{ kind: 'unusable', message: fault }]
  return type.secret in key
    ? [{ kind: 'private', message: 'holds its private part, which every proxy would get: leave it out' }]
    : []
}

const smallestModulusBytes = 64

function faultOfRsa({ n, e }: Readonly<Record<string, unknown>>): string | undefined {
  const modulus = base64UrlBytes(n)
  const exponent = base64UrlBytes(e)
  if (modulus === undefined || exponent === undefined) return '(RSA) n and e must be base64url'
  if (modulus.length < smallestModulusBytes) return `(RSA) n has ${modulus.length * 8} bits, fewer than 512`
  return ((modulus.at(-1) ?? 0) & 1) === 0 || ((exponent.at(-1) ?? 0) & 1) === 0
    ? '(RSA) n and e must be odd'
    : undefined
}

const curveBytes: Readonly<Record<string, number>> = { 'P-256': 32, 'P-384': 48, 'P-521': 66 }

function faultOfEc({ crv, x, y }: Readonly<Record<string, unknown>>): string | undefined {
  const size = curveBytes[String(crv)]
  if (size === undefined) return `(EC) crv must be one of ${Object.keys(curveBytes).join(', ')}`
  const fits = [x, y].every((part) => base64UrlBytes(part)?.length === size)
  return fits ? undefined : `(EC) x and y must be base64url of ${size} bytes`
}

function faultOfOkp({ crv, x }: Readonly<Record<string, unknown>>): string | undefined {
  if (crv !== 'Ed25519') return '(OKP) crv must be Ed25519'
  return base64UrlBytes(x)?.length === 32 ? undefined : '(OKP) x must be base64url of 32 bytes'
}

function base64UrlBytes(value: unknown): Uint8Array | undefined {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]+={0,2}$/.test(value)) return undefined
  const plain = value.replaceAll('=', '').replaceAll('-', '+').replaceAll('_', '/')
  if (plain.length % 4 === 1) return undefined
  return Uint8Array.from(atob(plain), (char) => char.charCodeAt(0))
}
