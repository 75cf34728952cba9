import { worldProblems } from '../../backends/envoy/index.ts'
import { loweredFailovers } from '../../backends/istio/index.ts'
import type { World } from '../../discovery/index.ts'
import { drainProblems, failoverProblems, fairleadKinds } from '../../mesh/index.ts'
import type { Engine, Query, Table } from '../../pipeline/index.ts'
import type { Problem } from '../../report/index.ts'
import { refOf } from '../../resources/index.ts'
import type { ClusterRow } from '../cluster-rows.ts'
import type { TrackedWorlds } from './tracked-world.ts'
import { isOurs } from './wanted-trust.ts'

/** Problems that only translation for proxies can tell: for ours, or for Istio's as far as our own kinds go. */
export function defineWorldProblems(
  engine: Engine,
  worlds: TrackedWorlds,
  clusters: Table<ClusterRow>,
): Query<string, readonly Problem[]> {
  return engine.define<string, readonly Problem[]>('xds/world-problems', (read) =>
    read
      .all(clusters)
      .filter(({ isKnown }) => isKnown)
      .flatMap(({ name }) => {
        const world = worlds.world(read, name)
        return isOurs(read, worlds, name) ? world.get(worldProblems, undefined) : problemsOnIstio(world)
      }),
  )
}

/** What is wrong with our own kinds on a cluster whose proxies Istio drives. */
function problemsOnIstio(world: World): readonly Problem[] {
  const drains = world.objects(world.primary, fairleadKinds.drain).map(
    (drain): Problem => ({
      code: 'not-supported',
      severity: 'warning',
      object: refOf(world.primary, drain),
      path: 'spec',
      message: 'only the proxies of clusters that Fairlead drives hear of it: here they are driven by Istio',
    }),
  )
  return [
    ...drains,
    ...world.get(drainProblems, undefined),
    ...world.get(failoverProblems, undefined),
    ...world.get(loweredFailovers, undefined).problems,
  ]
}
