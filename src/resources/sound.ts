import type { Problem } from '../report/index.ts'
import { checkObject } from './kind.ts'
import { kindOf } from './kinds.ts'
import { groupOf, type KubeObject } from './kube-object.ts'

/**
 * An object in the shape that stages rely on, and what is wrong with it. Parts of the wrong shape are left out, so that
 * no stage has to expect them; objects of kinds that Fairlead does not define are as they are.
 *
 * Security policies come out untouched: leaving out a part of one could allow what its author forbade. `mesh/security`
 * reads them itself, and closes what it cannot read.
 */
export function soundObject(object: KubeObject, cluster: string): { object: KubeObject; problems: readonly Problem[] } {
  const kind = kindOf(object)
  if (kind === undefined) return { object, problems: [] }
  const checked = checkObject(kind, object, cluster)
  const untouched = groupOf(object.apiVersion) === 'security.istio.io'
  return { object: untouched ? object : checked.object, problems: checked.problems }
}
