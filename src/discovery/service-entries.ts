import { sameStructure } from '../lib/index.ts'
import { refOf } from '../resources/index.ts'
import { autoAddresses } from './auto-addresses.ts'
import { namespaceOf } from './cluster-settings.ts'
import { formatIp, isIpAddress, parseCidr, parseIp } from './ip.ts'
import { kinds, type ServiceEntryObject } from './kube-types.ts'
import { trafficDistribution } from './kubernetes-services.ts'
import type { Resolution, Service } from './model.ts'
import { parseProtocol } from './protocol.ts'
import { clusterQuery, type World } from './world.ts'

const resolutions: Readonly<Record<string, Resolution>> = {
  NONE: 'passthrough',
  STATIC: 'endpoints',
  DNS: 'dns',
  DNS_ROUND_ROBIN: 'dns-round-robin',
  DYNAMIC_DNS: 'dynamic-dns',
}

/** The services of one ServiceEntry: one for each host. Config is read from the primary cluster alone. */
export const serviceEntryServices = clusterQuery(
  'discovery/service-entry-services',
  (world, { cluster, key }): readonly Service[] => {
    const entry = world.object(cluster, kinds.serviceEntry, key) as ServiceEntryObject | undefined
    if (!entry?.spec) return []
    return (entry.spec.hosts ?? []).map((host) => serviceOf(world, cluster, entry, host))
  },
  { equals: sameStructure },
)

function serviceOf(world: World, cluster: string, entry: ServiceEntryObject, host: string): Service {
  const { namespace = '', labels = {}, annotations = {}, creationTimestamp = '' } = entry.metadata
  const spec = entry.spec ?? {}
  const addresses = (spec.addresses ?? []).flatMap(usableAddress)
  return {
    host,
    namespace,
    name: host,
    registry: 'service-entry',
    origin: [refOf(cluster, entry)],
    createdAt: creationTimestamp,
    ports: (spec.ports ?? []).flatMap(({ number, name = '', protocol = '', targetPort }) =>
      number === undefined
        ? []
        : [{ number, name, protocol: parseProtocol(protocol), ...(targetPort ? { targetPort } : {}) }],
    ),
    resolution: resolutions[spec.resolution ?? 'NONE'] ?? 'passthrough',
    external: spec.location !== 'MESH_INTERNAL',
    exportTo: spec.exportTo ?? [],
    addresses: new Map(),
    defaultAddresses: addresses,
    autoAddresses: addresses.length > 0 ? [] : autoAddresses(world, entry, host),
    labels,
    selector: spec.workloadSelector === undefined ? undefined : (spec.workloadSelector.labels ?? {}),
    externalName: undefined,
    trafficDistribution: trafficDistribution(
      undefined,
      annotations,
      namespaceOf(world, cluster, namespace).annotations,
    ),
    nodeLocal: false,
    sticky: false,
    identities: spec.subjectAltNames ?? [],
    raceConnect: (annotations['istio.io/connect-strategy'] ?? '').toUpperCase() === 'RACE_FIRST_TCP_CONNECT',
  }
}

/** An address, or a range; a range of one address is that address. What is neither is left out (lint tells). */
function usableAddress(text: string): string[] {
  if (isIpAddress(text)) return [text]
  const range = parseCidr(text)
  if (!range) return []
  if (range.length < range.bits) return [text]
  const address = parseIp(text.slice(0, text.lastIndexOf('/')))
  return address ? [formatIp(address)] : []
}
