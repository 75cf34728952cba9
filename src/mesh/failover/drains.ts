import { isDrained, textQuery, worldQuery } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import type { Problem } from '../../report/index.ts'
import { type Drain, drainedBy } from '../../resources/fairlead/index.ts'
import { collect, objectKey, refOf } from '../../resources/index.ts'
import { fairleadKinds } from '../kinds.ts'

/** The clusters of the mesh that a Drain, by its name, drains. */
export const drainedClustersOf = textQuery(
  'mesh/drained-by',
  (world, key): readonly string[] => {
    const drain = world.object(world.primary, fairleadKinds.drain, key) as Drain | undefined
    const known = world.clusters()
    return drain ? [...new Set(drainedBy(drain, world.primary))].filter((name) => known.includes(name)).sort() : []
  },
  { equals: sameStructure },
)

/** What is wrong with the Drains of a world's own cluster. */
export const drainProblems = worldQuery(
  'mesh/drain-problems',
  (world): readonly Problem[] => {
    const known = world.clusters()
    const nobodyLeft = known.every((name) => isDrained(world, name))
    return (world.objects(world.primary, fairleadKinds.drain) as readonly Drain[]).flatMap((drain) =>
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
