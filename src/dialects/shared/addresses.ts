// Virtual addresses of host names that no cluster's DNS knows. An address is a hash of the name, so it is the same on
// every cluster and needs no memory; where two names would share one, the later takes the next free one, and the record
// of all addresses (a ConfigMap on the management cluster) keeps them for good.
import { compareText } from '../../lib/index.ts'
import { hash32 } from './names.ts'

/** What an address is made from. `scope`: what sort of thing has the name. */
export interface AddressOwner {
  readonly hostname: string
  readonly name: string
  readonly namespace: string
  readonly cluster: string
  readonly scope: 'kube-service' | 'failover-service' | 'local-resource'
}

const blockBits = 28
const block = 2 ** blockBits

/** The 28 low bits of the wished address in 240.0.0.0/4. */
function wished({ name, namespace, cluster, scope }: AddressOwner): number {
  const hash = hash32(`${name}${namespace}${cluster}${scope}`)
  // The bytes of the hash are taken least significant first; 240 is OR-ed into the first octet.
  const reversed = (((hash & 0xff) << 24) | ((hash & 0xff00) << 8) | ((hash >>> 8) & 0xff00) | (hash >>> 24)) >>> 0
  return reversed % block
}

const text = (bits: number): string =>
  [240 + (bits >>> 24), (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.')

function bitsOf(address: string): number | undefined {
  const octets = address.split('.').map(Number)
  if (octets.length !== 4 || octets.some((octet) => !Number.isInteger(octet) || octet < 0 || octet > 255))
    return undefined
  const [a = 0, b = 0, c = 0, d = 0] = octets
  return a < 240 ? undefined : ((a - 240) << 24) + (b << 16) + (c << 8) + d
}

/** Network and broadcast addresses, and 240.240.0.0/16, from which Istio gives addresses to ServiceEntries without one. */
function usable(bits: number): boolean {
  return bits !== 0 && bits !== block - 1 && bits >>> 16 !== 240
}

/** Addresses by host name. `recorded`: those given before; they stay as they are while the name exists. */
export function assignAddresses(
  owners: readonly AddressOwner[],
  recorded: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const given = new Map<string, string>()
  const taken = new Set<number>()
  const ordered = [...owners].sort((a, b) => compareText(a.hostname, b.hostname))
  for (const { hostname } of ordered) {
    const bits = bitsOf(recorded[hostname] ?? '')
    if (bits === undefined || taken.has(bits)) continue
    taken.add(bits)
    given.set(hostname, text(bits))
  }
  for (const owner of ordered) {
    if (given.has(owner.hostname)) continue
    let bits = wished(owner)
    while (taken.has(bits) || !usable(bits)) bits = (bits + 1) % block
    taken.add(bits)
    given.set(owner.hostname, text(bits))
  }
  return given
}
