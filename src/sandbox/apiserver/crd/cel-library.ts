// The functions that Kubernetes adds to CEL (k8s.io/apiserver/pkg/cel/library), as far as the CEL package lacks them.
import { isIP } from 'node:net'
import { Environment } from '@marcbachmann/cel-js'
import { type Quantity as Amount, formatQuantity, parseQuantity } from '../codec/quantity.ts'

class Quantity {
  readonly amount: Amount
  constructor(amount: Amount) {
    this.amount = amount
  }
}
class Url {
  readonly url: URL
  constructor(url: URL) {
    this.url = url
  }
}
class Ip {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}
class Cidr {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Scalar = string | bigint | number | boolean

const order = (a: Scalar, b: Scalar): number => (a < b ? -1 : a > b ? 1 : 0)

function quantity(text: string): Quantity {
  const amount = parseQuantity(text)
  if (!amount)
    throw new Error(`quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`)
  return new Quantity(amount)
}

function url(text: string): Url {
  if (text.startsWith('/')) return new Url(new URL(text, 'relative://'))
  return new Url(new URL(text))
}

const isUrl = (text: string): boolean => {
  try {
    url(text)
    return true
  } catch {
    return false
  }
}

function ip(text: string): Ip {
  if (isIP(text) === 0) throw new Error(`IP Address ${JSON.stringify(text)} parse error during conversion from string`)
  return new Ip(text)
}

const isCidr = (text: string): boolean => {
  const [address = '', bits = ''] = text.split('/')
  const family = isIP(address)
  return family !== 0 && /^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}

const toBits = (text: string): bigint => {
  if (isIP(text) === 4) return text.split('.').reduce((n, p) => n * 256n + BigInt(p), 0n)
  const [head = '', tail] = text.split('::')
  const left = head ? head.split(':') : []
  const right = tail ? tail.split(':') : []
  const middle = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...middle, ...right].reduce((n, p) => n * 65536n + BigInt(`0x${p || '0'}`), 0n)
}

function contains(range: Cidr, address: string): boolean {
  const [base = '', bits = '0'] = range.text.split('/')
  const family = isIP(base)
  if (family !== isIP(address)) return false
  const shift = BigInt((family === 4 ? 32 : 128) - Number(bits))
  return toBits(base) >> shift === toBits(address) >> shift
}

const numbers = (list: Scalar[], start: 0n | 0): bigint | number =>
  list.some((x) => typeof x === 'number')
    ? list.reduce<number>((sum, x) => sum + Number(x), 0)
    : list.reduce<bigint>((sum, x) => sum + (x as bigint), BigInt(start))

function firstOf(list: Scalar[], better: number): Scalar {
  const [first, ...rest] = list
  if (first === undefined) throw new Error('list is empty')
  return rest.reduce<Scalar>((best, x) => (order(x, best) === better ? x : best), first)
}

const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a, text) === JSON.stringify(b, text)
const text = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value)

/** `"%s is %d".format([a, b])`, as far as messages use it. */
function format(pattern: string, values: unknown[]): string {
  let next = 0
  return pattern.replace(/%(?:\.(\d+))?([sdfeboxX%])/g, (_all, digits: string | undefined, verb: string) => {
    if (verb === '%') return '%'
    const value = values[next++]
    if (verb === 'd') return String(value as bigint)
    if (verb === 'f') return Number(value).toFixed(digits === undefined ? 6 : Number(digits))
    if (verb === 'e') return Number(value).toExponential(digits === undefined ? 6 : Number(digits))
    if (verb === 'b') return (value as bigint).toString(2)
    if (verb === 'o') return (value as bigint).toString(8)
    if (verb === 'x') return (value as bigint).toString(16)
    if (verb === 'X') return (value as bigint).toString(16).toUpperCase()
    return shown(value)
  })
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`
  if (value instanceof Date) return value.toISOString()
  if (value && typeof value === 'object') {
    return `{${Object.entries(value)
      .map(([k, v]) => `${k}: ${shown(v)}`)
      .join(', ')}}`
  }
  return String(value as Scalar)
}

function split(subject: string, separator: string, limit: bigint): string[] {
  const n = Number(limit)
  if (n < 0) return subject.split(separator)
  if (n === 0) return []
  const parts = subject.split(separator)
  return parts.length <= n ? parts : [...parts.slice(0, n - 1), parts.slice(n - 1).join(separator)]
}

function replace(subject: string, from: string, to: string, limit: bigint): string {
  if (limit < 0n) return subject.replaceAll(from, to)
  let result = subject
  let at = 0
  for (let i = 0n; i < limit; i++) {
    const found = result.indexOf(from, at)
    if (found < 0) return result
    result = result.slice(0, found) + to + result.slice(found + from.length)
    at = found + to.length
  }
  return result
}

const nanos = (amount: Amount): bigint => amount.nano

function addLists(env: Environment): void {
  env
    .registerFunction('list.isSorted(): bool', (l: Scalar[]) =>
      l.every((x, i) => i === 0 || order(l[i - 1] as Scalar, x) <= 0),
    )
    .registerFunction('list.sum(): dyn', (l: Scalar[]) => numbers(l, 0n))
    .registerFunction('list.min(): dyn', (l: Scalar[]) => firstOf(l, -1))
    .registerFunction('list.max(): dyn', (l: Scalar[]) => firstOf(l, 1))
    .registerFunction('list.indexOf(dyn): int', (l: unknown[], x: unknown) => BigInt(l.findIndex((y) => same(x, y))))
    .registerFunction('list.lastIndexOf(dyn): int', (l: unknown[], x: unknown) =>
      BigInt(l.findLastIndex((y) => same(x, y))),
    )
    .registerFunction('list.distinct(): list', (l: unknown[]) =>
      l.filter((x, i) => l.findIndex((y) => same(x, y)) === i),
    )
    .registerFunction('list.slice(int, int): list', (l: unknown[], a: bigint, b: bigint) =>
      l.slice(Number(a), Number(b)),
    )
    .registerFunction('list.reverse(): list', (l: unknown[]) => l.toReversed())
    .registerFunction('list.sort(): list', (l: Scalar[]) => l.toSorted(order))
  class Sets {}
  env
    .registerType('k8s.Sets', { ctor: Sets, fields: {} })
    .registerConstant('sets', 'k8s.Sets', new Sets())
    .registerFunction('k8s.Sets.contains(list, list): bool', (_s: unknown, a: unknown[], b: unknown[]) =>
      b.every((x) => a.some((y) => same(x, y))),
    )
    .registerFunction('k8s.Sets.intersects(list, list): bool', (_s: unknown, a: unknown[], b: unknown[]) =>
      b.some((x) => a.some((y) => same(x, y))),
    )
    .registerFunction(
      'k8s.Sets.equivalent(list, list): bool',
      (_s: unknown, a: unknown[], b: unknown[]) =>
        a.every((x) => b.some((y) => same(x, y))) && b.every((x) => a.some((y) => same(x, y))),
    )
}

function addStrings(env: Environment): void {
  env
    .registerFunction('string.find(string): string', (s: string, p: string) => new RegExp(p, 'u').exec(s)?.[0] ?? '')
    .registerFunction('string.findAll(string): list', (s: string, p: string) =>
      [...s.matchAll(new RegExp(p, 'gu'))].map((m) => m[0]),
    )
    .registerFunction('string.findAll(string, int): list', (s: string, p: string, n: bigint) => {
      const all = [...s.matchAll(new RegExp(p, 'gu'))].map((m) => m[0])
      return n < 0n ? all : all.slice(0, Number(n))
    })
    .registerFunction('string.charAt(int): string', (s: string, i: bigint) => s.charAt(Number(i)))
    .registerFunction('string.replace(string, string): string', (s: string, a: string, b: string) => s.replaceAll(a, b))
    .registerFunction('string.replace(string, string, int): string', replace)
    .registerFunction('string.reverse(): string', (s: string) => Array.from(s).reverse().join(''))
    .registerFunction('string.format(list): string', format)
  try {
    env.registerFunction('string.split(string, int): list', split)
  } catch {
    // The CEL package brings it already.
  }
}

function addNetwork(env: Environment): void {
  env
    .registerType('net.URL', { ctor: Url, fields: {} })
    .registerFunction('url(string): net.URL', url)
    .registerFunction('isURL(string): bool', isUrl)
    .registerFunction('net.URL.getScheme(): string', (u: Url) =>
      u.url.protocol.replace(/:$/, '').replace('relative', ''),
    )
    .registerFunction('net.URL.getHost(): string', (u: Url) => u.url.host)
    .registerFunction('net.URL.getHostname(): string', (u: Url) => u.url.hostname.replace(/^\[|\]$/g, ''))
    .registerFunction('net.URL.getPort(): string', (u: Url) => u.url.port)
    .registerFunction('net.URL.getEscapedPath(): string', (u: Url) => u.url.pathname)
    .registerType('net.IP', { ctor: Ip, fields: {} })
    .registerType('net.CIDR', { ctor: Cidr, fields: {} })
    .registerFunction('ip(string): net.IP', ip)
    .registerFunction('isIP(string): bool', (s: string) => isIP(s) !== 0)
    .registerFunction('net.IP.family(): int', (i: Ip) => BigInt(isIP(i.text)))
    .registerFunction('net.IP.isLoopback(): bool', (i: Ip) => i.text.startsWith('127.') || i.text === '::1')
    .registerFunction('net.IP.isUnspecified(): bool', (i: Ip) => toBits(i.text) === 0n)
    .registerFunction('cidr(string): net.CIDR', (s: string) => {
      if (!isCidr(s)) throw new Error(`network address parse error during conversion from string: ${s}`)
      return new Cidr(s)
    })
    .registerFunction('isCIDR(string): bool', isCidr)
    .registerFunction('net.CIDR.containsIP(string): bool', contains)
    .registerFunction('net.CIDR.containsIP(net.IP): bool', (c: Cidr, i: Ip) => contains(c, i.text))
    .registerFunction('net.CIDR.prefixLength(): int', (c: Cidr) => BigInt(c.text.split('/')[1] ?? '0'))
    .registerFunction('net.CIDR.ip(): net.IP', (c: Cidr) => new Ip(c.text.split('/')[0] ?? ''))
}

function addQuantities(env: Environment): void {
  const compare = (a: Quantity, b: Quantity): bigint => BigInt(order(nanos(a.amount), nanos(b.amount)))
  const sum = (a: Quantity, nano: bigint): Quantity => new Quantity({ nano, format: a.amount.format })
  env
    .registerType('k8s.Quantity', { ctor: Quantity, fields: {} })
    .registerFunction('quantity(string): k8s.Quantity', quantity)
    .registerFunction('isQuantity(string): bool', (s: string) => parseQuantity(s) !== undefined)
    .registerFunction('k8s.Quantity.compareTo(k8s.Quantity): int', compare)
    .registerFunction(
      'k8s.Quantity.isGreaterThan(k8s.Quantity): bool',
      (a: Quantity, b: Quantity) => compare(a, b) > 0n,
    )
    .registerFunction('k8s.Quantity.isLessThan(k8s.Quantity): bool', (a: Quantity, b: Quantity) => compare(a, b) < 0n)
    .registerFunction('k8s.Quantity.add(k8s.Quantity): k8s.Quantity', (a: Quantity, b: Quantity) =>
      sum(a, nanos(a.amount) + nanos(b.amount)),
    )
    .registerFunction('k8s.Quantity.sub(k8s.Quantity): k8s.Quantity', (a: Quantity, b: Quantity) =>
      sum(a, nanos(a.amount) - nanos(b.amount)),
    )
    .registerFunction('k8s.Quantity.sign(): int', (a: Quantity) => BigInt(order(nanos(a.amount), 0n)))
    .registerFunction('k8s.Quantity.isInteger(): bool', (a: Quantity) => nanos(a.amount) % 1_000_000_000n === 0n)
    .registerFunction('k8s.Quantity.asInteger(): int', (a: Quantity) => nanos(a.amount) / 1_000_000_000n)
    .registerFunction('k8s.Quantity.asApproximateFloat(): double', (a: Quantity) => Number(nanos(a.amount)) / 1e9)
    .registerFunction('string(k8s.Quantity): string', (a: Quantity) => formatQuantity(a.amount))
}

/** A fresh environment with all of it, and `self` and `oldSelf`. */
export function celEnvironment(): Environment {
  const env = new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true })
  addLists(env)
  addStrings(env)
  addNetwork(env)
  addQuantities(env)
  return env.registerVariable('self', 'dyn').registerVariable('oldSelf', 'dyn')
}
