// RequestAuthentications of a workload → the filter that verifies JSON web tokens.
import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  JwtAuthenticationSchema,
  type JwtProviderSchema,
  type JwtRequirementSchema,
} from '#gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js'
import type { World } from '../../../discovery/index.ts'
import { type SecuredWorkload, type TokenRule, tokenKeys, workloadTokens } from '../../../mesh/security/index.ts'
import type { ObjectRef } from '../../../report/index.ts'
import { extensionConfig } from '../proto.ts'
import type { FilterInit } from './authorization.ts'
import { jwtFilterName, jwtPayloadKey } from './names.ts'

type ProviderInit = MessageInitShape<typeof JwtProviderSchema>
type RequirementInit = MessageInitShape<typeof JwtRequirementSchema>

/**
 * A key whose private half was thrown away: in place of keys that are not known, so that tokens of the issuer are
 * refused rather than taken for none.
 */
const nobodysKey =
  '{"keys":[{"kty":"RSA","kid":"none","alg":"RS256","n":"5o3rwNvXLzc7I1OeeeGctQAniOo2avHNT51_qDnvLc-mxQBr_otK9gFGyZCK_T0KXYMlXUXzvG8X9qyAfbBzoaEVooLKaEbd5E_zZ4QQ6sGmNeYhC25Q_KuOSl_GPvuVn1D9m6K9558f8WagLLMdYtpQ95oUhZ5JHUHc93e8AVmGok0VbH3SLfgksVdJ0qUk9y7jQsSVN28vk_7LUU7C_lJ7klMPAcZQx9UmMOWBJMA7dHjqUaHON4C3o2QQVsIJj-YmDEQO_j_rSu0OTgdKIr7dK0wAqHNZHBVQ4WACbdfmNDMJIcPrQht_CNFhZ4kfJoQTtC2eELxJxE3pBnRunQ","e":"AQAB"}]}'

export interface JwtFilterOptions {
  /** Claims may decide the route: choose it again when they are known (gateways). */
  readonly clearRouteCache: boolean
}

/** The filter for the tokens that a workload accepts; undefined if it accepts none in particular. */
export function jwtFilter(
  world: World,
  workload: SecuredWorkload,
  options: JwtFilterOptions,
): { filter: FilterInit; origin: readonly ObjectRef[] } | undefined {
  const rules = workloadTokens(world, workload)
  if (rules.length === 0) return undefined
  const names = rules.map((_, index) => `origins-${index}`)
  const providers = Object.fromEntries(rules.map((rule, index) => [`origins-${index}`, provider(world, rule, options)]))
  const filter = extensionConfig(jwtFilterName, JwtAuthenticationSchema, {
    providers,
    rules: [
      {
        match: { pathSpecifier: { case: 'prefix', value: '/' } },
        requirementType: { case: 'requires', value: requirement(names, rules) },
      },
    ],
    bypassCorsPreflight: true,
  })
  return { filter, origin: rules.map(({ origin }) => origin) }
}

/**
 * Tokens that are there must be valid; those that are `REQUIRED` must be there. With several providers a valid token of any
 * of them is enough, since providers that look at the same place would each refuse the other's token.
 */
function requirement(names: readonly string[], rules: readonly TokenRule[]): RequirementInit {
  const provided = (name: string): RequirementInit => ({ requiresType: { case: 'providerName', value: name } })
  const missing: RequirementInit = { requiresType: { case: 'allowMissing', value: {} } }
  const required = names.filter((_, index) => rules[index]?.rule.presence === 'REQUIRED')
  const optional = names.filter((name) => !required.includes(name))
  const each = optional.map((name) => any([provided(name), missing]))
  const parts = [
    ...required.map(provided),
    ...(optional.length > 1 ? [any([...optional.map(provided), all(each)])] : each),
  ]
  return all(parts)
}

function any(requirements: RequirementInit[]): RequirementInit {
  return { requiresType: { case: 'requiresAny', value: { requirements } } }
}

function all(requirements: RequirementInit[]): RequirementInit {
  const [only] = requirements
  if (only !== undefined && requirements.length === 1) return only
  return { requiresType: { case: 'requiresAll', value: { requirements } } }
}

function provider(world: World, { rule, broken }: TokenRule, { clearRouteCache }: JwtFilterOptions): ProviderInit {
  const known = broken ? undefined : tokenKeys(world, rule)
  return {
    issuer: rule.issuer ?? '',
    audiences: rule.audiences ?? [],
    forward: rule.forwardOriginalToken ?? false,
    forwardPayloadHeader: rule.outputPayloadToHeader ?? '',
    payloadInMetadata: jwtPayloadKey,
    normalizePayloadInMetadata: {
      spaceDelimitedClaims: [...new Set([...(rule.spaceDelimitedClaims ?? []), 'permission', 'scope'])].sort(),
    },
    clearRouteCache,
    fromHeaders: (rule.fromHeaders ?? []).map(({ name, prefix = '' }) => ({ name, valuePrefix: prefix })),
    fromParams: rule.fromParams ?? [],
    fromCookies: rule.fromCookies ?? [],
    claimToHeaders: (rule.outputClaimToHeaders ?? []).map(({ header, claim }) => ({
      headerName: header,
      claimName: claim,
    })),
    jwksSourceSpecifier: {
      case: 'localJwks',
      value: { specifier: { case: 'inlineString', value: known ?? nobodysKey } },
    },
  }
}
