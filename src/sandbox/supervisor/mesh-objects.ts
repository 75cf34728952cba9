// What each cluster of the mesh holds before anybody uses it: the system namespace, the mesh configuration, the gateway.

import { stringify } from 'yaml'
import type { KubeObject } from '../../resources/index.ts'
import type { ClusterAccess } from './kubeconfig.ts'
import { kubeconfigFor } from './kubeconfig.ts'
import { readExample } from './manifests.ts'
import type { ClusterSpec } from './spec.ts'

export const systemNamespace = 'istio-system'
export const gatewayName = 'istio-ingressgateway'

/** What the control plane needs to find. */
export function meshObjects(cluster: ClusterSpec): KubeObject[] {
  const labels = { 'topology.istio.io/network': cluster.network, 'fairlead.dev/data-plane': 'envoy' }
  const mesh = { rootNamespace: systemNamespace, trustDomain: 'cluster.local', accessLogFile: '/dev/stdout' }
  const config: KubeObject & { data: Record<string, string> } = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: systemNamespace, labels: { 'istio.io/rev': 'default' } },
    data: { mesh: stringify(mesh), meshNetworks: 'networks: {}\n' },
  }
  return [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace, labels } }, config]
}

/** The gateway, for requests from outside and from other clusters. */
export function gatewayObjects(): KubeObject[] {
  return readExample('gateway/istio-ingressgateway.yaml')
}

export const eastWestGatewayName = 'istio-eastwestgateway'

interface Workload
  extends KubeObject<{ template: { spec: { containers: { env?: { name: string; value?: string }[] }[] } } }> {}

/** The way into a network from the other networks of one mesh: its proxies see what is in this network only. */
export function eastWestObjects(network: string): KubeObject[] {
  return readExample('gateway/istio-eastwestgateway.yaml').map((object) => {
    const { metadata } = object
    if (object.kind === 'Service')
      return {
        ...object,
        metadata: { ...metadata, labels: { ...metadata.labels, 'topology.istio.io/network': network } },
      }
    if (object.kind !== 'Deployment') return object
    const deployment = structuredClone(object) as Workload
    for (const container of deployment.spec?.template.spec.containers ?? [])
      (container.env ??= []).push({ name: 'ISTIO_META_REQUESTED_NETWORK_VIEW', value: network })
    return deployment
  })
}

/** Where the objects of Service Mesh Hub, and of its successor Gloo Mesh, live on the management cluster. */
export const managementNamespaces = ['service-mesh-hub', 'gloo-mesh'] as const

interface Secret extends KubeObject {
  type?: string
  data: Record<string, string>
}

function kubeconfigData(cluster: ClusterSpec, access: ClusterAccess): string {
  return Buffer.from(stringify(kubeconfigFor([{ ...access, context: cluster.name }]))).toString('base64')
}

/** The Secret by which a cluster joins `cluster` to its own mesh, as `istioctl create-remote-secret` makes it. */
export function remoteSecret(cluster: ClusterSpec, access: ClusterAccess): KubeObject {
  const secret: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: `istio-remote-secret-${cluster.name}`,
      namespace: systemNamespace,
      labels: { 'istio/multiCluster': 'true' },
      annotations: { 'networking.istio.io/cluster': cluster.name },
    },
    type: 'Opaque',
    data: { [cluster.name]: kubeconfigData(cluster, access) },
  }
  return secret
}
