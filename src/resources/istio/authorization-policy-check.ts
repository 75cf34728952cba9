import type { Place } from '../check.ts'
import { checkCondition } from './authorization-condition-check.ts'
import type {
  AuthorizationOperation,
  AuthorizationPolicy,
  AuthorizationPolicySpec,
  AuthorizationRule,
  AuthorizationSource,
} from './authorization-policy.ts'
import { checkIpBlock, checkOneWildcard, checkPortText, checkServiceAccount } from './authorization-values.ts'
import { checkAttachment } from './selector-check.ts'

/** Annotation by which a policy is only tried: what it would do is recorded, and not done. */
const dryRun = 'istio.io/dry-run'

export function checkAuthorizationPolicy(root: Place, { metadata, spec = {} }: AuthorizationPolicy): void {
  const place = root.field('spec')
  const action = spec.action ?? 'ALLOW'
  checkDryRun(root.field('metadata').field('annotations').field(dryRun), metadata.annotations?.[dryRun], action)
  checkAttachment(place, spec)
  checkAction(place, spec)
  place.field('rules').each(spec.rules, (at, rule) => {
    checkRule(at, rule)
    if (action === 'CUSTOM') checkCustomRule(at, rule)
    if (action === 'DENY' && isHttpOnly(rule))
      at.warn('uses HTTP attributes only: TCP connections are all denied; name the ports in to.operation.ports')
  })
}

function checkDryRun(place: Place, value: string | undefined, action: string): void {
  if (value === undefined) return
  if (action !== 'ALLOW' && action !== 'DENY') place.error(`is not supported with action ${action}`)
  else if (!/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(value)) place.error('must be "true" or "false"')
}

function checkAction(place: Place, spec: AuthorizationPolicySpec): void {
  const { action = 'ALLOW', provider, rules } = spec
  if (provider !== undefined && action !== 'CUSTOM')
    place.field('provider').error(`is for action CUSTOM, not ${action}`)
  if ((action === 'CUSTOM' || action === 'DENY') && (rules?.length ?? 0) === 0)
    place
      .field('rules')
      .error(`${action} without rules never applies; write one empty rule {} to apply always`, 'required')
  else if (action === 'CUSTOM' && (provider?.name ?? '') === '')
    place.field('provider').field('name').error('Required value', 'required')
}

const sourceFields = [
  'principals',
  'requestPrincipals',
  'namespaces',
  'serviceAccounts',
  'ipBlocks',
  'remoteIpBlocks',
  'trustDomains',
  'notPrincipals',
  'notRequestPrincipals',
  'notNamespaces',
  'notServiceAccounts',
  'notIpBlocks',
  'notRemoteIpBlocks',
  'notTrustDomains',
] as const

const operationFields = [
  'hosts',
  'notHosts',
  'ports',
  'notPorts',
  'methods',
  'notMethods',
  'paths',
  'notPaths',
] as const

function checkRule(place: Place, rule: AuthorizationRule): void {
  if (rule.from?.length === 0) place.field('from').error('must not be empty', 'required')
  if (rule.to?.length === 0) place.field('to').error('must not be empty', 'required')
  place.field('from').each(rule.from, (at, { source }) => {
    if (source === undefined) at.field('source').error('Required value', 'required')
    else checkSource(at.field('source'), source)
  })
  place.field('to').each(rule.to, (at, { operation }) => {
    if (operation === undefined) at.field('operation').error('Required value', 'required')
    else checkOperation(at.field('operation'), operation)
  })
  place.field('when').each(rule.when, checkCondition)
}

function checkSource(place: Place, source: AuthorizationSource): void {
  if (sourceFields.every((field) => (source[field]?.length ?? 0) === 0)) place.error('must not be empty', 'required')
  const named = (fields: readonly (keyof AuthorizationSource)[]): boolean =>
    fields.some((field) => source[field] !== undefined)
  if (
    named(['serviceAccounts', 'notServiceAccounts']) &&
    named(['principals', 'notPrincipals', 'namespaces', 'notNamespaces'])
  )
    place.error('serviceAccounts cannot be set together with namespaces or principals')
  for (const field of sourceFields)
    place.field(field).each(source[field], (at, value) => {
      if (value === '') at.error('must not be empty')
      else if (
        field === 'ipBlocks' ||
        field === 'notIpBlocks' ||
        field === 'remoteIpBlocks' ||
        field === 'notRemoteIpBlocks'
      )
        checkIpBlock(at, value)
      else if (field === 'serviceAccounts' || field === 'notServiceAccounts') checkServiceAccount(at, value)
      else if (field === 'trustDomains' || field === 'notTrustDomains') checkTrustDomain(at, value)
    })
}

function checkTrustDomain(place: Place, value: string): void {
  checkOneWildcard(place, value)
  if (value.includes('/')) place.error(`${JSON.stringify(value)}: a trust domain holds no /`)
}

function checkOperation(place: Place, operation: AuthorizationOperation): void {
  if (operationFields.every((field) => (operation[field]?.length ?? 0) === 0))
    place.error('must not be empty', 'required')
  for (const field of operationFields)
    place.field(field).each(operation[field], (at, value) => {
      if (field === 'ports' || field === 'notPorts') checkPortText(at, value)
      else if (value === '') at.error('must not be empty')
      else if (field === 'paths' || field === 'notPaths') checkPathTemplate(at, value)
    })
}

const segmentPattern = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=]+$/

/** `{*}` stands for one segment, `{**}` for any number of them at the end; other braces are not allowed. */
function checkPathTemplate(place: Place, path: string): void {
  const isTemplate = path.includes('{*}') || path.includes('{**}')
  let ended = false
  for (const segment of path.replace(/^\/+|\/+$/g, '').split('/')) {
    if (segment === '{*}' || segment === '{**}') {
      if (ended) place.error(`${path}: {**} must be the last template`)
      ended ||= segment === '{**}'
    } else if (/[{}]/.test(segment)) place.error(`${path}: braces are for {*} and {**}, as whole segments`)
    else if (isTemplate && !segmentPattern.test(segment))
      place.error(`${path}: segment ${JSON.stringify(segment)} is not allowed beside templates`)
  }
}

/** An external authorizer is asked before identities are known. */
const identityFields = sourceFields.filter((field) => !/IpBlocks$/i.test(field))
const identityConditions = ['source.namespace', 'source.serviceAccount', 'source.trustDomain', 'source.principal']

function checkCustomRule(place: Place, rule: AuthorizationRule): void {
  place.field('from').each(rule.from, (at, { source }) => {
    for (const field of identityFields)
      if ((source?.[field]?.length ?? 0) > 0)
        at.field('source').field(field).error('is not supported with action CUSTOM', 'not-supported')
  })
  place.field('when').each(rule.when, (at, { key }) => {
    if (identityConditions.includes(key) || key.startsWith('request.auth.'))
      at.field('key').error(`${key} is not supported with action CUSTOM`, 'not-supported')
  })
}

/** Fields that mean something for a TCP connection too. */
const tcpSources = sourceFields.filter((field) => !/requestPrincipals|trustDomains/i.test(field))

function isHttpOnly(rule: AuthorizationRule): boolean {
  const sources = rule.from?.flatMap(({ source }) => (source === undefined ? [] : [source])) ?? []
  const operations = rule.to?.flatMap(({ operation }) => (operation === undefined ? [] : [operation])) ?? []
  const tcpFrom = sources.some((source) => tcpSources.some((field) => source[field] !== undefined))
  const tcpTo = operations.some((operation) => operation.ports !== undefined || operation.notPorts !== undefined)
  return (sources.length > 0 && operations.length === 0 && !tcpFrom) || (operations.length > 0 && !tcpTo)
}
