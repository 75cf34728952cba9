import { fairleadKinds } from './fairlead/index.ts'
import { glooKinds } from './gloo/index.ts'
import { istioKinds } from './istio/index.ts'
import { checkObject, type KindDefinition } from './kind.ts'
import { groupKind, groupOf } from './kube-object.ts'
import { tsbKinds } from './tsb/index.ts'
import type { LocatedProblem, ReadObject } from './yaml.ts'
import { readObjects } from './yaml.ts'
import { zephyrKinds } from './zephyr/index.ts'

/** Every kind that Fairlead defines, of all API groups. */
export const allKinds: readonly KindDefinition[] = [
  ...istioKinds,
  ...fairleadKinds,
  ...zephyrKinds,
  ...glooKinds,
  ...tsbKinds,
]

const byGroupKind = new Map(
  allKinds.map((kind) => [groupKind({ apiVersion: `${kind.group}/`, kind: kind.kind }), kind]),
)
const ownGroups = new Set(allKinds.map((kind) => kind.group))

/** The definition of an object's kind, whatever its version; undefined for kinds of others. */
export function kindOf(object: { apiVersion: string; kind: string }): KindDefinition | undefined {
  return byGroupKind.get(groupKind(object))
}

/**
 * Judges every object of a YAML file by itself, as an admission webhook does. Kinds of others (Kubernetes' own, say)
 * are not judged.
 */
export function checkFile(text: string, file: string): { objects: ReadObject[]; problems: LocatedProblem[] } {
  const { objects, problems } = readObjects(text, file)
  const all = [...problems, ...objects.flatMap(checkRead)]
  const line = ({ at }: LocatedProblem): number => at?.line ?? 0
  return { objects, problems: all.sort((a, b) => line(a) - line(b) || (a.at?.column ?? 0) - (b.at?.column ?? 0)) }
}

function checkRead(read: ReadObject): LocatedProblem[] {
  const { object, ref } = read
  const kind = kindOf(object)
  if (kind !== undefined) {
    const version = object.apiVersion.slice(kind.group.length + 1)
    const known = kind.versions.map((v) => v.name)
    if (known.includes(version))
      return checkObject(kind, object).problems.map((problem) => ({ ...problem, at: read.locate(problem.path) }))
    const message = `${kind.kind} has no version ${JSON.stringify(version)}; known: ${known.join(', ')}`
    return [
      {
        code: 'unknown-kind',
        severity: 'error',
        object: ref,
        path: 'apiVersion',
        message,
        at: read.locate('apiVersion'),
      },
    ]
  }
  if (!ownGroups.has(groupOf(object.apiVersion))) return []
  const message = `${object.apiVersion} has no kind ${object.kind}`
  return [{ code: 'unknown-kind', severity: 'error', object: ref, path: 'kind', message, at: read.locate('kind') }]
}
