// Envoy's matchers for the values of an AuthorizationPolicy: exact, `prefix*`, `*suffix`, and `*` for presence.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { CidrRangeSchema } from '#gen/envoy/config/core/v3/address_pb.js'
import type { HeaderMatcherSchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import type { MetadataMatcherSchema } from '#gen/envoy/type/matcher/v3/metadata_pb.js'
import type { StringMatcherSchema } from '#gen/envoy/type/matcher/v3/string_pb.js'
import type { ValueMatcherSchema } from '#gen/envoy/type/matcher/v3/value_pb.js'

export type StringMatcherInit = MessageInitShape<typeof StringMatcherSchema>
export type HeaderMatcherInit = MessageInitShape<typeof HeaderMatcherSchema>
export type MetadataMatcherInit = MessageInitShape<typeof MetadataMatcherSchema>
type ValueMatcherInit = MessageInitShape<typeof ValueMatcherSchema>

export function exact(value: string, ignoreCase = false): StringMatcherInit {
  return { ignoreCase, matchPattern: { case: 'exact', value } }
}

export function prefix(value: string, ignoreCase = false): StringMatcherInit {
  return { ignoreCase, matchPattern: { case: 'prefix', value } }
}

function suffix(value: string, ignoreCase = false): StringMatcherInit {
  return { ignoreCase, matchPattern: { case: 'suffix', value } }
}

/** RE2; matches the whole text. */
export function regex(value: string): StringMatcherInit {
  return { matchPattern: { case: 'safeRegex', value: { regex: value } } }
}

export const anyText = regex('.+')

/** A text taken as it is in a regular expression. */
export function quoted(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, String.raw`\$&`)
}

/** A value as written in a policy. `scheme` stands before every value, as `spiffe://` does in identities. */
export function textMatcher(value: string, scheme = ''): StringMatcherInit {
  if (value === '*') return anyText
  if (value.startsWith('*'))
    return scheme === '' ? suffix(value.slice(1)) : regex(`${scheme}.*${quoted(value.slice(1))}`)
  return value.endsWith('*') ? prefix(scheme + value.slice(0, -1)) : exact(scheme + value)
}

export function headerMatcher(name: string, value: string, ignoreCase = false): HeaderMatcherInit {
  if (value === '*') return { name, headerMatchSpecifier: { case: 'presentMatch', value: true } }
  const text = value.startsWith('*')
    ? suffix(value.slice(1), ignoreCase)
    : value.endsWith('*')
      ? prefix(value.slice(0, -1), ignoreCase)
      : exact(value, ignoreCase)
  return { name, headerMatchSpecifier: { case: 'stringMatch', value: text } }
}

/** Something that a filter has noted about the request. */
export function metadataMatcher(filter: string, path: readonly string[], value: ValueMatcherInit): MetadataMatcherInit {
  return { filter, path: path.map((key) => ({ segment: { case: 'key', value: key } })), value }
}

export function textValue(matcher: StringMatcherInit): ValueMatcherInit {
  return { matchPattern: { case: 'stringMatch', value: matcher } }
}

/** A list that holds a value. */
export function listValue(item: ValueMatcherInit): ValueMatcherInit {
  return { matchPattern: { case: 'listMatch', value: { matchPattern: { case: 'oneOf', value: item } } } }
}

export function anyValue(matchers: readonly ValueMatcherInit[]): ValueMatcherInit {
  const [only] = matchers
  if (only !== undefined && matchers.length === 1) return only
  return { matchPattern: { case: 'orMatch', value: { valueMatchers: [...matchers] } } }
}

/** `10.0.0.0/8`, or a single address. */
export function cidrRange(text: string): MessageInitShape<typeof CidrRangeSchema> {
  const [addressPrefix = '', bits] = text.split('/')
  const prefixLen = bits === undefined ? (addressPrefix.includes(':') ? 128 : 32) : Number(bits)
  return { addressPrefix, prefixLen }
}
