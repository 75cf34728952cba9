// MeshConfig.discoverySelectors: the namespaces that a mesh looks at; what lies in others is not there for it (istiod's
// pkg/kube/namespace/filter.go). Those of the primary cluster hold in all clusters of its mesh.
import { type LabelSelector, matchesSelector, sameStructure } from '../lib/index.ts'
import type { KubeObject } from '../resources/index.ts'
import { meshConfigOf, namespaceOf } from './cluster-settings.ts'
import { type World, worldQuery } from './world.ts'

const operators = new Set(['In', 'NotIn', 'Exists', 'DoesNotExist'])

/** Empty: all namespaces, also where one of the selectors cannot be read. */
const discoverySelectors = worldQuery(
  'discovery/selectors',
  (world): readonly LabelSelector[] => {
    const selectors = meshConfigOf(world).discoverySelectors ?? []
    const isReadable = selectors.every(({ matchExpressions = [] }) =>
      matchExpressions.every(({ operator = '' }) => operators.has(operator)),
    )
    return isReadable ? selectors : []
  },
  { equals: sameStructure },
)

/** Whether the mesh looks at a namespace of a cluster; at what is in no namespace it always does. */
export function isDiscovered(world: World, cluster: string, namespace: string): boolean {
  const selectors = world.get(discoverySelectors, undefined)
  if (selectors.length === 0 || namespace === '') return true
  const { labels } = namespaceOf(world, cluster, namespace)
  return selectors.some((selector) => matchesSelector(selector, labels))
}

/** Kinds of Kubernetes and of Istio; what Fairlead and the dialects have of their own is read wherever it stands. */
const selectable = /^(|discovery\.k8s\.io|networking\.k8s\.io|gateway\.networking\.k8s\.io|\w+\.istio\.io)\//

/** A world whose lists leave out what the mesh does not look at. One object by its name is found all the same. */
export function withDiscoverySelectors(whole: World): World {
  const chosen = (cluster: string, kind: string, objects: readonly KubeObject[]): readonly KubeObject[] => {
    if (objects.length === 0 || !selectable.test(kind) || whole.get(discoverySelectors, undefined).length === 0)
      return objects
    return objects.filter(({ metadata }) => isDiscovered(whole, cluster, metadata.namespace ?? ''))
  }
  return {
    ...whole,
    objects: (cluster, kind) => chosen(cluster, kind, whole.objects(cluster, kind)),
    lookup: (cluster, index, key) => chosen(cluster, index.kind, whole.lookup(cluster, index, key)),
  }
}
