// Which Telemetry objects hold for a proxy.
import { rootNamespaceOf, textQuery, type World } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import { checkObject, type KubeObject, objectKey } from '../../resources/index.ts'
import { type TelemetrySpec, telemetryKind } from '../../resources/istio/index.ts'
import { compareConfigAge } from '../config-order.ts'
import { istioKinds } from '../kinds.ts'
import { applies, type Scope, type SecuredWorkload, scopeOf } from '../security/workload.ts'

interface TelemetryShape {
  readonly key: string
  readonly scope: Scope
  /** For all workloads of its namespace, or of the mesh. */
  readonly wide: boolean
}

const shapesOfNamespace = textQuery(
  'mesh/telemetry-shapes',
  (world, namespace): readonly TelemetryShape[] =>
    world
      .objects(world.primary, istioKinds.telemetry)
      .filter(({ metadata }) => metadata.namespace === namespace)
      .toSorted(compareConfigAge)
      .map((object) => {
        const { selector, targetRef, targetRefs = [] } = readTelemetry(object, world.primary)
        const scope = scopeOf(namespace, readTelemetry(object, world.primary))
        const wide = Object.keys(selector?.matchLabels ?? {}).length === 0 && !targetRef && targetRefs.length === 0
        return { key: objectKey(object), scope, wide }
      }),
  { equals: sameStructure },
)

/** A Telemetry without what has the wrong shape. */
export function readTelemetry(object: KubeObject, cluster: string): TelemetrySpec {
  return checkObject(telemetryKind, object, cluster).object.spec ?? {}
}

/**
 * The Telemetry objects that hold for a workload, the most general first: that of the root namespace, that of its own
 * (the oldest of several each), and those that select it.
 */
export function telemetriesOf(world: World, workload: SecuredWorkload): string[] {
  const root = world.get(shapesOfNamespace, rootNamespaceOf(world))
  const own = world.get(shapesOfNamespace, workload.namespace)
  const wide = [root, ...(workload.namespace === rootNamespaceOf(world) ? [] : [own])].flatMap(
    (shapes) => shapes.find((shape) => shape.wide) ?? [],
  )
  const selecting = own.filter((shape) => !shape.wide && applies(shape.scope, workload))
  return [...wide, ...selecting].map(({ key }) => key)
}

/** A Telemetry by its key. */
export const telemetryByKey = textQuery(
  'mesh/telemetry',
  (world, key): TelemetrySpec | undefined => {
    const object = world.object(world.primary, istioKinds.telemetry, key)
    return object && readTelemetry(object, world.primary)
  },
  { equals: sameStructure },
)
