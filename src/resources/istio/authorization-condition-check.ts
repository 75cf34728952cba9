import type { Place } from '../check.ts'
import type { AuthorizationCondition } from './authorization-policy.ts'
import { checkIpBlock, checkOneWildcard, checkPortText, checkServiceAccount } from './authorization-values.ts'

type ValueCheck = (place: Place, value: string) => void
const anyText: ValueCheck = () => {}

/** What `when` can ask for, and what its values must be. */
const attributes: Readonly<Record<string, ValueCheck>> = {
  'source.ip': checkIpBlock,
  'remote.ip': checkIpBlock,
  'source.namespace': anyText,
  'source.serviceAccount': checkServiceAccount,
  'source.principal': anyText,
  'source.trustDomain': checkOneWildcard,
  'request.auth.principal': anyText,
  'request.auth.audiences': anyText,
  'request.auth.presenter': anyText,
  'destination.ip': checkIpBlock,
  'destination.port': checkPortText,
  'connection.sni': anyText,
}

/** Attributes that name a member: `request.headers[x]`. */
const maps = ['request.headers', 'request.auth.claims', 'experimental.envoy.filters.']

/** Attributes of earlier versions, and what took their place. */
const replaced: Readonly<Record<string, string>> = {
  'destination.namespace': "the policy's own namespace",
  'destination.labels': 'the selector of the policy',
  'destination.name': 'the selector of the policy',
  'destination.user': 'the selector of the policy',
}

export function checkCondition(place: Place, { key, values, notValues }: AuthorizationCondition): void {
  if (key === '') place.field('key').error('must not be empty', 'required')
  if (key === undefined || key === '') return
  if ((values?.length ?? 0) + (notValues?.length ?? 0) === 0) place.error('values or notValues must be set', 'required')
  const check = checkKey(place.field('key'), key)
  for (const field of ['values', 'notValues'] as const)
    place.field(field).each(field === 'values' ? values : notValues, (at, value) => {
      if (value === '') at.error('must not be empty')
      else check(at, value)
    })
}

/** The check for the values of an attribute. */
function checkKey(place: Place, key: string): ValueCheck {
  const known = Object.hasOwn(attributes, key) ? attributes[key] : undefined
  if (known !== undefined) return known
  if (maps.some((prefix) => key.startsWith(prefix))) {
    const open = key.indexOf('[')
    if (!key.endsWith(']') || open <= 0 || open >= key.length - 2)
      place.error(`${JSON.stringify(key)} must have the form a[b]`)
    return anyText
  }
  const instead = Object.entries(replaced).find(([old]) => key === old || key.startsWith(`${old}[`))
  place.error(
    instead === undefined
      ? `${JSON.stringify(key)} is no known attribute`
      : `${key} is no longer known; use ${instead[1]}`,
  )
  return anyText
}
