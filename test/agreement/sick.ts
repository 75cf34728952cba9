// Meshes with programs that answer every request with an error: proxies eject their endpoints, and what is left is asked about.
import { placedShares, withDead } from '../../src/evaluator/index.ts'
import { sourceAddress, type TestCall } from './calls.ts'
import type { Certificates } from './certificates.ts'
import type { PlacedProxy } from './resources.ts'
import { send } from './send.ts'
import { ports } from './vocabulary.ts'
import type { RandomWorld } from './world.ts'

/** Endpoints that Envoy has ejected: names of clusters (which no two proxies share) with addresses. */
export type Ejected = ReadonlySet<string>

/** Asks Envoy's admin interface. */
export async function readEjected(adminUrl: string): Promise<Ejected> {
  const response = await fetch(`${adminUrl}/clusters`, { signal: AbortSignal.timeout(60_000) })
  const lines = (await response.text()).split('\n')
  const found = lines.flatMap((line) => {
    const [cluster = '', address = '', name, flags = ''] = line.split('::')
    return name === 'health_flags' && flags.includes('failed_outlier_check') ? [`${cluster} ${address}`] : []
  })
  return new Set(found)
}

const warmUps = 40

/** Calls the service with sick programs from all who can call it, until its endpoints have been tried. */
export async function warmUp(
  world: RandomWorld,
  proxies: readonly PlacedProxy[],
  certificates: Certificates,
): Promise<void> {
  if (world.sick.length === 0) return
  const callers = proxies.filter(canCall)
  await Promise.all(
    callers.map(async (entry) => {
      for (let n = 0; n < warmUps; n++) {
        const test = warmUpCall(world, entry)
        if (test) await send(test, certificates)
      }
    }),
  )
}

const canCall = ({ pod }: PlacedProxy): boolean => pod.role === 'caller' || pod.role === 'explicit-caller'

function warmUpCall(world: RandomWorld, entry: PlacedProxy): TestCall | undefined {
  const absolute = entry.pod.role === 'explicit-caller'
  const virtual = world.virtual.get('cart') ?? ''
  const place = absolute
    ? entry.places.get('virtualOutbound')
    : (entry.places.get(`${virtual}_${ports.http}`) ?? entry.places.get(`0.0.0.0_${ports.http}`))
  if (!place) return undefined
  const host = `cart.shop:${ports.http}`
  const request = { protocol: 'http', path: '/', method: 'GET', headers: {}, sourceAddress, host } as const
  return { id: 'warm-up', entry, absolute, kind: 'captured', call: { ...request, ...place, direction: 'direct' } }
}

/** A proxy that knows which of its endpoints are ejected. */
export function knowing(proxy: PlacedProxy, ejected: Ejected): PlacedProxy {
  const own = addressesOf(proxy, ejected)
  return own.size === 0 ? proxy : { ...proxy, config: withDead(proxy.config, ({ address }) => own.has(address)) }
}

function addressesOf({ config }: PlacedProxy, ejected: Ejected): ReadonlySet<string> {
  const found = new Set<string>()
  for (const [name, cluster] of config.clusters) {
    if (!name.includes('||cart.')) continue
    for (const { address } of placedShares(config, cluster)) if (ejected.has(`${name} ${address}`)) found.add(address)
  }
  return found
}

/** Whether a call is of no use: it leads to a sick service, of which its proxy ejected endpoints meanwhile or was never asked. */
export function isUnsettled(
  world: RandomWorld,
  entry: PlacedProxy,
  clusters: readonly string[],
  [before, after]: readonly [Ejected, Ejected],
): boolean {
  if (world.sick.length === 0) return false
  const cart = clusters.filter((name) => name.includes('||cart.'))
  if (cart.length === 0) return false
  const of = (ejected: Ejected): string =>
    [...ejected].filter((each) => cart.some((name) => each.startsWith(name))).join()
  return !canCall(entry) || of(before) !== of(after)
}
