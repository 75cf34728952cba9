// Verdicts of RBAC filters, network and HTTP.

import type { Any } from '@bufbuild/protobuf/wkt'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import {
  type Permission,
  type Policy,
  type Principal,
  type RBAC,
  RBAC_Action,
} from '#gen/envoy/config/rbac/v3/rbac_pb.js'
import { RBACSchema as HttpRBACSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js'
import { RBACSchema as NetworkRBACSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js'
import { inRange } from './address.ts'
import { type Call, headersOf } from './call.ts'
import { matchesHeader } from './match/header.ts'
import { matchesString } from './match/string.ts'

/** What one authorization filter decides about a call. */
export interface Verdict {
  readonly filter: string
  readonly action: 'ALLOW' | 'DENY' | 'LOG'
  readonly allowed: boolean
  /** The policy that decided; undefined if none matched. */
  readonly policy: string | undefined
  /** What the rules of a dry run would do; undefined without a dry run. */
  readonly dryRun?: 'allow' | 'deny'
}

/** The verdict of a filter, if it is an RBAC filter; undefined otherwise. */
export function verdictOf(filter: { name: string; config: Any | undefined }, call: Call): Verdict | undefined {
  if (!filter.config) return undefined
  const config = anyUnpack(filter.config, HttpRBACSchema) ?? anyUnpack(filter.config, NetworkRBACSchema)
  if (!config) return undefined
  const shadow = config.shadowRules ? decide(config.shadowRules, call) : undefined
  const real = config.rules
    ? decide(config.rules, call)
    : { action: 'ALLOW' as const, allowed: true, policy: undefined }
  return { filter: filter.name, ...real, ...(shadow ? { dryRun: shadow.allowed ? 'allow' : 'deny' } : {}) }
}

function decide(rules: RBAC, call: Call): Omit<Verdict, 'filter' | 'dryRun'> {
  // Policies lie in a map that Envoy orders by name; the first that matches decides.
  const policy = Object.keys(rules.policies)
    .sort()
    .find((name) => matchesPolicy(rules.policies[name], call))
  switch (rules.action) {
    case RBAC_Action.ALLOW:
      return { action: 'ALLOW', allowed: policy !== undefined, policy }
    case RBAC_Action.DENY:
      return { action: 'DENY', allowed: policy === undefined, policy }
    default:
      return { action: 'LOG', allowed: true, policy }
  }
}

function matchesPolicy(policy: Policy | undefined, call: Call): boolean {
  if (!policy || policy.condition || policy.checkedCondition) return false
  return (
    policy.permissions.some((permission) => permits(permission, call)) &&
    policy.principals.some((principal) => isPrincipal(principal, call))
  )
}

function permits(permission: Permission, call: Call): boolean {
  const rule = permission.rule
  switch (rule.case) {
    case 'andRules':
      return rule.value.rules.every((inner) => permits(inner, call))
    case 'orRules':
      return rule.value.rules.some((inner) => permits(inner, call))
    case 'notRule':
      return !permits(rule.value, call)
    case 'any':
      return rule.value
    case 'header':
      return matchesHeader(rule.value, headersOf(call))
    case 'urlPath': {
      const matcher = rule.value.rule
      return matcher.case === 'path' && matchesString(matcher.value, call.path.replace(/[?#].*$/s, ''))
    }
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

function isPrincipal(principal: Principal, call: Call): boolean {
  const id = principal.identifier
  switch (id.case) {
    case 'andIds':
      return id.value.ids.every((inner) => isPrincipal(inner, call))
    case 'orIds':
      return id.value.ids.some((inner) => isPrincipal(inner, call))
    case 'notId':
      return !isPrincipal(id.value, call)
    case 'any':
      return id.value
    case 'authenticated': {
      const peer = call.tls?.principal
      if (peer === undefined) return false
      return id.value.principalName === undefined || matchesString(id.value.principalName, peer)
    }
    case 'header':
      return matchesHeader(id.value, headersOf(call))
    case 'sourceIp':
    case 'directRemoteIp':
    case 'remoteIp':
      return call.sourceAddress !== undefined && inRange(id.value, call.sourceAddress)
    case 'urlPath': {
      const matcher = id.value.rule
      return matcher.case === 'path' && matchesString(matcher.value, call.path.replace(/[?#].*$/s, ''))
    }
    default:
      return false
  }
}
