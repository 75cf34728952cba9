// What is wrong with a world's objects whatever proxy asks, beside what each kind's own checks say.
import { type World, worldQuery } from '../../discovery/index.ts'
import { sameStructure } from '../../lib/index.ts'
import { istioKinds } from '../../mesh/index.ts'
import type { Problem } from '../../report/index.ts'
import { refOf } from '../../resources/index.ts'
import { authorizerProblems } from './filters/authorization.ts'
import { envoyFilterProblems } from './patches/problems.ts'
import { telemetryProblems } from './telemetry/problems.ts'

/** Kinds that istiod would heed and that nothing here is made from. */
const withoutEffect: ReadonlyMap<string, string> = new Map([
  [istioKinds.proxyConfig, 'proxies start with the settings of the mesh'],
])

/** Problems of the objects of a world whose proxies are driven by this backend. */
export const worldProblems = worldQuery(
  'envoy/world-problems',
  (world): readonly Problem[] => [
    ...authorizerProblems(world),
    ...objectsWithoutEffect(world),
    ...patchProblems(world),
    ...telemetryProblems(world),
  ],
  { equals: sameStructure },
)

/** What is wrong with the values of patches. */
export function patchProblems(world: World): Problem[] {
  const { primary } = world
  return world.objects(primary, istioKinds.envoyFilter).flatMap((object) => envoyFilterProblems(object, primary))
}

/** A warning for each object that nothing is made from. */
export function objectsWithoutEffect(world: World): Problem[] {
  return [...withoutEffect].flatMap(([kind, why]) =>
    world.objects(world.primary, kind).map(
      (object): Problem => ({
        code: 'not-supported',
        severity: 'warning',
        object: refOf(world.primary, object),
        path: '',
        message: `has no effect on proxies that Fairlead drives: ${why}`,
      }),
    ),
  )
}
