import { hash } from 'node:crypto'
import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { ObjectRef } from '../../report/index.ts'
import { type Made, type Part, type PartGroup, XdsResource } from './xds-resource.ts'

/** A message with the objects that it says something of. */
interface Built<T> {
  readonly resource: T
  readonly origin: readonly ObjectRef[]
  readonly patches?: readonly string[]
}

/** Tells contents apart; the same in every replica, so that a client that changes over is not sent everything again. */
export function versionOf(bytes: Uint8Array | string): string {
  return hash('sha1', bytes, 'base64url').slice(0, 16)
}

/** Encodes a whole resource. */
export function encodeResource<S extends DescMessage>(
  schema: S,
  typeUrl: string,
  name: string,
  { resource, origin, patches }: Built<MessageShape<S>>,
  more: Pick<Made, 'endpointSet' | 'refersTo'> = {},
): XdsResource {
  const bytes = toBinary(schema, resource)
  return new XdsResource(typeUrl, name, {
    pieces: [bytes],
    version: versionOf(bytes),
    origin,
    ...(patches && { patches }),
    ...more,
  })
}

/** Encodes a message as an element of a repeated field of another one. */
export function encodeElement<S extends DescMessage>(
  schema: S,
  field: number,
  { resource, origin }: Built<MessageShape<S> & { readonly name: string }>,
): Part {
  const bytes = new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(toBinary(schema, resource)).finish()
  return { name: resource.name, bytes, version: versionOf(bytes), origin }
}

/** Puts parts together that stand one after the other in all resources that they are in. */
export function encodeGroup(parts: readonly Part[]): PartGroup {
  const [only] = parts
  const bytes = only && parts.length === 1 ? only.bytes : joined(parts)
  return { bytes, versions: parts.map(({ version }) => version).join(''), parts }
}

/** In memory of its own, that nothing else keeps. */
function joined(parts: readonly Part[]): Uint8Array {
  const made = new Uint8Array(parts.reduce((sum, { bytes }) => sum + bytes.length, 0))
  let at = 0
  for (const { bytes } of parts) {
    made.set(bytes, at)
    at += bytes.length
  }
  return made
}

export function sameGroup(a: PartGroup, b: PartGroup): boolean {
  return a.versions === b.versions && a.parts.every((part, at) => b.parts[at] && sameOrigin(part, b.parts[at]))
}

/** Puts a resource together from parts: protobuf takes fields in any order, and elements in the order in which they come. */
export function joinParts(
  typeUrl: string,
  name: string,
  groups: readonly PartGroup[],
  shell: Uint8Array,
  more: Pick<Made, 'origin' | 'patches'> = { origin: [] },
): XdsResource {
  // However the parts are grouped, the same parts are the same version.
  const versions = groups.map((group) => group.versions).join('')
  return new XdsResource(typeUrl, name, {
    ...more,
    pieces: [...groups.map(({ bytes }) => bytes), shell],
    version: versionOf(versions + versionOf(shell)),
    groups,
    shell,
  })
}

export function samePart(a: Part, b: Part): boolean {
  return a.version === b.version && sameOrigin(a, b)
}

function sameOrigin(a: Part, b: Part): boolean {
  return a === b || JSON.stringify(a.origin) === JSON.stringify(b.origin)
}
