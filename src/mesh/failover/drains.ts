import { isDrained, isPassedOn, textQuery, type World, worldQuery } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import type { Problem } from '../../report/index.ts'
import { type Drain, drainedBy } from '../../resources/fairlead/index.ts'
import { collect, objectKey, refOf } from '../../resources/index.ts'
import { fairleadKinds } from '../kinds.ts'

/** Objects that register clusters: those may be drained from here without being joined. */
const registrationKinds = ['multicluster.solo.io/KubernetesCluster', 'discovery.zephyr.solo.io/KubernetesCluster']

function knownClusters(world: World): readonly string[] {
  const registered = registrationKinds.flatMap((kind) => world.objects(world.primary, kind))
  return [...new Set([...world.clusters(), ...registered.map(({ metadata }) => metadata.name)])]
}

/** The clusters of the mesh that a Drain, by its name, drains. */
export const drainedClustersOf = textQuery(
  'mesh/drained-by',
  (world, key): readonly string[] => {
    const drain = world.object(world.primary, fairleadKinds.drain, key) as Drain | undefined
    const known = knownClusters(world)
    return drain ? [...new Set(drainedBy(drain, world.primary))].filter((name) => known.includes(name)).sort() : []
  },
  { equals: sameStructure },
)

/** What is wrong with the Drains of a world's own cluster. */
export const drainProblems = worldQuery(
  'mesh/drain-problems',
  (world): readonly Problem[] => {
    const known = knownClusters(world)
    const nobodyLeft = known.every((name) => isDrained(world, name))
    const own = (world.objects(world.primary, fairleadKinds.drain) as readonly Drain[]).filter(
      (one) => !isPassedOn(one),
    )
    return own.flatMap((drain) =>
      collect(refOf(world.primary, drain), (root) => {
        const place = root.field('spec').field('clusters')
        place.each(drain.spec?.clusters, (at, name) => {
          if (name === '.' || known.includes(name)) return
          at.warn(
            `no cluster of this mesh is named ${JSON.stringify(name)}; known: ${known.join(', ')}`,
            'reference-not-found',
          )
        })
        const takesPart = world.get(drainedClustersOf, objectKey(drain)).length > 0
        if (nobodyLeft && takesPart)
          root
            .field('spec')
            .warn('every cluster of the mesh is drained, so none is: requests go where they went before')
      }),
    )
  },
  { equals: sameStructure },
)
