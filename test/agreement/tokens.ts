// Tokens for random requests: signed by the key that policies know, by another, or not at all.
import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'

export interface TokenKeys {
  /** JSON Web Key Set. */
  readonly publicKeys: string
  sign(claims: object, by: 'known' | 'unknown'): string
  verify(token: string, keySet: string): boolean
}

export function makeTokenKeys(): TokenKeys {
  const known = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const unknown = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = { ...known.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }
  const verified = new Map<string, boolean>()
  return {
    publicKeys: JSON.stringify({ keys: [jwk] }),
    sign: (claims, by) => signed(claims, by === 'known' ? known.privateKey : unknown.privateKey),
    verify(token) {
      const result = verified.get(token) ?? isSigned(token, known.publicKey)
      verified.set(token, result)
      return result
    },
  }
}

function signed(claims: object, key: KeyObject): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'RS256', kid: 'k1', typ: 'JWT' })}.${part(claims)}`
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`
}

function isSigned(token: string, key: KeyObject): boolean {
  const at = token.lastIndexOf('.')
  return verify('sha256', Buffer.from(token.slice(0, at)), key, Buffer.from(token.slice(at + 1), 'base64url'))
}
