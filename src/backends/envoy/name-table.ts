import { create } from '@bufbuild/protobuf'
import { type NameTable, type NameTable_NameInfo, NameTableSchema } from '#gen/dns/v1/nds_pb.js'
import { type Endpoint, endpointsOfService, isIpAddress, type Service, type World } from '../../discovery/index.ts'
import { addressesFor, type ProxyScope, viewOf } from '../../mesh/index.ts'

/** What of a scope decides over names and addresses: `nameTable` reads no more than this. */
export type NamesScope = Pick<ProxyScope, 'cluster' | 'network' | 'autoAddresses' | 'ipFamilies' | 'view'>

interface Info {
  readonly ips: readonly string[]
  readonly registry: 'Kubernetes' | 'External'
  readonly shortname?: string
  readonly namespace?: string
}

type Table = Map<string, Info>

/**
 * The names that the DNS server of Istio's agent answers for: services that the proxy sees, by their virtual addresses;
 * headless ones by the addresses of their pods in the caller's own cluster and network, as Kubernetes' DNS does, and each
 * pod that has a host name by that.
 */
export function nameTable(world: World, scope: NamesScope): NameTable {
  const view = world.get(viewOf, scope.view)
  const lists = view.egress.length > 0 ? view.egress.map(({ services }) => services) : [view.services]
  const table: Table = new Map()
  for (const { service } of lists.flat()) addService(world, scope, service, table)
  return create(NameTableSchema, { table: Object.fromEntries([...table].map(([host, info]) => [host, toInfo(info)])) })
}

function toInfo({ ips, registry, shortname = '', namespace = '' }: Info): Omit<NameTable_NameInfo, '$typeName'> {
  return { ips: [...ips], registry, shortname, namespace }
}

function addService(world: World, scope: NamesScope, service: Service, table: Table): void {
  const { host } = service
  const own = addressesFor(service, scope).filter(isIpAddress)
  const ips = own.length === 0 && service.resolution === 'passthrough' ? addPods(world, scope, service, table) : own
  if (ips.length === 0) return
  const known = table.get(host)
  if (known?.registry === 'Kubernetes') return
  const isKubernetes = service.registry === 'kubernetes'
  const all = known && !isKubernetes ? [...new Set([...known.ips, ...ips])] : ips
  table.set(
    host,
    isKubernetes ? kubernetesInfo(all, service.name, service.namespace) : { ips: all, registry: 'External' },
  )
}

/** The agent makes short names itself, of what it is told here. */
function kubernetesInfo(ips: readonly string[], shortname: string, namespace: string): Info {
  return { ips, registry: 'Kubernetes', shortname, namespace }
}

/** Adds the names of single pods; returns the addresses of all that count. */
function addPods(world: World, scope: NamesScope, service: Service, table: Table): readonly string[] {
  const endpoints = world.get(endpointsOfService, service).filter((endpoint) => isUsable(scope, endpoint))
  const isNear = ({ workload }: Endpoint): boolean => workload.cluster === scope.cluster
  const [, domain] = /^[^.]+\.(.+)$/.exec(service.host) ?? []
  const named = endpoints.filter(({ workload }) => workload.hostname !== '' && workload.subdomain !== '')
  // A pod elsewhere counts only where none of that name is near.
  for (const endpoint of domain === undefined ? [] : named.toSorted((a, b) => Number(isNear(b)) - Number(isNear(a)))) {
    const { hostname, subdomain } = endpoint.workload
    const name = `${hostname}.${subdomain}`
    const known = table.get(`${name}.${domain}`)
    if (known && !isNear(endpoint)) continue
    const ips = [...new Set([...(known?.ips ?? []), ...addressesOf(endpoint)])]
    table.set(`${name}.${domain}`, kubernetesInfo(ips, name, service.namespace))
  }
  return [...new Set(endpoints.filter(isNear).flatMap(addressesOf))]
}

function isUsable({ network }: NamesScope, endpoint: Endpoint): boolean {
  const { workload, health } = endpoint
  const isReachable = network === '' || workload.network === '' || workload.network === network
  return isReachable && health === 'healthy' && addressesOf(endpoint).every(isIpAddress)
}

const addressesOf = ({ address, moreAddresses }: Endpoint): readonly string[] => [address, ...moreAddresses]
