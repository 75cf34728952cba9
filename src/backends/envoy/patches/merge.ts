// Merging of protobuf messages as EnvoyFilters mean it.
import { type DescMessage, type Message, type Registry, toBinary } from '@bufbuild/protobuf'
import { reflect } from '@bufbuild/protobuf/reflect'
import { type Any, anyUnpack } from '@bufbuild/protobuf/wkt'

/** Whether lists get longer, or are what the patch says. */
export type ListMerge = 'append' | 'replace'

/** Messages that are one value: a patch that has one replaces it. */
const wholeValues = new Set(
  'Any Duration Timestamp FieldMask Value BoolValue StringValue BytesValue DoubleValue FloatValue Int32Value Int64Value UInt32Value UInt64Value'
    .split(' ')
    .map((name) => `google.protobuf.${name}`),
)

/**
 * Merges a patch into a message, which is changed; parts of the patch become parts of the message. Fields that the patch
 * sets win; messages within are merged, entries of maps replaced.
 */
export function mergeInto(desc: DescMessage, message: Message, patch: Message, lists: ListMerge): void {
  const into = reflect(desc, message)
  const from = reflect(desc, patch)
  for (const field of from.fields) {
    if (!from.isSet(field)) continue
    switch (field.fieldKind) {
      case 'list': {
        const list = into.get(field)
        if (lists === 'replace') list.clear()
        for (const item of from.get(field)) list.add(item)
        break
      }
      case 'map': {
        const map = into.get(field)
        for (const [key, value] of from.get(field)) map.set(key, value)
        break
      }
      case 'message': {
        const value = from.get(field)
        if (into.isSet(field) && !wholeValues.has(field.message.typeName)) {
          const own = into.get(field)
          mergeInto(field.message, own.message, value.message, lists)
          into.set(field, own)
        } else into.set(field, value)
        break
      }
      default:
        into.set(field, from.get(field))
    }
  }
}

/** Two packed messages of one type, merged; undefined if their types differ or are not known here. */
export function mergePacked(own: Any, patch: Any, registry: Registry, lists: ListMerge): Any | undefined {
  if (typeNameOf(own) !== typeNameOf(patch)) return undefined
  const desc = registry.getMessage(typeNameOf(own))
  const message = desc && anyUnpack(own, desc)
  const change = desc && anyUnpack(patch, desc)
  if (!desc || !message || !change) return undefined
  mergeInto(desc, message, change, lists)
  return { ...own, value: toBinary(desc, message) }
}

export function typeNameOf({ typeUrl }: Any): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1)
}
