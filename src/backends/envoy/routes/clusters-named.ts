import { type DescMessage, type MessageShape, toJsonString } from '@bufbuild/protobuf'
import { extensionTypes } from '../registry.ts'

/** As `outboundClusterName` makes them; quoted or not, since scripts name clusters too. */
const outboundName = /outbound\|\d+\|[^|"'\s\\]*\|[\w.*-]+/g

/**
 * Names of the clusters of services that a message has anywhere in it: routes with their weights and mirrors, TCP proxies,
 * authorizers, tracers, access logs, and whatever a patch put there.
 */
export function clustersNamed<S extends DescMessage>(schema: S, message: MessageShape<S>): string[] {
  const text = toJsonString(schema, message, { registry: extensionTypes })
  return [...new Set(text.match(outboundName))]
}
