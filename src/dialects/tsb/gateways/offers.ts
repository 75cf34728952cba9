// Which gateways of which clusters serve a host, seen from one cluster: for proxies of the mesh that call the host, and for
// gateways in front of other gateways.
import { asTexts } from '../../shared/index.ts'
import { canReach, type TsbCluster } from '../clusters.ts'
import type { TsbObject } from '../objects.ts'
import type { Trusts } from '../remote-services.ts'
import type { PlacedServer } from './places.ts'
import { type ClusterChoice, isLastGateway, type Server } from './servers.ts'
import { canAnswer } from './services.ts'

export interface OfferContext {
  readonly placed: readonly PlacedServer[]
  readonly trusts: Trusts
  /** TSB's Cluster objects: labels by which clusters are chosen. */
  readonly described: readonly TsbObject[]
}

/** A gateway that serves a host, with its share; 0: no share is said. */
export interface Offer {
  readonly at: PlacedServer
  readonly weight: number
}

/**
 * The gateways that `client` can send requests for a host to. Those that cannot answer are left out, unless no other can.
 * Where none can be reached directly, gateways that pass requests on (TRANSIT) stand in. `asking`: the server that sends;
 * it is not sent to itself.
 */
export function offersFor(
  client: TsbCluster,
  wanted: { readonly hostname: string; readonly protocol: Server['protocol']; readonly asking?: Server },
  choices: readonly ClusterChoice[],
  context: OfferContext,
): Offer[] {
  const all = context.placed.filter(
    ({ server, isInner }) =>
      server.hostname === wanted.hostname &&
      server.protocol === wanted.protocol &&
      server.object !== wanted.asking?.object &&
      (isInner || server.protocol === 'TLS'),
  )
  const last = all.filter(({ server }) => isLastGateway(server))
  const transit = all.filter(({ server }) => server.use === 'TRANSIT' && !isLastGateway(server))
  const usable = (each: PlacedServer): boolean => isUsable(client, each, context)
  const direct = last.filter(usable)
  const through = transit.filter(usable)
  if (choices.length === 0) return ready(direct.length > 0 ? direct : through).map((at) => ({ at, weight: 0 }))
  const isWeighted = choices.some(({ weight }) => weight > 0)
  const parts = choices.flatMap((choice) => {
    if (isWeighted && choice.weight === 0) return []
    const isChosen = ({ cluster }: PlacedServer): boolean => chooses(choice, cluster, context)
    const own = direct.filter(isChosen)
    // A chosen cluster that is out of reach is reached by way of another that is not.
    const ways = own.length === 0 && last.some(isChosen) ? through : own
    return ways.map((at) => ({ at, weight: choice.weight / ways.length }))
  })
  const able = new Set(ready(parts.map(({ at }) => at)))
  return parts.filter(({ at }) => able.has(at))
}

function ready(all: readonly PlacedServer[]): readonly PlacedServer[] {
  const able = all.filter(({ server, cluster }) => canAnswer(server, cluster))
  return able.length > 0 ? able : all
}

function isUsable(client: TsbCluster, { cluster, gateways }: PlacedServer, { trusts }: OfferContext): boolean {
  if (gateways.length === 0) return false
  return cluster === client || (canReach(client, cluster) && trusts(client, cluster))
}

function chooses({ name, labels, network }: ClusterChoice, cluster: TsbCluster, { described }: OfferContext): boolean {
  if (name !== '') return name === cluster.name
  if (network !== '') return network === cluster.network
  const own = asTexts(described.find((each) => each.name === cluster.name)?.spec['labels'])
  const wanted = Object.entries(labels)
  return wanted.length > 0 && wanted.every(([key, value]) => own[key] === value)
}
