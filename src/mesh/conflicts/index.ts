// Where two objects say different things of one thing, and one of them has no effect.
import { type World, worldQuery } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import type { Problem } from '../../report/index.ts'
import { ruleConflicts } from './destination-rules.ts'
import { routeConflicts } from './routes.ts'
import { portConflicts } from './service-ports.ts'

/** A warning on each object that another one of the same world has left without effect, wholly or in part. */
export const conflictProblems = worldQuery(
  'mesh/conflicts',
  (world: World): readonly Problem[] => [
    ...world.get(routeConflicts, undefined),
    ...world.get(ruleConflicts, undefined),
    ...world.get(portConflicts, undefined),
  ],
  { equals: sameStructure },
)
