// What is wrong with a world's objects whatever proxy asks, beside what each kind's own checks say.
import { type World, worldQuery } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import { conflictProblems, drainProblems, failoverProblems, istioKinds } from '../../mesh/index.ts'
import type { Problem } from '../../report/index.ts'
import { authorizerProblems } from './filters/authorization.ts'
import { envoyFilterProblems } from './patches/problems.ts'
import { telemetryProblems } from './telemetry/problems.ts'
import { unsupportedFieldProblems } from './unsupported-fields.ts'
import { unsupportedMeshProblems } from './unsupported-mesh-fields.ts'

/** Problems of the objects of a world whose proxies are driven by this backend. */
export const worldProblems = worldQuery(
  'envoy/world-problems',
  (world): readonly Problem[] => [
    ...authorizerProblems(world),
    ...unsupportedFieldProblems(world),
    ...unsupportedMeshProblems(world),
    ...patchProblems(world),
    ...telemetryProblems(world),
    ...world.get(failoverProblems, undefined),
    ...world.get(drainProblems, undefined),
    ...world.get(conflictProblems, undefined),
  ],
  { equals: sameStructure },
)

/** What is wrong with the values of patches. */
function patchProblems(world: World): Problem[] {
  const { primary } = world
  return world.objects(primary, istioKinds.envoyFilter).flatMap((object) => envoyFilterProblems(object, primary))
}
