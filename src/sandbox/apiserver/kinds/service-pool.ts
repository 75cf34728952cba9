// Service addresses and node ports of one cluster: given out, asked for, given back.
import { type FieldError, invalid, invalidObject } from '../errors.ts'
import { ensureObject, type JsonObject, listAt, nameOf, numberAt, objectsAt, textAt } from '../json.ts'
import type { Store } from '../store.ts'
import { isHeadless, typeOfService, wantsAddress, wantsNodePorts } from './service.ts'

const nodePortMin = 30000
const nodePortMax = 32767

export interface Cidr {
  readonly base: number
  readonly size: number
}

/** Reads `10.96.0.0/16`. Throws Error. */
export function parseCidr(text: string): Cidr {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text)
  if (!match) throw new Error(`${text} is no IPv4 range such as 10.96.0.0/16`)
  const [a, b, c, d, bits] = match.slice(1).map(Number) as [number, number, number, number, number]
  const size = 2 ** (32 - bits)
  const base = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
  return { base: base - (base % size), size }
}

const addressText = (n: number): string => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join('.')

const addressNumber = (text: string): number | undefined => {
  const parts = text.split('.').map(Number)
  if (parts.length !== 4 || parts.some((p) => !Number.isInteger(p) || p < 0 || p > 255)) return undefined
  return parts.reduce((n, p) => n * 256 + p, 0)
}

export class ServicePool {
  readonly #range: Cidr
  readonly #rangeText: string
  readonly #addresses = new Set<string>()
  readonly #ports = new Set<number>()

  constructor(range: string, store: Store) {
    this.#range = parseCidr(range)
    this.#rangeText = range
    for (const { object } of store.list('/services')) this.#take(object)
  }

  #take(service: JsonObject): void {
    if (wantsAddress(service)) this.#addresses.add(textAt(service, 'spec', 'clusterIP'))
    for (const port of nodePorts(service)) this.#ports.add(port)
  }

  release(service: JsonObject): void {
    if (wantsAddress(service)) this.#addresses.delete(textAt(service, 'spec', 'clusterIP'))
    for (const port of nodePorts(service)) this.#ports.delete(port)
  }

  /** Fills in addresses and node ports of a service that is about to be written. Throws ApiError where one cannot be had. */
  allocate(next: JsonObject, old: JsonObject | undefined, dryRun: boolean): void {
    const errors: FieldError[] = []
    const heldPorts = new Set(old ? nodePorts(old) : [])
    const held = old && wantsAddress(old) ? textAt(old, 'spec', 'clusterIP') : ''
    this.#address(next, held, errors)
    if (errors.length === 0) this.#nodePorts(next, heldPorts, errors)
    if (errors.length > 0) throw invalidObject({ group: '', name: 'Service' }, nameOf(next), errors)
    if (dryRun) return
    if (old) this.release(old)
    this.#take(next)
  }

  #address(next: JsonObject, held: string, errors: FieldError[]): void {
    const spec = ensureObject(next, 'spec')
    if (typeOfService(next) === 'ExternalName') return
    spec['ipFamilyPolicy'] ??= 'SingleStack'
    spec['ipFamilies'] ??= ['IPv4']
    if (isHeadless(next)) {
      spec['clusterIPs'] = ['None']
      return
    }
    const wanted = textAt(spec, 'clusterIP') || listAt(spec, 'clusterIPs').find((ip) => typeof ip === 'string')
    let address = typeof wanted === 'string' ? wanted : ''
    if (address && address !== held) {
      const n = addressNumber(address)
      const failed = (why: string): void =>
        void errors.push(invalid('spec.clusterIPs', [address], `failed to allocate IP ${address}: ${why}`))
      if (n === undefined)
        errors.push(
          invalid('spec.clusterIPs[0]', address, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'),
        )
      else if (n < this.#range.base || n >= this.#range.base + this.#range.size) {
        failed(`the provided IP (${address}) is not in the valid range. The range of valid IPs is ${this.#rangeText}`)
      } else if (this.#addresses.has(address)) failed('provided IP is already allocated')
    }
    if (!address) address = this.#freeAddress()
    spec['clusterIP'] = address
    spec['clusterIPs'] = [address]
  }

  #freeAddress(): string {
    const { base, size } = this.#range
    const start = Math.floor(Math.random() * (size - 2))
    for (let i = 0; i < size - 2; i++) {
      const address = addressText(base + 1 + ((start + i) % (size - 2)))
      if (!this.#addresses.has(address)) return address
    }
    throw new Error(`no address is left in ${this.#rangeText}`)
  }

  #nodePorts(next: JsonObject, held: ReadonlySet<number>, errors: FieldError[]): void {
    const ports = objectsAt(next, 'spec', 'ports')
    const given = new Set<number>()
    ports.forEach((port, i) => {
      const wanted = numberAt(port, 'nodePort')
      if (!wanted) return
      const fail = (why: string): void => void errors.push(invalid(`spec.ports[${i}].nodePort`, wanted, why))
      if (wanted < nodePortMin || wanted > nodePortMax) {
        fail(`provided port is not in the valid range. The range of valid ports is ${nodePortMin}-${nodePortMax}`)
      } else if (this.#ports.has(wanted) && !held.has(wanted)) fail('provided port is already allocated')
      given.add(wanted)
    })
    if (!wantsNodePorts(next) || errors.length > 0) return
    for (const port of ports) {
      if (numberAt(port, 'nodePort')) continue
      const free = this.#freePort(given)
      port['nodePort'] = free
      given.add(free)
    }
  }

  #freePort(given: ReadonlySet<number>): number {
    const size = nodePortMax - nodePortMin + 1
    const start = Math.floor(Math.random() * size)
    for (let i = 0; i < size; i++) {
      const port = nodePortMin + ((start + i) % size)
      if (!this.#ports.has(port) && !given.has(port)) return port
    }
    throw new Error('no node port is left')
  }
}

const nodePorts = (service: JsonObject): number[] =>
  objectsAt(service, 'spec', 'ports')
    .map((port) => numberAt(port, 'nodePort') ?? 0)
    .filter((port) => port > 0)
