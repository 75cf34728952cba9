// What a fresh cluster holds: the namespaces that always are, and the roles that others build on.

import { bootstrapRoles } from './auth/bootstrap-roles.ts'
import type { Core } from './core.ts'
import type { JsonObject } from './json.ts'
import { ownCall } from './own-call.ts'
import { objectIn } from './rest/object-in.ts'
import { create, stored } from './rest/write.ts'

const options = { dryRun: false, manager: 'kube-apiserver', fieldValidation: 'Strict' } as const

async function ensure(core: Core, group: string, version: string, plural: string, value: JsonObject): Promise<void> {
  const meta = value['metadata'] as { name: string; namespace?: string }
  const call = ownCall(core, group, version, plural, meta.namespace ?? '', meta.name)
  if (stored(call)) return
  await create(call, objectIn(call, { value, problems: [] }, options), options)
}

export async function bootstrap(core: Core): Promise<void> {
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
    await ensure(core, '', 'v1', 'namespaces', { metadata: { name } })
  }
  for (const { plural, object } of bootstrapRoles()) {
    await ensure(core, 'rbac.authorization.k8s.io', 'v1', plural, object)
  }
}
