// Service + pods → the older kind Endpoints, which some clients still read. Pure.
import type { EndpointAddress, EndpointSubset, Endpoints, Pod, Service } from '../kinds.ts'
import { isFinished, isReady } from '../workloads/pods.ts'
import { portsOn } from './ports.ts'

/** The Endpoints object that a service should have. Terminating pods are left out, as Kubernetes does. */
export function endpointsFor(service: Service, pods: readonly Pod[]): Endpoints {
  const subsets = new Map<string, Required<EndpointSubset>>()
  for (const pod of [...pods].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const ip = pod.status?.podIP ?? ''
    if (ip === '' || isFinished(pod) || pod.metadata.deletionTimestamp !== undefined) continue
    const ports = portsOn(pod, service.spec?.ports ?? []).map(({ name, ...port }) => (name ? { name, ...port } : port))
    const key = JSON.stringify(ports)
    const subset = subsets.get(key) ?? { addresses: [], notReadyAddresses: [], ports }
    subsets.set(key, subset)
    const ready = isReady(pod) || service.spec?.publishNotReadyAddresses === true
    ;(ready ? subset.addresses : subset.notReadyAddresses).push(addressOf(pod, ip))
  }
  const { name, namespace, labels } = service.metadata
  const headless = service.spec?.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {}
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...labels, 'endpoints.kubernetes.io/managed-by': 'endpoint-controller', ...headless },
    },
    ...(subsets.size === 0 ? {} : { subsets: [...subsets.values()].map(compact) }),
  }
}

function compact(subset: Required<EndpointSubset>): EndpointSubset {
  return {
    ...(subset.addresses.length > 0 ? { addresses: subset.addresses } : {}),
    ...(subset.notReadyAddresses.length > 0 ? { notReadyAddresses: subset.notReadyAddresses } : {}),
    ...(subset.ports.length > 0 ? { ports: subset.ports } : {}),
  }
}

function addressOf(pod: Pod, ip: string): EndpointAddress {
  return {
    ip,
    ...(pod.spec?.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    targetRef: {
      kind: 'Pod',
      namespace: pod.metadata.namespace ?? '',
      name: pod.metadata.name,
      uid: pod.metadata.uid ?? '',
    },
  }
}
