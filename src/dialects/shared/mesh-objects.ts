// What a VirtualMesh brings about in each member as a whole: default deny, and who is let through it.
import type { Group } from './fleet.ts'
import { type ClusterObject, istioObject } from './objects.ts'

/** Default deny for each member, and the exception of its east-west gateways, which check no callers. */
export function accessDefaultObjects({ virtualMesh, members, gateways }: Group): ClusterObject[] {
  if (virtualMesh.access !== 'deny') return []
  const origin = { dialect: virtualMesh.dialect, parents: [virtualMesh.object] }
  return members.flatMap((mesh) => {
    const place = (name: string) => ({ cluster: mesh.cluster, namespace: mesh.namespace, name })
    // An AuthorizationPolicy without rules in the root namespace allows nothing, so everything is denied.
    const deny = istioObject('AuthorizationPolicy', place('global-access-control'), origin, {})
    const allow = (gateways.get(mesh.key) ?? []).map((gateway) =>
      istioObject('AuthorizationPolicy', place(virtualMesh.dialect.gatewayAccessName(gateway)), origin, {
        selector: { matchLabels: gateway.selector },
        action: 'ALLOW',
        rules: [{}],
      }),
    )
    return [deny, ...allow]
  })
}
