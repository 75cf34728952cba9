// What is asked for: attributes of the operation, as Envoy's RBAC permissions.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { PermissionSchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js'
import { UriTemplateMatchConfigSchema } from '#gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js'
import { pack } from '../../proto.ts'
import type { Attribute, ConditionContext } from './conditions.ts'
import { anyValue, cidrRange, headerMatcher, listValue, metadataMatcher, textMatcher, textValue } from './matchers.ts'

export type PermissionInit = MessageInitShape<typeof PermissionSchema>

function each(http: boolean, make: (value: string) => PermissionInit): Attribute<PermissionInit> {
  return { http, match: (values) => values.map(make) }
}

export const host = each(true, (value) => ({
  rule: { case: 'header', value: headerMatcher(':authority', value, true) },
}))

export const method = each(true, (value) => ({ rule: { case: 'header', value: headerMatcher(':method', value) } }))

export function port({ ports }: ConditionContext): Attribute<PermissionInit> {
  return each(false, (value) => ({
    rule: { case: 'destinationPort', value: ports.get(Number(value)) ?? Number(value) },
  }))
}

/** `{*}` stands for one segment of the path, `{**}` for any number of them. */
export const path = each(true, (value) =>
  value.includes('{*}') || value.includes('{**}')
    ? { rule: { case: 'uriTemplate', value: pathTemplate(value) } }
    : { rule: { case: 'urlPath', value: { rule: { case: 'path', value: textMatcher(value) } } } },
)

function pathTemplate(value: string) {
  const template = value.replaceAll('{**}', '**').replaceAll('{*}', '*')
  return { name: 'uri-template', typedConfig: pack(UriTemplateMatchConfigSchema, { pathTemplate: template }) }
}

const destinationIp = each(false, (value) => ({ rule: { case: 'destinationIp', value: cidrRange(value) } }))

const serverName = each(false, (value) => ({ rule: { case: 'requestedServerName', value: textMatcher(value) } }))

const filterPrefix = 'experimental.'

/** `experimental.envoy.filters.a.b[c]`: what filter envoy.filters.a.b has noted as c; `[v]` asks for a list that holds v. */
function filterMetadata(key: string): Attribute<PermissionInit> {
  const open = key.indexOf('[')
  const filter = key.slice(filterPrefix.length, open)
  const name = key.slice(open + 1, -1)
  const valueOf = (value: string) =>
    value.startsWith('[') && value.endsWith(']')
      ? listValue(textValue(textMatcher(value.slice(1, -1))))
      : textValue(textMatcher(value))
  return {
    http: false,
    match: (values) => [
      { rule: { case: 'metadata', value: metadataMatcher(filter, [name], anyValue(values.map(valueOf))) } },
    ],
  }
}

/** The attribute that a condition (`when`) names, if it is one of the operation. */
export function attributeOf(key: string, context: ConditionContext): Attribute<PermissionInit> | undefined {
  switch (key) {
    case 'destination.ip':
      return destinationIp
    case 'destination.port':
      return port(context)
    case 'connection.sni':
      return serverName
    default:
      return key.startsWith('experimental.envoy.filters.') ? filterMetadata(key) : undefined
  }
}
