import { endpointsOfService, type NamespacedHost, type Query } from '../discovery/index.ts'
import { shareIn } from './endpoints/index.ts'

/** A port of a service, or the part of it that a subset's labels select. */
export interface ServingKey extends NamespacedHost {
  readonly portName: string
  readonly subset: Readonly<Record<string, string>> | undefined
}

/**
 * Whether a healthy endpoint is known, in whatever place. Changes far less often than endpoints do, so who asks is
 * computed again only when the last one goes or the first one comes.
 */
export const isServed: Query<ServingKey, boolean> = {
  name: 'mesh/is-served',
  keyOf: ({ namespace, host, portName, subset }) =>
    `${namespace}/${host}|${portName}|${JSON.stringify(subset && Object.entries(subset).sort(([a], [b]) => (a < b ? -1 : 1)))}`,
  compute: (world, { namespace, host, portName, subset }) =>
    world
      .get(endpointsOfService, { namespace, host })
      .some((each) => each.health === 'healthy' && each.portName === portName && shareIn(each, subset).length > 0),
}
