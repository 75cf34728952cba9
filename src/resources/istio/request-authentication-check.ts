import type { Place } from '../check.ts'
import { faultsOfKeySet } from './jwks.ts'
import type { JwtRule, RequestAuthentication } from './request-authentication.ts'
import { checkAttachment } from './selector-check.ts'

export function checkRequestAuthentication(root: Place, { spec = {} }: RequestAuthentication): void {
  const place = root.field('spec')
  checkAttachment(place, spec)
  place.field('jwtRules').each(spec.jwtRules, checkJwtRule)
}

function checkJwtRule(place: Place, rule: JwtRule): void {
  const { issuer = '', jwks_uri = '', jwksUri = jwks_uri, jwks = '' } = rule
  if (issuer === '' && jwksUri === '') place.error('issuer or jwksUri must be set', 'required')
  if (jwksUri !== '') checkJwksUri(place.field(rule.jwksUri === undefined ? 'jwks_uri' : 'jwksUri'), jwksUri)
  if (jwks !== '') checkJwks(place.field('jwks'), jwks)
}

function checkJwksUri(place: Place, uri: string): void {
  if (!/^https?:\/\//i.test(uri) || !URL.canParse(uri)) place.error(`${JSON.stringify(uri)} is no http or https URL`)
}

function checkJwks(place: Place, text: string): void {
  for (const { index, kind, message } of faultsOfKeySet(text)) {
    const told = index === undefined ? message : `key ${index} ${message}`
    if (kind === 'broken') place.error(told)
    else place.warn(told)
  }
}
