// Tetrate Service Bridge: workspaces, groups and settings → Istio objects for each cluster. Read from top to bottom.
import type { Problem } from '../../report/index.ts'
import { type ClusterObject, ownerLabel, type ReadContext, type StatusObject, type Verifies } from '../shared/index.ts'
import { callObjects } from './calls.ts'
import { readClusters, type TsbCluster } from './clusters.ts'
import { directObjects } from './direct-objects.ts'
import type { Resolved } from './east-west-gateways.ts'
import { exposingObjects, workspaceNames } from './exposing.ts'
import { findExposures } from './exposure.ts'
import { recordOfNames, withRecord } from './gateway-names.ts'
import { gatewayObjects } from './gateways/index.ts'
import { readHierarchy } from './hierarchy.ts'
import { installedGateways } from './install.ts'
import { gatewayNames, nameProblems, remoteObjects, sharedServices } from './remote-services.ts'
import { securityObjects } from './security/index.ts'
import { statusesOf } from './statuses.ts'
import type { Tenancy } from './tenancy.ts'
import { trafficObjects } from './traffic/index.ts'
import { mayTrust, type SharedRoot, sharedRoot, trustProblems } from './trust.ts'
import { dialectId } from './written.ts'

export { Tenancy } from './tenancy.ts'
export type { SharedRoot } from './trust.ts'

export interface TsbContext extends ReadContext {
  readonly resolved: Resolved
  readonly verifies: Verifies
  readonly tenancy: Tenancy
}

export interface TsbResult {
  readonly objects: readonly ClusterObject[]
  readonly statuses: readonly StatusObject[]
  readonly problems: readonly Problem[]
  /** Clusters that are to share a root. */
  readonly root: SharedRoot | undefined
  /** DNS names of gateways that are to be resolved. */
  readonly names: readonly string[]
}

export function tetrateServiceBridge(context: TsbContext): TsbResult {
  const { snapshot, management, factsOf, verifies } = context
  const resolved = withRecord(factsOf(management), context.resolved)
  const hierarchy = readHierarchy(factsOf(management), context.tenancy)
  const clusterNames = [...snapshot.clusters.keys()].sort()
  const clusters = readClusters(
    clusterNames.map(factsOf),
    hierarchy.all('Cluster'),
    hierarchy.all('OrganizationSetting'),
  )
  const { exposures, problems } = findExposures(hierarchy, clusters)
  const trusts = (one: TsbCluster, other: TsbCluster): boolean => mayTrust(one, other) && verifies(one.name, other.name)
  const exposed = exposures.flatMap(({ services }) => services)
  const shared = sharedServices(hierarchy, clusters, exposed, trusts)
  const calls = callObjects({ hierarchy, clusters, exposures, shared })
  const direct = directObjects(hierarchy, clusters, factsOf(management), context.tenancy)
  const security = securityObjects(hierarchy, clusters)
  const { closed } = security
  const traffic = trafficObjects(hierarchy, clusters)
  const { egressOf } = traffic
  const gateways = gatewayObjects({ hierarchy, clusters, resolved, trusts, closed, egressOf })
  const names = gatewayNames(shared, gateways.addresses)
  const found = [
    ...problems,
    ...calls.problems,
    ...direct.problems,
    ...security.problems,
    ...traffic.problems,
    ...gateways.problems,
    ...trustProblems(shared),
    ...nameProblems(shared, resolved),
    ...hierarchy.problems,
  ]
  return {
    objects: [
      ...tenantRecords(clusterNames, context.tenancy),
      ...installedGateways(clusters),
      ...exposingObjects(exposures, workspaceNames(hierarchy.workspaces)),
      ...remoteObjects(shared, resolved),
      ...calls.objects,
      ...security.objects,
      ...traffic.objects,
      ...gateways.objects,
      ...direct.objects,
      ...recordOfNames(management, names, resolved),
    ],
    statuses: statusesOf(hierarchy, [...snapshot.clusters.values()], found),
    problems: found,
    root: sharedRoot(hierarchy, clusters),
    names,
  }
}

/** What tells the mesh, on each cluster, which namespaces belong to which tenant. */
function tenantRecords(clusters: readonly string[], tenancy: Tenancy): ClusterObject[] {
  return clusters.flatMap((cluster) => {
    const owned = tenancy.ownedIn(cluster)
    if (Object.keys(owned).length === 0) return []
    const metadata = { name: 'fairlead-tenants', namespace: 'istio-system', labels: { [ownerLabel]: dialectId } }
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { namespaces: JSON.stringify(owned) } }
    return [{ cluster, object }]
  })
}
