import { hash } from 'node:crypto'
import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { ObjectRef } from '../../report/index.ts'
import { inGroups } from './part-groups.ts'
import { type Part, XdsResource } from './xds-resource.ts'

/** A message with the objects that it says something of. */
interface Built<T> {
  readonly resource: T
  readonly origin: readonly ObjectRef[]
  readonly patches?: readonly string[]
}

/** A part of a resource, encoded once for all resources that it is in. */
export interface EncodedPart extends Part {
  readonly bytes: Uint8Array
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
  endpointSet?: string,
): XdsResource {
  const bytes = toBinary(schema, resource)
  return new XdsResource(typeUrl, name, {
    pieces: [bytes],
    version: versionOf(bytes),
    origin,
    ...(endpointSet !== undefined && { endpointSet }),
    ...(patches && { patches }),
  })
}

/** Encodes a message as an element of a repeated field of another one. */
export function encodeElement<S extends DescMessage>(
  schema: S,
  field: number,
  { resource, origin }: Built<MessageShape<S>>,
): EncodedPart {
  const bytes = new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(toBinary(schema, resource)).finish()
  return { bytes, version: versionOf(bytes), origin }
}

/** Puts a resource together from parts: protobuf takes fields in any order, and elements in the order in which they come. */
export function joinParts(
  typeUrl: string,
  name: string,
  elements: readonly EncodedPart[],
  rest: Uint8Array,
): XdsResource {
  const versions = elements.map(({ version }) => version).join('')
  return new XdsResource(typeUrl, name, {
    pieces: [...inGroups(elements), rest],
    version: versionOf(versions + versionOf(rest)),
    origin: elements.flatMap(({ origin }) => origin),
    parts: elements,
  })
}

export function samePart(a: EncodedPart, b: EncodedPart): boolean {
  return a.version === b.version && JSON.stringify(a.origin) === JSON.stringify(b.origin)
}
