import { sameStructure } from '../lib/index.ts'
import { refOf } from '../resources/index.ts'
import { namespaceOf, spiffeId, trustDomainOf } from './cluster-settings.ts'
import { serviceHost } from './hosts.ts'
import { kinds, type ServiceObject } from './kube-types.ts'
import type { Resolution, Service } from './model.ts'
import { servicePortProtocol } from './protocol.ts'
import { clusterQuery, type World } from './world.ts'

/** A Kubernetes Service as one cluster has it; undefined if the cluster has none of that name. */
export const kubernetesService = clusterQuery(
  'discovery/kubernetes-service',
  (world, { cluster, key }): Service | undefined => {
    const service = world.object(cluster, kinds.service, key) as ServiceObject | undefined
    if (!service) return undefined
    const { name, namespace = '', labels = {}, annotations = {}, creationTimestamp = '' } = service.metadata
    const spec = service.spec ?? {}
    const alias = spec.type === 'ExternalName' && spec.externalName !== undefined && spec.externalName !== ''
    const addresses = virtualAddresses(spec)
    return {
      host: serviceHost(name, namespace),
      namespace,
      name,
      registry: 'kubernetes',
      origin: [refOf(cluster, service)],
      createdAt: creationTimestamp,
      ports: (spec.ports ?? []).flatMap((port) =>
        port.port === undefined
          ? []
          : [{ number: port.port, name: port.name ?? '', protocol: servicePortProtocol(port) }],
      ),
      resolution: resolutionOf(spec.clusterIP, alias),
      external: alias,
      exportTo: listOf(annotations['networking.istio.io/exportTo']),
      addresses: new Map(addresses.length > 0 ? [[cluster, addresses]] : []),
      defaultAddresses: addresses,
      autoAddresses: [],
      labels,
      selector: spec.selector,
      externalName: alias ? spec.externalName : undefined,
      trafficDistribution: trafficDistribution(
        spec.trafficDistribution,
        annotations,
        namespaceOf(world, cluster, namespace).annotations,
      ),
      nodeLocal: spec.internalTrafficPolicy === 'Local',
      sticky: spec.sessionAffinity === 'ClientIP',
      identities: declaredIdentities(world, cluster, namespace, annotations),
      raceConnect: false,
    }
  },
  { equals: sameStructure },
)

function resolutionOf(clusterIP: string | undefined, alias: boolean): Resolution {
  if (alias) return 'alias'
  return clusterIP === 'None' ? 'passthrough' : 'endpoints'
}

function virtualAddresses({ clusterIP, clusterIPs }: { clusterIP?: string; clusterIPs?: string[] }): string[] {
  if (clusterIP === undefined || clusterIP === '' || clusterIP === 'None') return []
  return clusterIPs !== undefined && clusterIPs.length > 1 ? clusterIPs : [clusterIP]
}

function listOf(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

/** Identities that annotations name, as Istio's `alpha.istio.io/…-serviceaccounts`. */
function declaredIdentities(
  world: World,
  cluster: string,
  namespace: string,
  annotations: Record<string, string>,
): string[] {
  const canonical = listOf(annotations['alpha.istio.io/canonical-serviceaccounts'])
  const accounts = listOf(annotations['alpha.istio.io/kubernetes-serviceaccounts'])
  return [...canonical, ...accounts.map((account) => spiffeId(trustDomainOf(world, cluster), namespace, account))]
}

const distributions: Readonly<Record<string, Service['trafficDistribution']>> = {
  preferclose: 'PreferSameZone',
  prefersamezone: 'PreferSameZone',
  prefersamenode: 'PreferSameNode',
}

const distributionAnnotation = 'networking.istio.io/traffic-distribution'

/** The field, else the annotation of the object, else that of its namespace. */
export function trafficDistribution(
  field: string | undefined,
  annotations: Readonly<Record<string, string>>,
  namespaceAnnotations: Readonly<Record<string, string>>,
): Service['trafficDistribution'] {
  const said = distributions[(field ?? '').toLowerCase()]
  if (said) return said
  const annotated = annotations[distributionAnnotation] || namespaceAnnotations[distributionAnnotation] || ''
  return distributions[annotated.toLowerCase()] ?? 'Any'
}
