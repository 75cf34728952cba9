import type { Place } from '../check.ts'
import { checkSubnet, isIpAddress } from './address.ts'
import { checkExportTo } from './export-to.ts'
import { isClaimMatch } from './http-header.ts'
import { checkDestination, checkGatewayNames, checkHttpRoute, checkWeights } from './http-route-check.ts'
import { checkLabels, checkPort, faultOfWildcardDomain, hostsOverlap, hostWithin } from './names.ts'
import { warnCoveredPrefixes, warnUnreachable } from './unreachable-rules.ts'
import type { L4Match, RouteDestination, TlsMatch, VirtualService, VirtualServiceSpec } from './virtual-service.ts'

/** The name in `gateways` that stands for all sidecars. */
const meshGateway = 'mesh'

export function checkVirtualService(root: Place, { metadata, spec = {} }: VirtualService): void {
  const place = root.field('spec')
  // Without hosts it is a delegate of another VirtualService.
  const isDelegate = (spec.hosts?.length ?? 0) === 0
  const gatewayOnly = (spec.gateways?.length ?? 0) > 0 && spec.gateways?.includes(meshGateway) !== true
  if (isDelegate) checkDelegate(place, spec)
  checkGatewayNames(place.field('gateways'), spec.gateways)
  if (!gatewayOnly) checkNoClaims(place, spec)
  checkHosts(place.field('hosts'), spec, gatewayOnly)
  if ((spec.http?.length ?? 0) + (spec.tls?.length ?? 0) + (spec.tcp?.length ?? 0) === 0)
    place.error('one of http, tls or tcp must have rules', 'required')
  place.field('http').each(spec.http, (at, route) => checkHttpRoute(at, route, isDelegate ? 'delegate' : 'root'))
  place.field('tls').each(spec.tls, (at, route) => {
    if (route.match?.length === 0) at.field('match').error('must have at least one match', 'required')
    at.field('match').each(route.match, (matchAt, match) => checkTlsMatch(matchAt, match, spec, gatewayOnly))
    checkRouteDestinations(at, route.route)
  })
  place.field('tcp').each(spec.tcp, (at, route) => {
    at.field('match').each(route.match, checkL4Match)
    checkRouteDestinations(at, route.route)
  })
  checkExportTo(place.field('exportTo'), spec.exportTo, metadata.namespace ?? '', 'config')
  for (const protocol of ['http', 'tls', 'tcp'] as const) warnUnreachable(place.field(protocol), spec[protocol])
  warnCoveredPrefixes(place.field('http'), spec.http)
}

function checkDelegate(place: Place, spec: VirtualServiceSpec): void {
  for (const field of ['gateways', 'tls', 'tcp'] as const)
    if ((spec[field]?.length ?? 0) > 0)
      place.field(field).error('a VirtualService without hosts is a delegate, which has HTTP rules only')
}

/** Claims of a token are known at gateways only. */
function checkNoClaims(place: Place, spec: VirtualServiceSpec): void {
  place.field('http').each(spec.http, (at, route) =>
    at.field('match').each(route.match, (matchAt, match) => {
      for (const field of ['headers', 'withoutHeaders'] as const)
        for (const name of Object.keys(match[field] ?? {}))
          if (isClaimMatch(name)) matchAt.field(field).field(name).error('claims can be matched at gateways only')
    }),
  )
}

function checkHosts(place: Place, spec: VirtualServiceSpec, gatewayOnly: boolean): void {
  const hosts = spec.hosts ?? []
  const bySni = spec.tls?.some((route) => route.match?.some((match) => (match.sniHosts?.length ?? 0) > 0)) ?? false
  let sound = true
  place.each(hosts, (at, host) => {
    const fault = gatewayOnly && bySni ? faultOfSniHost(host) : faultOfWildcardDomain(host)
    if (fault !== undefined && !isIpAddress(host)) {
      at.error(fault)
      sound = false
    } else if (fault === undefined && !gatewayOnly && host === '*') {
      at.error('* is allowed at gateways only')
      sound = false
    }
  })
  if (!sound) return
  place.each(hosts, (at, host, index) => {
    const other = hosts.slice(0, index).find((earlier) => hostsOverlap(earlier, host))
    if (other !== undefined) at.error(`${JSON.stringify(host)} overlaps with ${JSON.stringify(other)}`)
  })
}

/** Server names at gateways may also be those of mesh traffic: `outbound_.PORT_.SUBSET_.HOST`. */
function faultOfSniHost(host: string): string | undefined {
  if (!host.startsWith('outbound_')) return faultOfWildcardDomain(host)
  const [, port = '', , name = ''] = host.split('_')
  return /\d/.test(port) && /[a-zA-Z]/.test(name)
    ? undefined
    : `${JSON.stringify(host)} must have the form outbound_.PORT_.SUBSET_.HOST`
}

function checkTlsMatch(place: Place, match: TlsMatch, spec: VirtualServiceSpec, gatewayOnly: boolean): void {
  if (match.sniHosts?.length === 0) place.field('sniHosts').error('must name at least one host', 'required')
  place.field('sniHosts').each(match.sniHosts, (at, sni) => {
    const fault = gatewayOnly ? faultOfSniHost(sni) : faultOfWildcardDomain(sni)
    if (fault !== undefined) {
      if (isIpAddress(sni)) at.warn(`${sni} is an address: clients send names only as server name`)
      else at.error(fault)
    } else if (!spec.hosts?.some((host) => hostWithin(sni, host)))
      at.error(`${JSON.stringify(sni)} is not covered by the hosts of the VirtualService`)
  })
  checkL4Match(place, match)
}

function checkL4Match(place: Place, match: L4Match): void {
  place.field('destinationSubnets').each(match.destinationSubnets, checkSubnet)
  if (match.port !== undefined && match.port !== 0) checkPort(place.field('port'), match.port)
  checkLabels(place.field('sourceLabels'), match.sourceLabels)
  checkGatewayNames(place.field('gateways'), match.gateways)
}

function checkRouteDestinations(place: Place, destinations: readonly RouteDestination[] | undefined): void {
  const at = place.field('route')
  if ((destinations?.length ?? 0) === 0) at.error('must have at least one destination', 'required')
  at.each(destinations, (to, { destination }) => checkDestination(to.field('destination'), destination))
  checkWeights(at, destinations)
}
