import type { ResourceType } from '../../../clusters/index.ts'

export type Resource = ResourceType

function define(apiVersion: string, plural: string, kind: string, scope: 'namespaced' | 'cluster'): Resource {
  const slash = apiVersion.indexOf('/')
  return {
    group: slash < 0 ? '' : apiVersion.slice(0, slash),
    version: apiVersion.slice(slash + 1),
    plural,
    kind,
    namespaced: scope === 'namespaced',
  }
}

/** The built-in resources that controllers work on. Any other comes from discovery. */
export const resources = {
  namespaces: define('v1', 'namespaces', 'Namespace', 'cluster'),
  nodes: define('v1', 'nodes', 'Node', 'cluster'),
  pods: define('v1', 'pods', 'Pod', 'namespaced'),
  services: define('v1', 'services', 'Service', 'namespaced'),
  endpoints: define('v1', 'endpoints', 'Endpoints', 'namespaced'),
  events: define('v1', 'events', 'Event', 'namespaced'),
  configMaps: define('v1', 'configmaps', 'ConfigMap', 'namespaced'),
  secrets: define('v1', 'secrets', 'Secret', 'namespaced'),
  serviceAccounts: define('v1', 'serviceaccounts', 'ServiceAccount', 'namespaced'),
  proxyConfigs: define('networking.istio.io/v1beta1', 'proxyconfigs', 'ProxyConfig', 'namespaced'),
  deployments: define('apps/v1', 'deployments', 'Deployment', 'namespaced'),
  replicaSets: define('apps/v1', 'replicasets', 'ReplicaSet', 'namespaced'),
  statefulSets: define('apps/v1', 'statefulsets', 'StatefulSet', 'namespaced'),
  daemonSets: define('apps/v1', 'daemonsets', 'DaemonSet', 'namespaced'),
  controllerRevisions: define('apps/v1', 'controllerrevisions', 'ControllerRevision', 'namespaced'),
  jobs: define('batch/v1', 'jobs', 'Job', 'namespaced'),
  endpointSlices: define('discovery.k8s.io/v1', 'endpointslices', 'EndpointSlice', 'namespaced'),
  leases: define('coordination.k8s.io/v1', 'leases', 'Lease', 'namespaced'),
  customResourceDefinitions: define(
    'apiextensions.k8s.io/v1',
    'customresourcedefinitions',
    'CustomResourceDefinition',
    'cluster',
  ),
} as const satisfies Record<string, Resource>

export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
}

/** Names a resource among all of a cluster: `group/version/plural`. */
export function resourceId(resource: Resource): string {
  return `${resource.group}/${resource.version}/${resource.plural}`
}
