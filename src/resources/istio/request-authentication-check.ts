import type { Place } from '../check.ts'
import { isObject } from '../shape.ts'
import type { JwtRule, RequestAuthentication } from './request-authentication.ts'
import { checkAttachment } from './selector-check.ts'

export function checkRequestAuthentication(root: Place, { spec = {} }: RequestAuthentication): void {
  const place = root.field('spec')
  checkAttachment(place, spec)
  place.field('jwtRules').each(spec.jwtRules, checkJwtRule)
}

function checkJwtRule(place: Place, rule: JwtRule): void {
  const { issuer = '', jwksUri = '', jwks = '' } = rule
  if (issuer === '' && jwksUri === '') place.error('issuer or jwksUri must be set', 'required')
  if (jwksUri !== '') checkJwksUri(place.field('jwksUri'), jwksUri)
  if (jwks !== '') checkJwks(place.field('jwks'), jwks)
}

function checkJwksUri(place: Place, uri: string): void {
  if (!/^https?:\/\//i.test(uri) || !URL.canParse(uri)) place.error(`${JSON.stringify(uri)} is no http or https URL`)
}

/** Members of a JSON web key that only its owner may know; `k` is the secret of a symmetric key. */
const privateMembers: Readonly<Record<string, string>> = { RSA: 'd', EC: 'd', OKP: 'd', oct: 'k' }

/** What each type of key is made of. */
const publicMembers: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
  oct: ['k'],
}

function checkJwks(place: Place, text: string): void {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    place.error(`is no JSON: ${error instanceof Error ? error.message : String(error)}`)
    return
  }
  const keys = isObject(parsed) && Array.isArray(parsed['keys']) ? parsed['keys'] : [parsed]
  for (const [index, key] of keys.entries()) {
    const type = isObject(key) && typeof key['kty'] === 'string' ? key['kty'] : ''
    const members = publicMembers[type]
    if (members === undefined || !isObject(key)) place.error(`key ${index} is no JSON web key`)
    else if (members.some((member) => typeof key[member] !== 'string'))
      place.error(`key ${index} (${type}) needs ${members.join(', ')}`)
    else if (privateMembers[type] !== undefined && privateMembers[type] in key)
      place.warn(`key ${index} holds its private part, which every proxy would get: leave it out`)
  }
}
