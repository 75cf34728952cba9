import { defineKind } from '../kind.ts'
import type { KubeObject } from '../kube-object.ts'
import { boolean, duration, list, object, oneOf, required, type Static, string } from '../schema.ts'
import { security, securityVersions } from './group.ts'
import { checkRequestAuthentication } from './request-authentication-check.ts'
import { attachment, oneAttachment } from './selector.ts'
import { istioStatus } from './status.ts'

const filled = string({ minLength: 1 })

const keysUrl = string({
  minLength: 1,
  maxLength: 2048,
  description: 'http or https.',
  rules: [
    { rule: "isURL(self) && url(self).getScheme() in ['http', 'https']", message: 'must be an http or https URL' },
  ],
})

const jwtRule = object(
  {
    issuer: filled,
    audiences: list(filled),
    jwksUri: keysUrl,
    jwks_uri: keysUrl,
    jwks: string({ description: 'Public keys, as JSON.' }),
    fromHeaders: list(object({ name: required(filled), prefix: string() })),
    fromParams: list(filled),
    outputPayloadToHeader: string(),
    fromCookies: list(filled),
    forwardOriginalToken: boolean(),
    outputClaimToHeaders: list(
      object({ header: required(string({ minLength: 1, pattern: '^[-_A-Za-z0-9]+$' })), claim: required(filled) }),
    ),
    timeout: duration({ minimum: '1ms' }),
    spaceDelimitedClaims: list(filled, { maxItems: 64 }),
    presence: oneOf(['OPTIONAL', 'REQUIRED'], { description: 'REQUIRED = a request without this token is refused.' }),
  },
  { atMostOne: [['jwksUri', 'jwks_uri', 'jwks']] },
)

export const requestAuthenticationSpec = object(
  { ...attachment, jwtRules: list(jwtRule, { maxItems: 4096 }) },
  { atMostOne: [oneAttachment] },
)

export type JwtRule = Static<typeof jwtRule>
export type RequestAuthenticationSpec = Static<typeof requestAuthenticationSpec>
export type RequestAuthentication = KubeObject<RequestAuthenticationSpec, Static<typeof istioStatus>>

export const requestAuthenticationKind = defineKind({
  group: security.group,
  categories: security.categories,
  versions: securityVersions,
  kind: 'RequestAuthentication',
  plural: 'requestauthentications',
  shortNames: ['ra'],
  description: 'Which JSON web tokens are accepted; a request without any is not refused by this.',
  spec: requestAuthenticationSpec,
  status: istioStatus,
  checkFields: checkRequestAuthentication,
})
