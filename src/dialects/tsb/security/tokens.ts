// Tokens of requests: TSB's `jwt` as Istio's JWTRule.
import { asList, asText, asTexts, at, compact, type Plain } from '../../shared/index.ts'

/**
 * Rules for a RequestAuthentication. Tokens are passed on: the service behind a gateway may judge them as well.
 * `required`: a request without one is answered with 401; with several issuers Istio cannot say "any of these".
 */
export function jwtRules(tokens: readonly Plain[], required: boolean): object[] {
  return tokens.map((token) =>
    compact({
      issuer: asText(token['issuer']) || undefined,
      audiences: asList(token['audiences']).map(asText),
      jwks: asText(token['jwks']) || undefined,
      jwksUri: asText(token['jwksUri']) || undefined,
      fromHeaders: asList(token['fromHeaders']).map((each) =>
        compact({ name: asText(at(each, 'name')), prefix: asText(at(each, 'prefix')) || undefined }),
      ),
      fromCookies: asList(token['fromCookies']).map(asText),
      outputPayloadToHeader: asText(token['outputPayloadToHeader']) || undefined,
      outputClaimToHeaders: asList(token['outputClaimToHeaders']).map(asTexts),
      forwardOriginalToken: true,
      presence: required && tokens.length === 1 ? 'REQUIRED' : undefined,
    }),
  )
}
