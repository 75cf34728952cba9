import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { type Any, anyUnpack } from '@bufbuild/protobuf/wkt'

const unpacked = new WeakMap<Any, unknown>()

/** The message inside; undefined if it is of another type. Each is read once, since many calls go through the same filters. */
export function unpack<S extends DescMessage>(any: Any, schema: S): MessageShape<S> | undefined {
  if (!any.typeUrl.endsWith(`/${schema.typeName}`)) return undefined
  const known = unpacked.get(any)
  // Of one Any, the type URL says what the message is.
  if (known !== undefined) return known as MessageShape<S>
  const message = anyUnpack(any, schema)
  unpacked.set(any, message)
  return message
}
