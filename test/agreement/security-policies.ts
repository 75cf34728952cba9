// Random policies for who may call whom.
import { compact, type Dice } from './dice.ts'
import type { TokenKeys } from './tokens.ts'
import {
  audiences,
  checkPrefix,
  groups,
  headerNames,
  headerValues,
  issuers,
  methods,
  ports,
  subjects,
  trustDomain,
} from './vocabulary.ts'

type Fields = Record<string, unknown>

const apps = ['reviews', 'ratings', 'web', 'grpc', 'db'] as const

function security(kind: string, name: string, spec: Fields, more: Fields = {}): Fields {
  return { apiVersion: 'security.istio.io/v1', kind, metadata: { name, namespace: 'shop', ...more }, spec }
}

function selector(dice: Dice, gateway: boolean): Fields | undefined {
  if (gateway) return { matchLabels: { istio: 'gateway' } }
  return dice.maybe(0.7, () => ({
    matchLabels: dice.chance(0.3) ? { version: dice.pick(['v1', 'v2']) } : { app: dice.pick(apps) },
  }))
}

export function peerAuthentication(dice: Dice): Fields {
  const mode = (): string => dice.pick(['STRICT', 'PERMISSIVE', 'DISABLE', 'UNSET'])
  const own = dice.chance(0.5) ? { selector: { matchLabels: { app: dice.pick(apps) } } } : {}
  const portLevelMtls =
    'selector' in own && dice.chance(0.4) ? { [dice.pick([ports.http, ports.tcp])]: { mode: mode() } } : undefined
  return security('PeerAuthentication', 'peers', compact({ ...own, mtls: { mode: mode() }, portLevelMtls }))
}

export function requestAuthentication(dice: Dice, keys: TokenKeys, gateway: boolean): Fields {
  const rules = dice.list(1, 2, (at) =>
    compact({
      issuer: issuers[at] ?? issuers[0],
      audiences: dice.maybe(0.4, () => dice.some(audiences, 1, 2)),
      jwks: keys.publicKeys,
      fromHeaders: dice.maybe(0.2, () => [{ name: 't-token', ...(dice.chance(0.5) && { prefix: 'Token ' }) }]),
      fromParams: dice.maybe(0.1, () => ['token']),
      forwardOriginalToken: dice.maybe(0.4, () => true),
      outputClaimToHeaders: dice.maybe(0.25, () => [{ header: 't-claim', claim: dice.pick(['sub', 'group']) }]),
    }),
  )
  return security(
    'RequestAuthentication',
    gateway ? 'edge-tokens' : 'tokens',
    compact({ selector: selector(dice, gateway), jwtRules: rules }),
  )
}

/** A value as policies write it: exact, prefix*, *suffix or *. */
function pattern(dice: Dice, values: readonly string[]): string {
  const value = dice.pick(values.filter((each) => each.length > 1))
  const kind = dice.below(6)
  if (kind === 0) return '*'
  if (kind === 1) return `${value.slice(0, Math.ceil(value.length / 2))}*`
  return kind === 2 ? `*${value.slice(Math.floor(value.length / 2))}` : value
}

function source(dice: Dice): Fields {
  const principals = ['client', 'guest'].map(
    (account) => `${trustDomain}/ns/${account === 'guest' ? 'lobby' : 'shop'}/sa/${account}`,
  )
  const requestPrincipals = issuers.flatMap((issuer) => subjects.map((subject) => `${issuer}/${subject}`))
  const options: [string, () => string][] = [
    ['principals', () => pattern(dice, principals)],
    ['namespaces', () => dice.pick(['shop', 'lobby', 'sh*', 'other'])],
    ['serviceAccounts', () => dice.pick(['client', 'shop/client', 'lobby/guest'])],
    ['requestPrincipals', () => pattern(dice, requestPrincipals)],
    ['ipBlocks', () => dice.pick(['127.64.0.0/10', '127.0.0.1', '10.0.0.0/8'])],
    ['remoteIpBlocks', () => dice.pick(['127.64.0.0/10', '198.51.100.0/24', '10.0.0.0/8'])],
  ]
  const chosen = dice.some(options, 1, 2)
  // Accounts stand alone: the API does not let them be joined with other identities.
  const only = chosen.find(([name]) => name === 'serviceAccounts')
  return Object.fromEntries(
    (only ? [only] : chosen).map(([name, make]) => [
      dice.chance(0.25) ? `not${name.charAt(0).toUpperCase()}${name.slice(1)}` : name,
      dice.list(1, 2, make),
    ]),
  )
}

function operation(dice: Dice): Fields {
  const options: [string, () => string][] = [
    ['paths', () => dice.pick(['/a', '/a*', '*b', '/api/*', '/admin', '/a/{*}', '/api/{**}', '*', '/A*'])],
    ['methods', () => dice.pick(methods)],
    ['hosts', () => dice.pick(['reviews*', '*.example', 'reviews:9080', '*', 'REVIEWS*', 'shop.example'])],
    ['ports', () => String(dice.pick([ports.http, ports.tcp, ports.auto, 8080]))],
  ]
  return Object.fromEntries(
    dice
      .some(options, 1, 2)
      .map(([name, make]) => [
        dice.chance(0.25) ? `not${name.charAt(0).toUpperCase()}${name.slice(1)}` : name,
        dice.list(1, 2, make),
      ]),
  )
}

function condition(dice: Dice): Fields {
  const options: (() => Fields)[] = [
    () => ({ key: `request.headers[${dice.pick(headerNames)}]`, values: [pattern(dice, headerValues)] }),
    () => ({ key: 'request.auth.claims[group]', values: [pattern(dice, groups)] }),
    () => ({ key: 'request.auth.claims[sub]', values: [pattern(dice, subjects)] }),
    () => ({ key: 'request.auth.principal', values: [`${dice.pick(issuers)}/${dice.pick(subjects)}`] }),
    () => ({ key: 'request.auth.audiences', values: [dice.pick(audiences)] }),
    () => ({ key: 'source.namespace', values: ['shop'] }),
    () => ({ key: 'source.ip', values: ['127.64.0.0/10'] }),
    () => ({ key: 'destination.port', values: [String(ports.http)] }),
    () => ({
      key: 'connection.sni',
      values: [dice.pick(['outbound_*', '*reviews.shop.svc.cluster.local', 'shop.example'])],
    }),
  ]
  const made = dice.pick(options)()
  return dice.chance(0.25) ? { key: made['key'], notValues: made['values'] } : made
}

function rule(dice: Dice): Fields {
  return compact({
    from: dice.maybe(0.5, () => dice.list(1, 2, () => ({ source: source(dice) }))),
    to: dice.maybe(0.55, () => dice.list(1, 2, () => ({ operation: operation(dice) }))),
    when: dice.maybe(0.35, () => dice.list(1, 2, () => condition(dice))),
  })
}

export function authorizationPolicy(dice: Dice, at: number, gateway: boolean): Fields {
  const action = dice.pick(['ALLOW', 'ALLOW', 'DENY', 'DENY', 'AUDIT', 'CUSTOM'])
  const provider = action === 'CUSTOM' ? { name: dice.chance(0.08) ? 'nobody' : dice.pick(providerNames) } : undefined
  const dryRun = action !== 'AUDIT' && action !== 'CUSTOM' && dice.chance(0.12)
  // Most ALLOW policies say something that holds often, or nearly everything would be denied.
  const rules = [...dice.list(1, 3, () => rule(dice)), ...(action === 'ALLOW' && dice.chance(0.6) ? [{}] : [])]
  return security(
    'AuthorizationPolicy',
    `policy-${at}${gateway ? '-edge' : ''}`,
    compact({ selector: selector(dice, gateway), action, provider, rules: dice.chance(0.04) ? undefined : rules }),
    dryRun ? { annotations: { 'istio.io/dry-run': 'true' } } : {},
  )
}

const providerNames = ['guard', 'guard-2', 'guard-grpc'] as const

/** External authorizers, as the MeshConfig names them. */
export function extensionProviders(dice: Dice): Fields[] {
  const byHttp = providerNames.slice(0, 2).map((name) => ({
    name,
    envoyExtAuthzHttp: compact({
      service: 'guard.shop.svc.cluster.local',
      port: ports.http,
      pathPrefix: checkPrefix,
      failOpen: dice.maybe(0.3, () => true),
      statusOnError: dice.maybe(0.3, () => '503'),
      includeRequestHeadersInCheck: dice.maybe(0.8, () => ['t-*']),
      includeAdditionalHeadersInCheck: dice.maybe(0.2, () => ({ 't-user': 'ann' })),
      headersToUpstreamOnAllow: dice.maybe(0.6, () => ['t-granted', 't-group']),
      headersToDownstreamOnAllow: dice.maybe(0.4, () => ['t-why']),
      headersToDownstreamOnDeny: dice.maybe(0.6, () => dice.pick([['t-why'], ['t-*', 'location']])),
    }),
  }))
  const byGrpc = {
    name: providerNames[2],
    envoyExtAuthzGrpc: compact({
      service: 'guard.shop.svc.cluster.local',
      port: ports.http2,
      failOpen: dice.maybe(0.3, () => true),
      statusOnError: dice.maybe(0.3, () => '503'),
    }),
  }
  return [...byHttp, byGrpc]
}
