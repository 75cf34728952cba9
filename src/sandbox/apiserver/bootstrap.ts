// What a fresh cluster holds: the namespaces that always are, and the roles that others build on.

import { bootstrapRoles } from './auth/bootstrap-roles.ts'
import type { Call, Core, User } from './core.ts'
import type { JsonObject } from './json.ts'
import { objectIn } from './rest/object-in.ts'
import { create, stored } from './rest/write.ts'

const self: User = { name: 'system:apiserver', uid: '', groups: ['system:masters'], extra: {} }
const options = { dryRun: false, manager: 'kube-apiserver', fieldValidation: 'Strict' } as const

/** A call that the server makes to itself. */
export function ownCall(
  core: Core,
  group: string,
  version: string,
  plural: string,
  namespace: string,
  name: string,
): Call {
  const resource = core.registry.find(group, version, plural)
  if (!resource) throw new Error(`no resource ${plural}.${group}/${version}`)
  return {
    core,
    user: self,
    resource,
    namespace,
    name,
    subresource: '',
    query: new URLSearchParams(),
    userAgent: 'kube-apiserver',
    warn: () => undefined,
  }
}

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
