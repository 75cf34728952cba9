// Verdicts of RBAC filters, network and HTTP. Source: Envoy's RoleBasedAccessControlEngineImpl and its matchers.
import type { Any } from '@bufbuild/protobuf/wkt'
import {
  type Permission,
  type Policy,
  type Principal,
  type RBAC,
  RBAC_Action,
} from '#gen/envoy/config/rbac/v3/rbac_pb.js'
import { RBACSchema as HttpRBACSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js'
import { RBACSchema as NetworkRBACSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js'
import { UriTemplateMatchConfigSchema } from '#gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js'
import { inRange } from './address.ts'
import { matchesHeaderLine } from './match/header.ts'
import { matchesString } from './match/string.ts'
import { matchesUriTemplate } from './match/uri-template.ts'
import { matchesMetadata } from './metadata.ts'
import { pathOf, type Seen } from './request.ts'
import { unpack } from './unpack.ts'
import type { Verdict } from './verdict.ts'

/** The verdict of a filter, if it is an RBAC filter; undefined otherwise. Notes the outcome of a dry run. */
export function authorize(filter: { name: string; config: Any }, seen: Seen): Verdict | undefined {
  const http = unpack(filter.config, HttpRBACSchema)
  const config = http ?? unpack(filter.config, NetworkRBACSchema)
  if (!config) return undefined
  const shadow = config.shadowRules ? decide(config.shadowRules, seen) : undefined
  if (shadow) {
    const prefix = config.shadowRulesStatPrefix
    const note = (key: string, value: string): void => seen.metadata.note(filter.name, `${prefix}${key}`, value)
    note('shadow_engine_result', shadow.allowed ? 'allowed' : 'denied')
    if (shadow.policy !== undefined) note('shadow_effective_policy_id', shadow.policy)
  }
  const real = config.rules
    ? decide(config.rules, seen)
    : { action: config.shadowRules ? actionOf(config.shadowRules) : 'ALLOW', allowed: true, policy: undefined }
  return {
    filter: filter.name,
    ...real,
    ...(real.allowed ? {} : { status: http ? 403 : undefined }),
    ...(shadow ? { dryRun: shadow.allowed ? 'allow' : 'deny', dryRunPolicy: shadow.policy } : {}),
  }
}

function actionOf({ action }: RBAC): 'ALLOW' | 'DENY' | 'LOG' {
  return action === RBAC_Action.ALLOW ? 'ALLOW' : action === RBAC_Action.DENY ? 'DENY' : 'LOG'
}

interface Judgement {
  readonly action: 'ALLOW' | 'DENY' | 'LOG'
  readonly allowed: boolean
  readonly policy: string | undefined
}

function decide(rules: RBAC, seen: Seen): Judgement {
  // Policies lie in a map that Envoy orders by name; the first that matches decides.
  const policy = Object.keys(rules.policies)
    .sort()
    .find((name) => matchesPolicy(rules.policies[name], seen))
  const action = actionOf(rules)
  const allowed = action === 'LOG' || (action === 'ALLOW') === (policy !== undefined)
  return { action, allowed, policy }
}

function matchesPolicy(policy: Policy | undefined, seen: Seen): boolean {
  if (!policy || policy.condition || policy.checkedCondition) return false
  return (
    policy.permissions.some((permission) => permits(permission, seen)) &&
    policy.principals.some((principal) => isPrincipal(principal, seen))
  )
}

function permits(permission: Permission, seen: Seen): boolean {
  const { rule } = permission
  const { call } = seen
  switch (rule.case) {
    case 'andRules':
      return rule.value.rules.every((inner) => permits(inner, seen))
    case 'orRules':
      return rule.value.rules.some((inner) => permits(inner, seen))
    case 'notRule':
      return !permits(rule.value, seen)
    case 'any':
      return rule.value
    case 'header':
      return matchesHeaderLine(rule.value, seen.headers)
    case 'urlPath': {
      const matcher = rule.value.rule
      return matcher.case === 'path' && matchesString(matcher.value, pathOf(seen))
    }
    case 'uriTemplate': {
      const template = rule.value.typedConfig && unpack(rule.value.typedConfig, UriTemplateMatchConfigSchema)
      return template !== undefined && matchesUriTemplate(template.pathTemplate, pathOf(seen))
    }
    case 'metadata':
      return matchesMetadata(rule.value, seen.metadata)
    case 'destinationIp':
      return inRange(rule.value, call.address)
    case 'destinationPort':
      return rule.value === call.port
    case 'destinationPortRange':
      return call.port >= rule.value.start && call.port < rule.value.end
    case 'requestedServerName':
      return matchesString(rule.value, call.tls?.sni ?? '')
    default:
      return false
  }
}

function isPrincipal(principal: Principal, seen: Seen): boolean {
  const id = principal.identifier
  const { call } = seen
  switch (id.case) {
    case 'andIds':
      return id.value.ids.every((inner) => isPrincipal(inner, seen))
    case 'orIds':
      return id.value.ids.some((inner) => isPrincipal(inner, seen))
    case 'notId':
      return !isPrincipal(id.value, seen)
    case 'any':
      return id.value
    case 'authenticated': {
      if (!call.tls) return false
      // Without a certificate Envoy compares with its subject, which is empty.
      return id.value.principalName === undefined || matchesString(id.value.principalName, call.tls.principal ?? '')
    }
    case 'header':
      return matchesHeaderLine(id.value, seen.headers)
    case 'metadata':
      return matchesMetadata(id.value, seen.metadata)
    case 'directRemoteIp':
      return call.sourceAddress !== undefined && inRange(id.value, call.sourceAddress)
    case 'sourceIp':
    case 'remoteIp':
      return seen.remoteAddress !== undefined && inRange(id.value, seen.remoteAddress)
    case 'urlPath': {
      const matcher = id.value.rule
      return matcher.case === 'path' && matchesString(matcher.value, pathOf(seen))
    }
    default:
      return false
  }
}
