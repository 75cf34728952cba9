// Who asks: attributes of the caller, as Envoy's RBAC principals.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { PrincipalSchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js'
import { domainWithAliases, principalInDomains } from '../../../../mesh/security/index.ts'
import { jwtFilterName, jwtPayloadKey } from '../names.ts'
import type { Attribute, ConditionContext } from './conditions.ts'
import {
  anyText,
  anyValue,
  cidrRange,
  exact,
  headerMatcher,
  listValue,
  metadataMatcher,
  prefix,
  quoted,
  regex,
  type StringMatcherInit,
  textMatcher,
  textValue,
} from './matchers.ts'

export type PrincipalInit = MessageInitShape<typeof PrincipalSchema>

const spiffe = 'spiffe://'

function identity(name: StringMatcherInit): PrincipalInit {
  return { identifier: { case: 'authenticated', value: { principalName: name } } }
}

function each(make: (value: string) => PrincipalInit): Attribute<PrincipalInit> {
  return { http: false, match: (values) => values.map(make) }
}

/** Identity without `spiffe://`, in every trust domain that is the mesh's own. */
export function principal({ trustDomains }: ConditionContext): Attribute<PrincipalInit> {
  return {
    http: false,
    match: (values) =>
      values
        .flatMap((value) => principalInDomains(value, trustDomains))
        .map((value) => identity(textMatcher(value, spiffe))),
  }
}

export const namespace = each((value) => {
  const pattern = value.split('*').map(quoted).join('.*')
  return identity(regex(`.*/ns/${pattern}/.*`))
})

/** `account` of the policy's namespace, or `namespace/account`; of any trust domain. */
export function serviceAccount(context: ConditionContext): Attribute<PrincipalInit> {
  return each((value) => {
    const [first = '', second] = value.split('/')
    const [ns, account] = second === undefined ? [context.namespace, first] : [first, second]
    return identity(regex(`${spiffe}.+/ns/${quoted(ns)}/(.+/|)sa/${quoted(account)}(/.+)?`))
  })
}

export function trustDomain({ trustDomains }: ConditionContext): Attribute<PrincipalInit> {
  const matcherOf = (value: string): StringMatcherInit => {
    if (value === '*') return prefix(spiffe)
    const [before = '', after] = value.split('*')
    if (after === undefined) return prefix(`${spiffe}${value}/`)
    return regex(`${spiffe}${quoted(before)}[^/]*${quoted(after)}/.*`)
  }
  return {
    http: false,
    match: (values) =>
      [...new Set(values.flatMap((value) => domainWithAliases(value, trustDomains)))].map((value) =>
        identity(matcherOf(value)),
      ),
  }
}

/** Address of the connection's other end. */
export const sourceIp = each((value) => ({ identifier: { case: 'directRemoteIp', value: cidrRange(value) } }))

/** Address of the client as X-Forwarded-For or the PROXY protocol tell it. */
export const remoteIp = each((value) => ({ identifier: { case: 'remoteIp', value: cidrRange(value) } }))

/** What the verified token says of the subject: `issuer/subject`. The issuer may hold slashes itself. */
export const requestPrincipal: Attribute<PrincipalInit> = {
  http: true,
  match: (values) =>
    values.map((value) => {
      const [issuer, subject] = issuerAndSubject(value)
      return {
        identifier: {
          case: 'andIds',
          value: { ids: [claimMatch(['iss'], textValue(issuer)), claimMatch(['sub'], textValue(subject))] },
        },
      }
    }),
}

function issuerAndSubject(value: string): readonly [StringMatcherInit, StringMatcherInit] {
  if (value === '*') return [anyText, anyText]
  const slash = value.lastIndexOf('/')
  if (slash >= 0) {
    const [issuer, subject] = [value.slice(0, slash), value.slice(slash + 1)]
    // Either part may be a pattern, but only at the outer end of the value.
    return [
      value.startsWith('*') ? textMatcher(issuer) : exact(issuer),
      value.endsWith('*') ? textMatcher(subject) : exact(subject),
    ]
  }
  if (value.startsWith('*')) return [anyText, textMatcher(value)]
  return value.endsWith('*') ? [textMatcher(value), anyText] : [exact(value), exact('')]
}

function claimMatch(path: readonly string[], value: Parameters<typeof anyValue>[0][number]): PrincipalInit {
  return { identifier: { case: 'metadata', value: metadataMatcher(jwtFilterName, [jwtPayloadKey, ...path], value) } }
}

/** A claim of the verified token: a text, or a list that holds it. */
function claim(path: readonly string[]): Attribute<PrincipalInit> {
  return {
    http: true,
    match: (values) => {
      const wanted = anyValue(values.map((value) => textValue(textMatcher(value))))
      return [claimMatch(path, anyValue([listValue(wanted), wanted]))]
    },
  }
}

function header(name: string): Attribute<PrincipalInit> {
  return {
    http: true,
    match: (values) => values.map((value) => ({ identifier: { case: 'header', value: headerMatcher(name, value) } })),
  }
}

/** `[a][b]` → a, b; a name that holds brackets itself is one. */
function bracketed(text: string): string[] {
  const parts = [...text.matchAll(/\[([^[\]]*)\]/g)].map((match) => match[1] ?? '')
  return parts.map((part) => `[${part}]`).join('') === text ? parts : [text.slice(1, -1)]
}

/** The attribute that a condition (`when`) names, if it is one of the caller. */
export function attributeOf(key: string, context: ConditionContext): Attribute<PrincipalInit> | undefined {
  switch (key) {
    case 'source.ip':
      return sourceIp
    case 'remote.ip':
      return remoteIp
    case 'source.namespace':
      return namespace
    case 'source.principal':
      return principal(context)
    case 'source.serviceAccount':
      return serviceAccount(context)
    case 'source.trustDomain':
      return trustDomain(context)
    case 'request.auth.principal':
      return requestPrincipal
    case 'request.auth.audiences':
      return claim(['aud'])
    case 'request.auth.presenter':
      return claim(['azp'])
    default:
      if (key.startsWith('request.headers')) return header(key.slice('request.headers'.length + 1, -1))
      return key.startsWith('request.auth.claims')
        ? claim(bracketed(key.slice('request.auth.claims'.length)))
        : undefined
  }
}
