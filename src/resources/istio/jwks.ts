// JSON web key sets: which keys Envoy takes. It leaves out others; without a single good one it refuses a whole listener.
import { isObject } from '../shape.ts'
import { coordinateBytes, curveNames, isOnCurve } from './elliptic-curves.ts'

/**
 * What is wrong with a key, or with the whole set. `broken`: it is no key. `ignored`: a key, but none that tokens are
 * verified with. `private`: it works, but holds what only its owner may know.
 */
export interface KeyFault {
  readonly index: number | undefined
  readonly kind: 'broken' | 'ignored' | 'private'
  readonly message: string
}

type Key = Readonly<Record<string, unknown>>

/** What is wrong with the text of a key set; a single key is a set of one. */
export function faultsOfKeySet(text: string): KeyFault[] {
  const keys = keysOf(text)
  if (typeof keys === 'string') return [{ index: undefined, kind: 'broken', message: `is no JSON: ${keys}` }]
  const faults = keys.flatMap((key, index) => faultsOfKey(key).map((fault) => ({ index, ...fault })))
  if (faults.some(({ kind }) => kind === 'broken') || keys.some(isUsable)) return faults
  return [...faults, { index: undefined, kind: 'broken', message: 'has no key that tokens can be verified with' }]
}

export interface KeySetOptions {
  /** Whether symmetric keys count: not where the set was published, since what everybody knows proves nothing. */
  readonly secrets: boolean
}

/** The keys of a set that Envoy takes, without private parts, as it reads them; undefined if there is none. */
export function usableKeySet(text: string, { secrets }: KeySetOptions): string | undefined {
  const keys = keysOf(text)
  if (typeof keys === 'string') return undefined
  const usable = keys
    .filter(isUsable)
    .filter((key) => secrets || key['kty'] !== 'oct')
    .map((key) => Object.fromEntries(Object.entries(key).filter(([name]) => !privateMembers.includes(name))))
  return usable.length === 0 ? undefined : JSON.stringify({ keys: usable })
}

function isUsable(key: unknown): key is Key {
  return isObject(key) && faultsOfKey(key).every(({ kind }) => kind === 'private')
}

/** The keys, or why there are none. */
function keysOf(text: string): readonly unknown[] | string {
  try {
    const parsed: unknown = JSON.parse(text)
    return isObject(parsed) && Array.isArray(parsed['keys']) ? (parsed['keys'] as unknown[]) : [parsed]
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Members by which an asymmetric key gives away its private part. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth']

interface KeyType {
  /** Members that make up the public key. */
  readonly members: readonly string[]
  /** The member that is the secret. */
  readonly secret: string
  /** Why it is no key. */
  readonly broken: (key: Key) => string | undefined
  /** Why tokens are not verified with it. */
  readonly ignored: (key: Key) => string | undefined
}

const keyTypes: Readonly<Record<string, KeyType>> = {
  RSA: { members: ['n', 'e'], secret: 'd', broken: brokenRsa, ignored: ignoredRsa },
  EC: { members: ['crv', 'x', 'y'], secret: 'd', broken: brokenEc, ignored: ignoredEc },
  OKP: { members: ['crv', 'x'], secret: 'd', broken: brokenOkp, ignored: (key) => otherAlg(key, ['EdDSA']) },
  oct: {
    members: ['k'],
    secret: 'k',
    broken: () => undefined,
    ignored: ({ k, ...key }) =>
      base64UrlBytes(k) === undefined ? 'k must be base64url' : otherAlg(key, ['HS256', 'HS384', 'HS512']),
  },
}

function faultsOfKey(key: unknown): Omit<KeyFault, 'index'>[] {
  const name = isObject(key) && typeof key['kty'] === 'string' ? key['kty'] : ''
  const type = Object.hasOwn(keyTypes, name) ? keyTypes[name] : undefined
  if (type === undefined || !isObject(key)) return [{ kind: 'broken', message: 'is no JSON web key' }]
  const missing = type.members.filter((member) => typeof key[member] !== 'string')
  const broken = missing.length > 0 ? `needs ${type.members.join(', ')}` : type.broken(key)
  if (broken !== undefined) return [{ kind: 'broken', message: `(${name}) ${broken}` }]
  const ignored = key['use'] === 'enc' ? 'is for encryption' : type.ignored(key)
  if (ignored !== undefined) return [{ kind: 'ignored', message: `(${name}) ${ignored}: it verifies no tokens` }]
  return type.secret in key
    ? [{ kind: 'private', message: 'holds its private part, which every proxy would get: leave it out' }]
    : []
}

const smallestModulusBytes = 64
const largestModulusBytes = 1024

function brokenRsa({ n, e }: Key): string | undefined {
  const modulus = base64UrlBytes(n)
  const exponent = base64UrlBytes(e)
  if (modulus === undefined || exponent === undefined) return 'n and e must be base64url'
  if (modulus.length < smallestModulusBytes) return `n has ${modulus.length * 8} bits, fewer than 512`
  return ((modulus.at(-1) ?? 0) & 1) === 0 || ((exponent.at(-1) ?? 0) & 1) === 0 ? 'n and e must be odd' : undefined
}

function ignoredRsa(key: Key): string | undefined {
  const modulus = base64UrlBytes(key['n']) ?? new Uint8Array()
  if (modulus.length > largestModulusBytes) return `n has ${modulus.length * 8} bits, more than 8192`
  const exponent = (base64UrlBytes(key['e']) ?? new Uint8Array()).reduce((value, byte) => value * 256 + byte, 0)
  if (exponent !== 3 && exponent !== 65537) return 'e is neither 3 nor 65537'
  return otherAlg(key, ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'])
}

function brokenEc({ crv, x, y }: Key): string | undefined {
  const size = coordinateBytes(String(crv))
  if (size === undefined) return `crv must be one of ${curveNames.join(', ')}`
  const fits = [x, y].every((part) => base64UrlBytes(part)?.length === size)
  return fits ? undefined : `x and y must be base64url of ${size} bytes`
}

const algOfCurve: Readonly<Record<string, string>> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' }

function ignoredEc(key: Key): string | undefined {
  const curve = String(key['crv'])
  const [x, y] = [base64UrlBytes(key['x']), base64UrlBytes(key['y'])]
  if (!x || !y || !isOnCurve(curve, x, y)) return `x and y are no point of ${curve}`
  return otherAlg(key, [algOfCurve[curve] ?? ''])
}

function brokenOkp({ crv, x }: Key): string | undefined {
  if (crv !== 'Ed25519') return 'crv must be Ed25519'
  return base64UrlBytes(x)?.length === 32 ? undefined : 'x must be base64url of 32 bytes'
}

function otherAlg({ alg = '' }: Key, algorithms: readonly string[]): string | undefined {
  return alg === '' || algorithms.includes(String(alg)) ? undefined : `alg is not ${algorithms.join(', ')}`
}

function base64UrlBytes(value: unknown): Uint8Array | undefined {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]+={0,2}$/.test(value)) return undefined
  const plain = value.replaceAll('=', '').replaceAll('-', '+').replaceAll('_', '/')
  if (plain.length % 4 === 1) return undefined
  return Uint8Array.from(atob(plain), (char) => char.charCodeAt(0))
}
