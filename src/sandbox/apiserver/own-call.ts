import type { Call, Core, User } from './core.ts'

const self: User = { name: 'system:apiserver', uid: '', groups: ['system:masters'], extra: {} }

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
