// What `serve` opens by its options: the folder of its state, the keys of token issuers, the Lease.
import { KubeClient, LeaseElection, StateCache } from '../clusters/index.ts'
import type { WantedKeys } from '../mesh/index.ts'
import type { Query } from '../pipeline/index.ts'
import type { ServeOptions } from './options.ts'
import { AddressGuard, fetchKeySet, fetchOutside, keyStoreIn, TokenKeys } from './token-keys/index.ts'
import type { ObjectTables } from './xds/index.ts'

/** Keys of the issuers that policies name, fetched from where they may be fetched. */
export function openTokenKeys(
  { stateDir, log, tokenKeyNetworks }: ServeOptions,
  { engine, documents }: ObjectTables,
  wanted: Query<string, readonly WantedKeys[]>,
): TokenKeys {
  const guard = new AddressGuard(tokenKeyNetworks)
  return new TokenKeys({
    engine,
    documents,
    wanted,
    fetch: (place, signal) =>
      fetchKeySet(place, (url) => fetchOutside(url, { guard, signal, timeoutMs: 5000, maxBytes: 1024 * 1024 })),
    store: stateDir === undefined ? undefined : keyStoreIn(stateDir),
    log: (level, detail, text) => log[level](detail, text),
    now: Date.now,
  })
}

/** What is remembered of clusters over a restart; undefined where nothing is, or the folder is not usable. */
export function openCache({ stateDir, log }: ServeOptions): StateCache | undefined {
  if (stateDir === undefined) return undefined
  try {
    return new StateCache({
      directory: stateDir,
      failed: (error) => log.warn({ err: error }, 'cannot remember the state of clusters on disk'),
    })
  } catch (error) {
    log.warn(
      { stateDir, err: error },
      'works without remembering the state of clusters: the state folder is not usable',
    )
    return undefined
  }
}

/** The election of the replica that writes. */
export function leadership(
  options: ServeOptions,
  identity: string,
  changed: (isHolder: boolean) => void,
): LeaseElection {
  const [management] = options.contexts
  if (management === undefined) throw new Error('BUG: there is a management cluster')
  let last = ''
  return new LeaseElection({
    client: new KubeClient(management.access),
    namespace: options.namespace ?? 'fairlead-system',
    name: 'fairlead-writer',
    identity,
    changed,
    failed: (error) => {
      if (error.message !== last) options.log.debug({ err: error.message }, 'cannot renew or get the Lease')
      last = error.message
    },
  })
}
