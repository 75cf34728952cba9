import type { Call } from '../core.ts'
import { ApiError, forbidden, notFound } from '../errors.ts'
import { type JsonObject, nameOf, textAt } from '../json.ts'
import { qualified } from '../resource.ts'

/** New objects need a namespace that is there and not on its way out. */
export function admitIntoNamespace(call: Call, next: JsonObject): void {
  const { core, resource, namespace } = call
  if (!resource.namespaced || !namespace) return
  const found = core.store.get('/namespaces', '', namespace)
  if (!found) throw notFound({ group: '', name: 'namespaces' }, namespace)
  if (textAt(found.object, 'status', 'phase') !== 'Terminating') return
  const refusal = forbidden(
    qualified(resource),
    nameOf(next),
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  )
  throw new ApiError(refusal.code, refusal.reason, refusal.message, {
    ...refusal.details,
    causes: [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  })
}
