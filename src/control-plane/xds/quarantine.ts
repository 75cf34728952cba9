// What a proxy refuses of a resource is kept apart from the rest of it, so that neighbours go on (docs/decisions/0152).
import { create, fromBinary } from '@bufbuild/protobuf'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js'
import { encodeElement, encodeGroup, joinParts } from './encode.ts'
import { inGroups } from './part-groups.ts'
import type { Part, XdsResource } from './xds-resource.ts'

/** A part that a proxy refuses. */
export interface HeldPart {
  readonly typeUrl: string
  /** Of the resource. */
  readonly name: string
  readonly part: Part
  /** What the proxy said of it. */
  readonly detail: string
}

interface Holding {
  readonly typeUrl: string
  readonly name: string
  /** What the proxy has, by the name of the part. */
  accepted: ReadonlyMap<string, Part>
  /** Versions that were refused together with others. The first group is being tried, without the others. */
  suspects: readonly (readonly string[])[]
  /** By version. */
  readonly bad: Map<string, { readonly part: Part; readonly detail: string }>
  served: { readonly of: XdsResource; readonly as: XdsResource } | undefined
}

/** The resources of one connected proxy that it does not take as they are. */
export class Quarantine {
  readonly #holdings = new Map<string, Holding>()
  /** Versions of parts that stand in for refused ones. */
  readonly #standIns = new Set<string>()
  readonly #standInOf = new WeakMap<Part, Part>()

  /** What the proxy is to be given in place of a resource: parts that it refuses are as it has them. */
  serve(resource: XdsResource): XdsResource {
    const holding = this.#holdings.size === 0 ? undefined : this.#holdings.get(keyOf(resource))
    const { shell } = resource
    if (!holding || !shell) return resource
    if (holding.served?.of === resource) return holding.served.as
    let parts = this.#partsFor(holding, resource)
    // What is on trial may be gone, or be what the proxy has; then nothing would come of the trial.
    while (holding.suspects.length > 0 && isHad(holding, parts)) {
      holding.suspects = holding.suspects.slice(1)
      parts = this.#partsFor(holding, resource)
    }
    const { patches } = resource
    const whole = resource.parts
    const isWhole = parts.length === whole.length && parts.every((part, at) => part === whole[at])
    const groups = isWhole ? [] : inGroups(parts).map(encodeGroup)
    const as = isWhole ? resource : joinParts(resource.typeUrl, resource.name, groups, shell, { origin: [], patches })
    holding.served = { of: resource, as }
    return as
  }

  #partsFor(holding: Holding, { parts }: XdsResource): Part[] {
    const waiting = new Set(holding.suspects.slice(1).flat())
    const isHeld = ({ version }: Part): boolean => holding.bad.has(version) || waiting.has(version)
    return parts.flatMap((part) => {
      if (!isHeld(part)) return [part]
      const before = holding.accepted.get(part.name) ?? this.#standInFor(part)
      return isHeld(before) ? [] : [before]
    })
  }

  /**
   * A resource was refused as it was sent; `before` is what the proxy goes on with. What it does not have already is
   * suspect: a single part is held, of several those that the proxy's message names are tried apart from the others, or
   * each half by itself. Returns whether a part is at fault; otherwise it is the resource as a whole.
   */
  refused(sent: XdsResource, before: XdsResource | undefined, detail: string): boolean {
    const had = new Set(before?.parts.map(({ version }) => version))
    const suspects = sent.shell ? sent.parts.filter(({ version }) => !had.has(version)) : []
    if (suspects.length === 0) return false
    const key = keyOf(sent)
    const { typeUrl, name } = sent
    const holding = this.#holdings.get(key) ?? newHolding(typeUrl, name)
    this.#holdings.set(key, holding)
    holding.accepted = byName(before)
    holding.served = undefined
    // It was on its way already when what is known to be in doubt was found; so it says nothing new.
    const doubted = new Set([...holding.bad.keys(), ...holding.suspects.slice(1).flat()])
    if (suspects.some(({ version }) => doubted.has(version))) return true
    const versions = new Set(suspects.map(({ version }) => version))
    const others = holding.suspects.map((group) => group.filter((version) => !versions.has(version)))
    const [only] = suspects
    const groups = suspects.length === 1 ? [] : split(suspects, detail)
    if (only && suspects.length === 1) holding.bad.set(only.version, { part: only, detail })
    holding.suspects = [...groups, ...others].filter(({ length }) => length > 0)
    return true
  }

  /** The proxy has taken what it was given: what was on trial is good. Returns whether there is more to be tried. */
  accepted(taken: XdsResource): boolean {
    const holding = this.#holdings.get(keyOf(taken))
    if (!holding) return false
    holding.accepted = byName(taken)
    holding.suspects = holding.suspects.slice(1)
    holding.served = undefined
    if (holding.bad.size + holding.suspects.length === 0) this.#holdings.delete(keyOf(taken))
    return holding.suspects.length > 0
  }

  /** A resource has changed: what is in it no more is forgotten. */
  changed(typeUrl: string, name: string, resource: XdsResource | undefined): void {
    const holding = this.#holdings.get(`${typeUrl} ${name}`)
    if (!holding) return
    const present = new Set(resource?.parts.map(({ version }) => version))
    const names = new Set(resource?.parts.map((part) => part.name))
    for (const [version, { part }] of holding.bad) {
      const isStandIn = this.#standIns.has(version)
      if (isStandIn ? !names.has(part.name) : !present.has(version)) holding.bad.delete(version)
    }
    holding.suspects = holding.suspects
      .map((group) => group.filter((version) => present.has(version) || this.#standIns.has(version)))
      .filter(({ length }) => length > 0)
    holding.served = undefined
    if (holding.bad.size + holding.suspects.length === 0) this.#holdings.delete(`${typeUrl} ${name}`)
  }

  /** Names of resources of a type that are not given as they are. */
  names(typeUrl: string): string[] {
    return [...this.#holdings.values()].filter((each) => each.typeUrl === typeUrl).map(({ name }) => name)
  }

  /** What the proxy refuses, as far as it is known by itself. */
  held(typeUrl: string): HeldPart[] {
    return [...this.#holdings.values()]
      .filter((each) => each.typeUrl === typeUrl)
      .flatMap(({ name, bad }) =>
        [...bad]
          .filter(([version]) => !this.#standIns.has(version))
          .map(([, { part, detail }]) => ({ typeUrl, name, part, detail })),
      )
  }

  /**
   * For a virtual host that the proxy never had: one of the same domains that answers 503. Without it requests would go
   * where those of unknown hosts go, past the rules that were meant for them.
   */
  #standInFor(part: Part): Part {
    const known = this.#standInOf.get(part)
    if (known) return known
    const reader = new BinaryReader(part.bytes)
    const [field] = reader.tag()
    const { name, domains } = fromBinary(VirtualHostSchema, reader.bytes())
    const body = 'the proxy refuses the rules of this host'
    const action = {
      case: 'directResponse',
      value: { status: 503, body: { specifier: { case: 'inlineString', value: body } } },
    } as const
    const match = { pathSpecifier: { case: 'prefix', value: '/' } } as const
    const resource = create(VirtualHostSchema, { name, domains, routes: [{ match, action }] })
    const made = encodeElement(VirtualHostSchema, field, { resource, origin: part.origin })
    this.#standIns.add(made.version)
    this.#standInOf.set(part, made)
    return made
  }
}

const keyOf = ({ typeUrl, name }: Pick<XdsResource, 'typeUrl' | 'name'>): string => `${typeUrl} ${name}`

const newHolding = (typeUrl: string, name: string): Holding => ({
  typeUrl,
  name,
  accepted: new Map(),
  suspects: [],
  bad: new Map(),
  served: undefined,
})

/** Whether parts are no others than the proxy has. */
const isHad = ({ accepted }: Holding, parts: readonly Part[]): boolean =>
  parts.length === accepted.size && parts.every(({ name, version }) => accepted.get(name)?.version === version)

const byName = (resource: XdsResource | undefined): ReadonlyMap<string, Part> =>
  new Map(resource?.parts.map((part) => [part.name, part]))

/** Groups to be tried one after the other, good ones first as far as the message tells. */
function split(parts: readonly Part[], detail: string): string[][] {
  const versions = (group: readonly Part[]): string[] => group.map(({ version }) => version)
  const named = parts.filter(({ name }) => name !== '' && detail.includes(name))
  if (named.length > 0 && named.length < parts.length)
    return [versions(parts.filter((part) => !named.includes(part))), versions(named)]
  const middle = Math.ceil(parts.length / 2)
  return [versions(parts.slice(0, middle)), versions(parts.slice(middle))]
}
