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

/** A custom resource takes nothing new while its definition is on its way out. */
export function admitIntoDefinition(call: Call, next: JsonObject): void {
  const { core, resource } = call
  if (!resource.custom) return
  const definition = core.store.get(
    'apiextensions.k8s.io/customresourcedefinitions',
    '',
    `${resource.names.plural}.${resource.group}`,
  )
  if (textAt(definition?.object, 'metadata', 'deletionTimestamp') === '') return
  throw forbidden(
    qualified(resource),
    nameOf(next),
    'create not allowed while custom resource definition is terminating',
  )
}
