import type { Place } from '../check.ts'
import { checkUnixAddress, isIpAddress, isUnixAddress } from './address.ts'
import { checkDnsLabel, checkLabels, checkPort, faultOfDomain } from './names.ts'
import type { WorkloadEntry, WorkloadEntrySpec } from './workload-entry.ts'

export function checkWorkloadEntry(root: Place, { spec = {} }: WorkloadEntry): void {
  const place = root.field('spec')
  if (checkAddress(place, spec, 'name or address')) checkPortsAndLabels(place, spec)
}

/** What the address of an entry may be: resolution STATIC needs addresses, others take names too. */
export type AddressForm = 'address' | 'name or address'

/** False if there is no address to speak of, so that the rest need not be looked at. */
export function checkAddress(place: Place, entry: WorkloadEntrySpec, form: AddressForm): boolean {
  const { address = '', network = '' } = entry
  const at = place.field('address')
  if (address === '') {
    if (network === '') at.error('address or network must be set', 'required')
    else at.warn(`without address, it is reached through the gateways of network ${network}`)
    return network !== ''
  }
  if (isUnixAddress(address)) {
    checkUnixAddress(at, address)
    if (entry.ports !== undefined) place.field('ports').error('a Unix socket has no ports')
  } else if (!isIpAddress(address)) {
    if (form === 'address') at.error(`${JSON.stringify(address)} is no IP address`)
    else if (faultOfDomain(address) !== undefined)
      at.error(`${JSON.stringify(address)} is neither an IP address nor a host name`)
  }
  return true
}

/** `servicePorts`: the ports that the service of this endpoint has; undefined if it is not known. */
export function checkPortsAndLabels(place: Place, entry: WorkloadEntrySpec, servicePorts?: ReadonlySet<string>): void {
  place.field('ports').entries(entry.ports, (at, port, name) => {
    if (servicePorts !== undefined && !servicePorts.has(name))
      at.error(`the service has no port ${JSON.stringify(name)}`)
    checkDnsLabel(at, name)
    checkPort(at, port)
  })
  checkLabels(place.field('labels'), entry.labels)
}
