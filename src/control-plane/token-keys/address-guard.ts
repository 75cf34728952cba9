import { BlockList, isIP } from 'node:net'

/**
 * Addresses that are not public: what users name in objects must not lead the control plane into networks that the users
 * could not reach themselves (IANA's special-purpose registries; the last ones wrap IPv4 addresses).
 */
const notPublic = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]

/** Decides which addresses may be connected to: public ones, and those of networks that were allowed. */
export class AddressGuard {
  readonly #refused = new BlockList()
  readonly #allowed = new BlockList()

  /** Takes networks as CIDR (`10.0.0.0/8`) or single addresses. Throws RangeError on others. */
  constructor(allowed: readonly string[] = []) {
    for (const network of notPublic) add(this.#refused, network)
    for (const network of allowed) add(this.#allowed, network)
  }

  allows(address: string): boolean {
    const family = familyOf(address)
    return family !== undefined && (this.#allowed.check(address, family) || !this.#refused.check(address, family))
  }
}

function add(list: BlockList, network: string): void {
  const [address = '', length, ...rest] = network.split('/')
  const family = familyOf(address)
  const longest = family === 'ipv4' ? 32 : 128
  const prefix = length === undefined ? longest : Number(length)
  const isRight = /^\d{1,3}$/.test(length ?? '0') && prefix <= longest && rest.length === 0
  if (family === undefined || !isRight) throw new RangeError(`${JSON.stringify(network)} is no network like 10.0.0.0/8`)
  list.addSubnet(address, prefix, family)
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address)
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : undefined
}
