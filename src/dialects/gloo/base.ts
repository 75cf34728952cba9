// What Gloo Mesh's policies stand on: settings, what is found in the clusters, and VirtualMeshes. Read again only when
// something of that has changed.
import type { ObjectRef } from '../../report/index.ts'
import { type SettingsSpec, settings as settingsKind } from '../../resources/gloo/index.ts'
import { type KubeObject, objectsOf, readKind } from '../../resources/index.ts'
import { itemsOf, type ReadContext, type VirtualMesh } from '../shared/index.ts'
import { defaultSuffix, type FederationSettings, glooDialect, managementNamespace } from './dialect.ts'
import { type GatewayDetectors, gatewayDetectors } from './gateway-detectors.ts'
import { type GlooInventory, objectsOfKind, readInventory } from './read-discovery.ts'
import type { Source } from './read-policies.ts'
import { readVirtualMesh } from './read-virtual-mesh.ts'

export interface Base {
  /** The Settings object that counts. */
  readonly settings: KubeObject | undefined
  readonly detectors: GatewayDetectors
  readonly source: Source
  readonly inventory: GlooInventory
  readonly virtualMeshes: readonly VirtualMesh[]
  /** A reader of objects that reads each once, as long as it and the base are the very same ones. */
  readonly reader: <T>(read: (object: KubeObject, source: Source) => T) => (object: KubeObject) => T
}

const discoveryKinds = ['Mesh', 'Destination', 'TrafficTarget', 'Workload']
const registration = 'multicluster.solo.io/KubernetesCluster'

export function readBase(context: ReadContext): Base {
  const { snapshot, management, factsOf, memory } = context
  const settings = objectsOfKind(context, 'settings', 'Settings').find(
    ({ metadata }) => metadata.name === 'settings' && metadata.namespace === managementNamespace,
  )
  const virtualMeshes = objectsOfKind(context, 'networking', 'VirtualMesh')
  const origins = [
    management,
    settings,
    ...itemsOf(virtualMeshes),
    ...itemsOf([...snapshot.clusters.keys()].sort().map(factsOf)),
    ...itemsOf([...objectsOf(snapshot.clusters.get(management), registration).values()]),
    ...discoveryKinds.flatMap((kind) => itemsOf(objectsOfKind(context, 'discovery', kind))),
  ]
  return memory.keep('gloo', origins, () => makeBase(context, settings, virtualMeshes))
}

function makeBase(
  context: ReadContext,
  settings: KubeObject | undefined,
  virtualMeshObjects: readonly KubeObject[],
): Base {
  const { management } = context
  const spec: SettingsSpec = settings === undefined ? {} : readKind(settingsKind, settings, management).spec
  const detectors = gatewayDetectors(spec)
  const federation = new Map<string, FederationSettings>()
  const known: { inventory?: GlooInventory } = {}
  const dialect = glooDialect({
    // A missing value is the safe one, though it is the enum's zero in the original.
    tlsMode: spec.mtls?.istio?.tlsMode ?? 'ISTIO_MUTUAL',
    federation: ({ object }) =>
      federation.get(keyOf(object)) ?? { hostnameSuffix: defaultSuffix, gatewaySelectors: [] },
    services: () => known.inventory?.services ?? [],
  })
  const source: Source = { dialect, cluster: management }
  const inventory = readInventory(context, dialect, detectors)
  known.inventory = inventory
  const virtualMeshes = virtualMeshObjects.map((object) => {
    const read = readVirtualMesh(object, source)
    federation.set(keyOf(read.virtualMesh.object), read.settings)
    return read.virtualMesh
  })
  return { settings, detectors, source, inventory, virtualMeshes, reader: readersFor(source) }
}

const keyOf = ({ namespace, name }: ObjectRef): string => `${namespace}/${name}`

function readersFor(source: Source): Base['reader'] {
  const readers = new Map<unknown, WeakMap<KubeObject, unknown>>()
  return <T>(read: (object: KubeObject, source: Source) => T) =>
    (object: KubeObject): T => {
      const known = readers.get(read) ?? new WeakMap<KubeObject, unknown>()
      readers.set(read, known)
      if (!known.has(object)) known.set(object, read(object, source))
      return known.get(object) as T // A reader always gives one sort of value.
    }
}
