// Which of two objects comes first. The first one keeps what both claim.
import { compareText } from '../../lib/index.ts'
import type { Service, UserObject } from './model.ts'

const at = (object: UserObject, service: string): number =>
  object.seniority.acceptanceOrder(service) ?? Number.POSITIVE_INFINITY

/** `name.namespace.`: how statuses name an object of the management cluster. */
export function statusKey(ref: { readonly name: string; readonly namespace: string }): string {
  return `${ref.name}.${ref.namespace}.`
}

/**
 * Order of policies for a service: those accepted before, in the order of their acceptance; then older before newer;
 * then by namespace and name. So that a new policy never takes from one that is in force.
 */
export function bySeniority<T extends UserObject>(policies: readonly T[], service?: Service): T[] {
  const key = service === undefined ? '' : statusKey(service.object)
  return [...policies].sort((a, b) => {
    const [x, y] = [at(a, key), at(b, key)]
    return (
      (x === y ? 0 : x - y) ||
      compareText(a.seniority.created, b.seniority.created) ||
      compareText(a.object.namespace, b.object.namespace) ||
      compareText(a.object.name, b.object.name) ||
      compareText(a.object.apiVersion, b.object.apiVersion)
    )
  })
}
