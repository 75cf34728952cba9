// Addresses of pods: two for each, one that others call and one, in a range apart, for the programs behind its proxy.

export interface AddressRanges {
  /** The node's own address. */
  readonly node: string
  /** A /16 of which the third byte 1 to 239 is for pods, as in `127.16.0.0/16`. */
  readonly pods: string
  /** A /16 for the programs behind proxies. */
  readonly programs: string
}

const hosts = 254
const count = 239 * hosts

/** Gives out addresses of a range; the same again to who had it, the one unused for longest to others. */
export class AddressPool {
  readonly #prefix: string
  readonly #programPrefix: string
  readonly #taken = new Set<number>()
  #next = 0

  constructor(ranges: Pick<AddressRanges, 'pods' | 'programs'>) {
    this.#prefix = prefixOf(ranges.pods)
    this.#programPrefix = prefixOf(ranges.programs)
  }

  /** Takes an address: the preferred one if it is of this pool and free. Throws when none is left. */
  take(preferred?: string): string {
    const wanted = preferred === undefined ? undefined : this.#indexOf(preferred)
    if (wanted !== undefined && !this.#taken.has(wanted)) return this.#claim(wanted)
    for (let tried = 0; tried < count; tried++) {
      const index = this.#next
      this.#next = (this.#next + 1) % count
      if (!this.#taken.has(index)) return this.#claim(index)
    }
    throw new Error(`all ${count} pod addresses are in use`)
  }

  release(address: string): void {
    const index = this.#indexOf(address)
    if (index !== undefined) this.#taken.delete(index)
  }

  /** Where the programs of the pod with this address listen, if a proxy stands before them. */
  programAddress(address: string): string {
    return address.replace(this.#prefix, this.#programPrefix)
  }

  #claim(index: number): string {
    this.#taken.add(index)
    return `${this.#prefix}${Math.floor(index / hosts) + 1}.${(index % hosts) + 1}`
  }

  #indexOf(address: string): number | undefined {
    if (!address.startsWith(this.#prefix)) return undefined
    const [third = 0, fourth = 0] = address.slice(this.#prefix.length).split('.').map(Number)
    const index = (third - 1) * hosts + fourth - 1
    return third >= 1 && fourth >= 1 && fourth <= hosts && index < count ? index : undefined
  }
}

function prefixOf(range: string): string {
  const match = /^(\d+\.\d+)\.0\.0\/16$/.exec(range)
  if (!match) throw new Error(`${range} is not a range such as 127.16.0.0/16`)
  return `${match[1]}.`
}

/** Number under which a port is really opened: low ports move up where an ordinary user cannot bind them. */
export function realPorts(ports: readonly number[], lowPorts: 'free' | 'reserved'): ReadonlyMap<number, number> {
  const real = new Map<number, number>()
  const taken = new Set(ports)
  for (const port of ports) {
    let number = port
    if (port < 1024 && lowPorts === 'reserved') {
      do number += 10_000
      while (taken.has(number))
      taken.add(number)
    }
    real.set(port, number)
  }
  return real
}
