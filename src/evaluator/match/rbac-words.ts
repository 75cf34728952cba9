// What an RBAC filter asks for, in words: the condition that a call does not meet.

import type { CidrRange } from '#gen/envoy/config/core/v3/address_pb.js'
import type { Permission, Policy, Principal } from '#gen/envoy/config/rbac/v3/rbac_pb.js'
import { UriTemplateMatchConfigSchema } from '#gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js'
import { describeMetadata } from '../metadata-words.ts'
import type { Seen } from '../request.ts'
import { unpack } from '../unpack.ts'
import { describeHeader } from './header.ts'
import { isPrincipal, permits } from './rbac.ts'
import { describeString } from './string.ts'

/** A condition made of others, or one that is not. */
type Condition<T> =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly T[] }
  | { readonly kind: 'not'; readonly part: T }
  | { readonly kind: 'words'; readonly words: string }

interface Language<T> {
  readonly take: (each: T) => Condition<T>
  readonly holds: (each: T) => boolean
}

/** Why a rule does not match: the caller is another, or asks for something else. */
export function whyNotPolicy({ permissions, principals, condition, checkedCondition }: Policy, seen: Seen): string {
  if (condition || checkedCondition) return 'a condition that is not understood here'
  const who: Language<Principal> = { take: principal, holds: (each) => isPrincipal(each, seen) }
  const what: Language<Permission> = { take: permission, holds: (each) => permits(each, seen) }
  return all([anyFails(who, principals), anyFails(what, permissions)])
}

/** Undefined if one of them holds. */
function anyFails<T>(language: Language<T>, list: readonly T[]): string | undefined {
  return list.some(language.holds) ? undefined : oneOf(list.map((each) => fails(language, each) ?? ''))
}

/** The innermost conditions that do not hold. */
function fails<T>(language: Language<T>, each: T): string | undefined {
  if (language.holds(each)) return undefined
  const taken = language.take(each)
  switch (taken.kind) {
    case 'and':
      return all(taken.parts.map((part) => fails(language, part)))
    case 'or':
      return oneOf(taken.parts.map((part) => fails(language, part) ?? ''))
    case 'not':
      return `not (${words(language, taken.part)})`
    case 'words':
      return taken.words
  }
}

function words<T>(language: Language<T>, each: T): string {
  const taken = language.take(each)
  switch (taken.kind) {
    case 'and':
      return taken.parts.map((part) => words(language, part)).join(' and ')
    case 'or':
      return oneOf(taken.parts.map((part) => words(language, part)))
    case 'not':
      return `not (${words(language, taken.part)})`
    case 'words':
      return taken.words
  }
}

function all(list: readonly (string | undefined)[]): string {
  const broken = [...new Set(list.filter((each) => each !== undefined))]
  return broken.map((each) => (broken.length > 1 && each.includes(' or ') ? `(${each})` : each)).join(' and ')
}

const mostAlternatives = 4

function oneOf(list: readonly string[]): string {
  const all = [...new Set(list)]
  const more = all.length - mostAlternatives
  return more > 0 ? `${all.slice(0, mostAlternatives).join(' or ')} or ${more} more` : all.join(' or ')
}

const said = (text: string) => ({ kind: 'words', words: text }) as const
const strange = said('a condition that is not understood here')

function permission({ rule }: Permission): Condition<Permission> {
  switch (rule.case) {
    case 'andRules':
      return { kind: 'and', parts: rule.value.rules }
    case 'orRules':
      return { kind: 'or', parts: rule.value.rules }
    case 'notRule':
      return { kind: 'not', part: rule.value }
    case 'any':
      return said('anything')
    case 'header':
      return said(describeHeader(rule.value).replace('header :authority', 'host').replace('header :method', 'method'))
    case 'urlPath':
      return rule.value.rule.case === 'path' ? said(`path ${describeString(rule.value.rule.value)}`) : strange
    case 'uriTemplate': {
      const template = rule.value.typedConfig && unpack(rule.value.typedConfig, UriTemplateMatchConfigSchema)
      return template ? said(`path is like ${template.pathTemplate}`) : strange
    }
    case 'metadata':
      return said(describeMetadata(rule.value))
    case 'destinationIp':
      return said(`destination is in ${describeRange(rule.value)}`)
    case 'destinationPort':
      return said(`port is ${rule.value}`)
    case 'destinationPortRange':
      return said(`port is from ${rule.value.start} to ${rule.value.end - 1}`)
    case 'requestedServerName':
      return said(`server name ${describeString(rule.value)}`)
    default:
      return strange
  }
}

function principal({ identifier: id }: Principal): Condition<Principal> {
  switch (id.case) {
    case 'andIds':
      return { kind: 'and', parts: id.value.ids }
    case 'orIds':
      return { kind: 'or', parts: id.value.ids }
    case 'notId':
      return { kind: 'not', part: id.value }
    case 'any':
      return said('anybody')
    case 'authenticated':
      return said(`caller ${id.value.principalName ? describeString(id.value.principalName) : 'shows a certificate'}`)
    case 'header':
      return said(describeHeader(id.value))
    case 'metadata':
      return said(describeMetadata(id.value))
    case 'directRemoteIp':
      return said(`connection comes from ${describeRange(id.value)}`)
    case 'sourceIp':
    case 'remoteIp':
      return said(`client is in ${describeRange(id.value)}`)
    case 'urlPath':
      return id.value.rule.case === 'path' ? said(`path ${describeString(id.value.rule.value)}`) : strange
    default:
      return strange
  }
}

function describeRange({ addressPrefix, prefixLen }: CidrRange): string {
  return `${addressPrefix}/${prefixLen ?? 0}`
}
