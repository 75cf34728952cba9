import type { Place } from '../check.ts'
import { checkUnixAddress, isUnixAddress } from './address.ts'
import { checkDnsLabel, checkLabels, checkPort } from './names.ts'
import type { ReadinessProbe, WorkloadGroup, WorkloadGroupSpec } from './workload-group.ts'

export function checkWorkloadGroup(root: Place, { spec }: WorkloadGroup): void {
  const place = root.field('spec')
  checkLabels(place.field('metadata').field('labels'), spec?.metadata?.labels)
  checkTemplate(place.field('template'), spec?.template)
  checkProbe(place.field('probe'), spec?.probe)
}

/** What entries start from need not be whole: they get their address when they are made. */
function checkTemplate(place: Place, { address = '', ports }: Partial<WorkloadGroupSpec['template']> = {}): void {
  if (isUnixAddress(address)) {
    checkUnixAddress(place.field('address'), address)
    if (ports !== undefined) place.field('ports').error('a Unix socket has no ports')
  }
  place.field('ports').entries(ports, (at, _port, name) => checkDnsLabel(at, name))
}

function checkProbe(place: Place, probe: ReadinessProbe | undefined): void {
  if (probe === undefined) return
  const { httpGet, tcpSocket, exec, grpc } = probe
  if (httpGet === undefined && tcpSocket === undefined && exec === undefined && grpc === undefined)
    place.error('one of httpGet, tcpSocket, exec or grpc must be set', 'required')
  if (httpGet !== undefined) {
    const at = place.field('httpGet')
    if (httpGet.port !== undefined) checkPort(at.field('port'), httpGet.port)
    if (!['', 'HTTP', 'HTTPS'].includes(httpGet.scheme ?? '')) at.field('scheme').error('must be HTTP or HTTPS')
    at.field('httpHeaders').each(httpGet.httpHeaders, (header, { name = '' }) => {
      if (!/^[-A-Za-z0-9]+$/.test(name)) header.field('name').error(`${JSON.stringify(name)} is no header name`)
    })
  }
  if (tcpSocket?.port !== undefined) checkPort(place.field('tcpSocket').field('port'), tcpSocket.port)
  if (exec?.command?.length === 0) place.field('exec').field('command').error('must not be empty', 'required')
}
