// What is written on a cluster whose services other clusters may call: the gateway's door for exactly these hosts.
import type { ClusterObject } from '../shared/index.ts'
import { eastWestPort } from './east-west-gateways.ts'
import { type Exposure, hostOf } from './exposure.ts'
import type { Workspace } from './hierarchy.ts'
import { written } from './written.ts'

/** The Gateway of each exposure. TLS of exposed hosts passes through by its SNI; nobody else's does. */
export function exposingObjects(
  exposures: readonly Exposure[],
  nameOf: (workspace: Workspace) => string,
): ClusterObject[] {
  return exposures.flatMap((exposure) => {
    const { workspace, index, cluster, selector, services } = exposure
    const hosts = services.map(({ service }) => hostOf(service)).sort()
    if (hosts.length === 0) return []
    const name = `ewgen-${nameOf(workspace)}-${index}`
    const labels = { 'xcp.tetrate.io/eastWestGateway': 'true', 'xcp.tetrate.io/workspace': workspace.object.name }
    const port = { number: eastWestPort, name: `tls-${eastWestPort}`, protocol: 'TLS' }
    return [
      written({
        cluster: cluster.name,
        kind: 'Gateway',
        namespace: selector.namespace,
        name,
        labels,
        spec: { selector: selector.labels, servers: [{ port, hosts, tls: { mode: 'AUTO_PASSTHROUGH' } }] },
      }),
    ]
  })
}

/** Names of workspaces in objects; those of several tenants may be called the same. */
export function workspaceNames(workspaces: readonly Workspace[]): (workspace: Workspace) => string {
  const byName = Map.groupBy(workspaces, ({ object }) => object.name)
  return ({ object }) => {
    const { organization, tenant } = object.place
    const rivals = byName.get(object.name) ?? []
    if (rivals.length < 2) return object.name
    const sameTenant = rivals.filter(({ object: other }) => other.place.tenant === tenant)
    return sameTenant.length < 2 ? `${tenant}-${object.name}` : `${organization}-${tenant}-${object.name}`
  }
}
