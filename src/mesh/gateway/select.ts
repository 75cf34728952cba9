import { type Query, selects, type World, worldQuery } from '../../discovery/index.ts'
import { compareText, sameStructure } from '../../lib/index.ts'
import type { ObjectRef } from '../../report/index.ts'
import { objectKey, refOf } from '../../resources/index.ts'
import { ingressGateways } from '../ingress/gateways.ts'
import type { Gateway, GatewaySpec } from '../istio.ts'
import { istioKinds } from '../kinds.ts'

/** A Gateway object, or what an Ingress stands for. */
export interface GatewayObject {
  /** `namespace/name` */
  readonly key: string
  readonly createdAt: string
  readonly boundAs: string
  readonly spec: GatewaySpec
  readonly origin: ObjectRef
}

/** All gateways, those that count first in front: the oldest. */
const allGateways = worldQuery(
  'mesh/gateways',
  (world): readonly GatewayObject[] => {
    const own = (world.objects(world.primary, istioKinds.gateway) as readonly Gateway[]).map((object) => ({
      key: objectKey(object),
      createdAt: object.metadata.creationTimestamp ?? '',
      boundAs: objectKey(object),
      spec: object.spec ?? {},
      origin: refOf(world.primary, object),
    }))
    return [...own, ...ingressGateways(world)].sort(compareGateways)
  },
  { equals: sameStructure },
)

function compareGateways(a: GatewayObject, b: GatewayObject): number {
  const [[aSpace = '', aName = ''], [bSpace = '', bName = '']] = [a.key.split('/'), b.key.split('/')]
  return compareText(a.createdAt, b.createdAt) || compareText(aName, bName) || compareText(aSpace, bSpace)
}

type Labels = Readonly<Record<string, string>>

/** The gateways that a proxy with these labels serves, in whatever namespace they are. */
export const gatewaysOfLabels: Query<Labels, readonly GatewayObject[]> = {
  name: 'mesh/gateways-of-labels',
  keyOf: (labels) => JSON.stringify(labels),
  compute: (world, labels) => world.get(allGateways, undefined).filter(({ spec }) => selects(spec.selector, labels)),
  equals: sameStructure,
}

/** Whether a gateway of that name exists, whoever serves it. */
export function gatewayExists(world: World, key: string): boolean {
  return world.get(allGateways, undefined).some((gateway) => gateway.key === key)
}
