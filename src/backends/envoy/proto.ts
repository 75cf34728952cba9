import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf'
import { type Any, anyPack, type Duration, DurationSchema } from '@bufbuild/protobuf/wkt'
import { durationMs } from '../../resources/index.ts'

/** A message packed into an Any. */
export function pack<S extends DescMessage>(schema: S, init?: MessageInitShape<S>): Any {
  return anyPack(schema, create(schema, init))
}

/** An extension: its name, and its configuration. */
export function extension<S extends DescMessage>(
  name: string,
  schema: S,
  init?: MessageInitShape<S>,
): { name: string; typedConfig: Any } {
  return { name, typedConfig: pack(schema, init) }
}

/** A oneof of an extension point: `configType: { case: 'typedConfig', value }`. */
export function extensionConfig<S extends DescMessage>(
  name: string,
  schema: S,
  init?: MessageInitShape<S>,
): { name: string; configType: { case: 'typedConfig'; value: Any } } {
  return { name, configType: { case: 'typedConfig', value: pack(schema, init) } }
}

/** A duration of milliseconds. */
export function milliseconds(value: number): Duration {
  const seconds = Math.floor(value / 1000)
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: Math.round((value - seconds * 1000) * 1e6) })
}

/** A duration as objects write it (`1.5s`, `1m`); undefined if it is not one, which validation reports. */
export function duration(text: string | undefined): Duration | undefined {
  const value = text === undefined ? undefined : durationMs(text)
  return value === undefined ? undefined : milliseconds(value)
}

export const noTimeout = milliseconds(0)

/** Leaves out what is undefined: protobuf's `create` takes no such fields here. */
export function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  // Removing the undefined fields is what makes the type true.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

/** The fields of a message as `create` takes them: plain objects, which can be spread. */
export type Init<S extends DescMessage> = Exclude<MessageInitShape<S>, { $typeName: string }>
