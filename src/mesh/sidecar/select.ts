import { rootNamespaceOf, selects, textQuery, type World, worldQuery } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import { objectKey } from '../../resources/index.ts'
import { compareConfigAge } from '../config-order.ts'
import type { Sidecar, SidecarSpec } from '../istio.ts'
import { istioKinds } from '../kinds.ts'

interface SidecarShape {
  readonly key: string
  readonly namespace: string
  readonly selector: Readonly<Record<string, string>> | undefined
}

const sidecarShapes = worldQuery(
  'mesh/sidecar-shapes',
  (world): readonly SidecarShape[] =>
    [...world.objects(world.primary, istioKinds.sidecar)].sort(compareConfigAge).map((sidecar) => ({
      key: objectKey(sidecar),
      namespace: sidecar.metadata.namespace ?? '',
      selector: (sidecar as Sidecar).spec?.workloadSelector?.labels,
    })),
  { equals: sameStructure },
)

/**
 * The Sidecar that holds for a workload (`namespace/name`, '' if none): one of its namespace that selects it, else one
 * of its namespace for all, else the root namespace's. The oldest of several.
 */
export function selectSidecar(
  world: World,
  workload: { namespace: string; labels: Readonly<Record<string, string>> },
): string {
  const shapes = world.get(sidecarShapes, undefined)
  const own = shapes.filter(({ namespace }) => namespace === workload.namespace)
  const root = rootNamespaceOf(world)
  const found =
    own.find(({ selector }) => selector !== undefined && selects(selector, workload.labels)) ??
    own.find(({ selector }) => selector === undefined) ??
    shapes.find(({ namespace, selector }) => namespace === root && selector === undefined)
  return found?.key ?? ''
}

export const sidecarSpec = textQuery(
  'mesh/sidecar',
  (world, key): SidecarSpec | undefined =>
    (world.object(world.primary, istioKinds.sidecar, key) as Sidecar | undefined)?.spec,
  { equals: sameStructure },
)

/** The Sidecar of a key that `selectSidecar` gave. */
export function sidecarOf(world: World, key: string): SidecarSpec | undefined {
  return key === '' ? undefined : world.get(sidecarSpec, key)
}
