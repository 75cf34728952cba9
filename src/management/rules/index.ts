// Everything that is judged of a change against what else is stored.
import type { Finding } from '../findings.ts'
import { ancestorsOf, type HierarchyView, type StoredObject } from '../view.ts'
import { checkNamespaces } from './namespaces.ts'
import { checkMode, checkParent, checkSecurityDomain, checkSingleton } from './parents.ts'
import { checkReferences } from './references.ts'

export { foreignOwners } from './namespaces.ts'

/** What speaks against an object, as it is to be; `view` is what is there. */
export function checkChange(view: HierarchyView, changed: StoredObject, clusters: readonly string[]): Finding[] {
  const parents = checkParent(view, changed)
  if (parents.length > 0) return parents
  return [
    ...checkMode(view, changed),
    ...checkSingleton(view, changed),
    ...checkSecurityDomain(view, changed, ancestorsOf(changed.fqn)),
    ...checkNamespaces(view, changed, clusters),
    ...checkReferences(view, changed),
  ]
}

/** What of an object and everything below it may not be deleted. */
export function protectedOf(view: HierarchyView, gone: StoredObject): StoredObject[] {
  const below = gone.kind.bindingsOf === undefined ? view.below(gone.fqn) : []
  return [gone, ...below].filter(({ object }) => {
    const { deletionProtectionEnabled } = (object.spec ?? {}) as { deletionProtectionEnabled?: boolean }
    return deletionProtectionEnabled === true
  })
}
