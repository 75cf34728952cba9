import { type World, worldQuery } from '../../discovery/index.ts'
import { compareText, sameStructure } from '../../lib/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import { type JwtRule, usableKeySet } from '../../resources/istio/index.ts'
import { requestAuthenticationKindName, tokenRulesOf } from './request-authentication.ts'

/** Where an issuer publishes its keys: at a URL that a rule names, or where OpenID Connect discovery says. */
export interface KeyPlace {
  readonly kind: 'url' | 'issuer'
  readonly url: string
}

/** The name of a place, as `World.document` takes it. */
export const keyPlaceName = ({ kind, url }: KeyPlace): string => `token keys ${kind} ${url}`

/** Where the keys of a rule are; undefined if the rule holds them itself. */
export function keyPlaceOf({
  jwks = '',
  jwks_uri = '',
  jwksUri = jwks_uri,
  issuer = '',
}: JwtRule): KeyPlace | undefined {
  if (jwks !== '') return undefined
  return jwksUri === '' ? { kind: 'issuer', url: issuer } : { kind: 'url', url: jwksUri }
}

/** The JSON web key set of a rule, with nothing in it that proxies would refuse; undefined while it is not known. */
export function tokenKeys(world: World, rule: JwtRule): string | undefined {
  const place = keyPlaceOf(rule)
  if (place === undefined) return usableKeySet(rule.jwks ?? '', { secrets: true })
  return usableKeySet(world.document(keyPlaceName(place)) ?? '', { secrets: false })
}

/** Keys that the rules of a world need and do not hold. */
export interface WantedKeys {
  readonly place: KeyPlace
  /** The rules' objects, and the fields in them that say where the keys are. */
  readonly wantedBy: readonly { readonly object: ObjectRef; readonly path: string }[]
}

export const wantedTokenKeys = worldQuery(
  'mesh/security/wanted-token-keys',
  (world): readonly WantedKeys[] => {
    const found = new Map<string, WantedKeys & { wantedBy: WantedKeys['wantedBy'][number][] }>()
    for (const object of world.objects(world.primary, requestAuthenticationKindName)) {
      for (const { rule, broken, origin, path } of tokenRulesOf(object, world.primary)) {
        const place = broken ? undefined : keyPlaceOf(rule)
        if (place === undefined) continue
        const name = keyPlaceName(place)
        const wanted = found.get(name) ?? { place, wantedBy: [] }
        const field = place.kind === 'url' ? 'jwksUri' : 'issuer'
        found.set(name, wanted)
        wanted.wantedBy.push({ object: origin, path: `${path}.${field}` })
      }
    }
    return [...found].sort(([a], [b]) => compareText(a, b)).map(([, wanted]) => wanted)
  },
  { equals: sameStructure },
)
