import type { Place } from '../check.ts'
import { checkSubnet, isIpAddress } from './address.ts'
import { checkExportTo } from './export-to.ts'
import {
  checkDnsLabel,
  checkPort,
  checkWildcardDomain,
  faultOfDomain,
  hasPartialWildcard,
  isWildcard,
} from './names.ts'
import { checkProtocol, isHttp, isTcp, isTls, parseProtocol } from './protocol.ts'
import { checkLabelSelector } from './selector-check.ts'
import type { ServiceEntry, ServiceEntrySpec } from './service-entry.ts'
import { checkAddress, checkPortsAndLabels } from './workload-entry-check.ts'

/** Label by which users refuse an allocated address. */
const allocationLabel = 'networking.istio.io/enable-autoallocate-ip'

export function checkServiceEntry(root: Place, { metadata, spec }: ServiceEntry): void {
  if (spec === undefined) return
  const place = root.field('spec')
  checkLabelSelector(place.field('workloadSelector'), spec.workloadSelector)
  checkHosts(place.field('hosts'), spec)
  checkAddresses(place.field('addresses'), spec)
  const mayAllocate =
    (spec.resolution ?? 'NONE') !== 'NONE' && metadata.labels?.[allocationLabel]?.toLowerCase() !== 'false'
  checkPorts(place.field('ports'), spec, mayAllocate)
  checkResolution(place, spec, metadata.labels ?? {})
  checkHostsApart(place, spec)
  checkExportTo(place.field('exportTo'), spec.exportTo, metadata.namespace ?? '', 'service-entry')
}

function checkHosts(place: Place, spec: ServiceEntrySpec): void {
  place.each(spec.hosts, (at, host) => {
    if (host === '*') at.error('* would be every host')
    else {
      checkWildcardDomain(at, host)
      if (spec.resolution !== 'DYNAMIC_DNS' && hasPartialWildcard(host))
        at.warn(`${JSON.stringify(host)}: a wildcard is the whole first label (*.example.com)`)
    }
  })
}

function checkAddresses(place: Place, spec: ServiceEntrySpec): void {
  const ranges = spec.resolution === undefined || spec.resolution === 'NONE' || spec.resolution === 'STATIC'
  place.each(spec.addresses, (at, address) => {
    checkSubnet(at, address)
    if (address.includes('/') && !ranges) at.error(`ranges need resolution NONE or STATIC, not ${spec.resolution}`)
  })
}

function checkPorts(place: Place, spec: ServiceEntrySpec, mayAllocate: boolean): void {
  const numbers = new Set<number>()
  place.each(spec.ports, (at, { name, number, targetPort = 0, protocol = '' }) => {
    if (numbers.has(number)) at.field('number').error(`port ${number} is defined already`)
    numbers.add(number)
    checkDnsLabel(at.field('name'), name)
    checkPort(at.field('number'), number)
    checkProtocol(at.field('protocol'), protocol)
    if (targetPort !== 0) checkPort(at.field('targetPort'), targetPort)
    if ((spec.addresses?.length ?? 0) === 0 && !mayAllocate && (protocol === '' || protocol === 'TCP'))
      at.warn('a TCP port of a service without address takes the port of all addresses')
  })
}

function checkResolution(place: Place, spec: ServiceEntrySpec, labels: Readonly<Record<string, string>>): void {
  const { resolution = 'NONE', endpoints = [] } = spec
  switch (resolution) {
    case 'NONE':
      if (endpoints.length > 0) place.field('endpoints').error('resolution NONE has no endpoints')
      if (spec.workloadSelector !== undefined)
        place.field('workloadSelector').warn('has no effect with resolution NONE')
      return
    case 'STATIC':
      checkStatic(place, spec)
      return
    case 'DNS':
    case 'DNS_ROUND_ROBIN':
      checkDns(place, spec)
      return
    case 'DYNAMIC_DNS':
      checkDynamicDns(place, spec, labels)
  }
}

function portNames(spec: ServiceEntrySpec): Set<string> {
  return new Set(spec.ports?.map((port) => port.name))
}

function checkStatic(place: Place, spec: ServiceEntrySpec): void {
  const ports = portNames(spec)
  place.field('endpoints').each(spec.endpoints, (at, endpoint) => {
    if (!checkAddress(at, endpoint, 'address')) return
    checkPortsAndLabels(at, endpoint, ports)
    if (endpoint.address?.startsWith('unix://') && ports.size !== 1)
      at.error('a Unix socket serves exactly one port of the service')
  })
}

function checkDns(place: Place, spec: ServiceEntrySpec): void {
  const { hosts, endpoints = [], ports = [] } = spec
  if (endpoints.length === 0) {
    const wild = hosts.findIndex((host) => faultOfDomain(host) !== undefined)
    if (wild >= 0)
      place.field('hosts').item(wild).error('without endpoints, the host must be a name that can be resolved')
  }
  if (spec.resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1)
    place.field('endpoints').error('resolution DNS_ROUND_ROBIN has one endpoint at most')
  place.field('endpoints').each(endpoints, (at, endpoint) => {
    const { address = '' } = endpoint
    if (!isIpAddress(address) && faultOfDomain(address) !== undefined)
      at.field('address').error(`${JSON.stringify(address)} is neither an IP address nor a host name`)
    checkPortsAndLabels(at, endpoint, portNames(spec))
  })
  const shared = (spec.addresses?.length ?? 0) > 0 && hosts.length > 1
  if (shared && ports.some((port) => isTcp(parseProtocol(port.protocol))))
    place.field('addresses').warn('several hosts share the address: on TCP ports they cannot be told apart')
}

const dynamicProtocols = ['HTTP', 'TLS', 'GRPC', 'HTTP2']

function checkDynamicDns(place: Place, spec: ServiceEntrySpec, labels: Readonly<Record<string, string>>): void {
  place.field('hosts').each(spec.hosts, (at, host) => {
    if (!isWildcard(host)) at.error('resolution DYNAMIC_DNS needs a wildcard host')
  })
  if ((spec.addresses?.length ?? 0) > 0) place.field('addresses').error('resolution DYNAMIC_DNS has no addresses')
  if ((spec.endpoints?.length ?? 0) > 0) place.field('endpoints').error('resolution DYNAMIC_DNS has no endpoints')
  place.field('ports').each(spec.ports, (at, { protocol }) => {
    if (!dynamicProtocols.includes(parseProtocol(protocol) ?? ''))
      at.field('protocol').error(`resolution DYNAMIC_DNS works with ${dynamicProtocols.join(', ')} only`)
  })
  const waypoint = labels['istio.io/use-waypoint'] ?? ''
  if (spec.location === 'MESH_INTERNAL' && waypoint !== '' && waypoint.toLowerCase() !== 'none')
    place.field('location').error('MESH_INTERNAL with resolution DYNAMIC_DNS does not work with waypoints')
}

/** Plain TCP says nothing of the host it wants, so several hosts need another way to be told apart. */
function checkHostsApart(place: Place, spec: ServiceEntrySpec): void {
  const { hosts, resolution = 'NONE', ports = [] } = spec
  if (resolution === 'NONE' || hosts.length < 2) return
  const index = ports.findIndex((port) => {
    const protocol = parseProtocol(port.protocol)
    return !isHttp(protocol) && !isTls(protocol)
  })
  if (index >= 0) place.field('ports').item(index).error('several hosts can be told apart on HTTP and TLS ports only')
}
