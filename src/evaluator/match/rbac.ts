// Whether what an RBAC filter asks for holds of a call. Source: the matchers of Envoy's role based access control.
import type { Permission, Policy, Principal } from '#gen/envoy/config/rbac/v3/rbac_pb.js'
import { UriTemplateMatchConfigSchema } from '#gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js'
import { inRange } from '../address.ts'
import { matchesMetadata } from '../metadata.ts'
import { pathOf, type Seen } from '../request.ts'
import { unpack } from '../unpack.ts'
import { matchesHeaderLine } from './header.ts'
import { matchesString } from './string.ts'
import { matchesUriTemplate } from './uri-template.ts'

export function matchesPolicy(policy: Policy, seen: Seen): boolean {
  if (policy.condition || policy.checkedCondition) return false
  return (
    policy.permissions.some((permission) => permits(permission, seen)) &&
    policy.principals.some((principal) => isPrincipal(principal, seen))
  )
}

export function permits(permission: Permission, seen: Seen): boolean {
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

export function isPrincipal(principal: Principal, seen: Seen): boolean {
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
