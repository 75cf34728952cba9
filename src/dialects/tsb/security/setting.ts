// What is said of the security of workloads, level by level, and what of it holds.
import { authorizationModes } from '../../../resources/tsb/index.ts'
import { asList, asMap, asText, at, type Plain } from '../../shared/index.ts'

export type AuthorizationMode = (typeof authorizationModes)[number]
type TrafficMode = 'UNSET' | 'OPTIONAL' | 'REQUIRED'

/** A setting in force. */
export interface SecuritySetting {
  readonly trafficMode: TrafficMode
  /** `jwt`, `rules.jwt`, `requireJwt` …; undefined: nothing is said of tokens. */
  readonly authentication: Plain | undefined
  readonly mode: AuthorizationMode
  /** What belongs to the mode: accounts, rules. */
  readonly authorization: Plain
  /** Rules for requests, or a server that is asked. */
  readonly requests: Plain | undefined
  /** Once an ancestor says so, nobody below can loosen anything. */
  readonly isStricter: boolean
}

export const nothingSaid: SecuritySetting = {
  trafficMode: 'UNSET',
  authentication: undefined,
  mode: 'UNSET',
  authorization: {},
  requests: undefined,
  isStricter: false,
}

const trafficModes: readonly TrafficMode[] = ['UNSET', 'OPTIONAL', 'REQUIRED']

/** What holds when a level below says something too. */
export function withLevel(above: SecuritySetting, spec: Plain): SecuritySetting {
  const own = read(spec)
  const isStricter = above.isStricter || own.isStricter
  const keep = (ranks: readonly string[], a: string, b: string): boolean =>
    ranks.indexOf(b) <= 0 || (isStricter && ranks.indexOf(a) >= ranks.indexOf(b))
  const authorizer = keep(authorizationModes, above.mode, own.mode) ? above : own
  const parts = <T>(a: T | undefined, b: T | undefined): T | undefined => (isStricter ? (a ?? b) : (b ?? a))
  return {
    trafficMode: keep(trafficModes, above.trafficMode, own.trafficMode) ? above.trafficMode : own.trafficMode,
    authentication: parts(above.authentication, own.authentication),
    mode: authorizer.mode,
    authorization: authorizer.authorization,
    requests: parts(above.requests, own.requests),
    isStricter,
  }
}

function read(spec: Plain): SecuritySetting {
  const authorization = asMap(spec['authorization'])
  const mode = authorizationModes.find((known) => known === authorization['mode']) ?? 'UNSET'
  const newer = asText(at(spec, 'authenticationSettings', 'trafficMode'))
  const said = newer === '' ? asText(spec['authentication']) : newer
  return {
    trafficMode: trafficModes.find((known) => known === said) ?? 'UNSET',
    authentication: filled(at(spec, 'authenticationSettings', 'http')),
    mode,
    authorization,
    requests: filled(authorization['http']),
    isStricter: spec['propagationStrategy'] === 'STRICTER',
  }
}

const filled = (value: unknown): Plain | undefined =>
  Object.keys(asMap(value)).length === 0 ? undefined : asMap(value)

/** The tokens that are accepted, as TSB has them. */
export function tokensOf(authentication: Plain | undefined): readonly Plain[] {
  const one = at(authentication, 'jwt')
  return one === undefined ? asList(at(authentication, 'rules', 'jwt')).map(asMap) : [asMap(one)]
}
