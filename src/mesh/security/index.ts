export {
  type Authorization,
  type AuthorizationAction,
  authorizationsOf,
  type NumberedRule,
  readAuthorization,
  type WorkloadAuthorization,
  workloadAuthorization,
} from './authorization.ts'
export { type InboundMode, type InboundModes, inboundModes, modeOfPort } from './peer-authentication.ts'
export { type TokenRule, workloadTokens } from './request-authentication.ts'
export { type KeyPlace, keyPlaceName, keyPlaceOf, tokenKeys, type WantedKeys, wantedTokenKeys } from './token-keys.ts'
export { domainWithAliases, principalInDomains } from './trust-domains.ts'
export type { SecuredWorkload } from './workload.ts'
