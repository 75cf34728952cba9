/** A range of IPv4 addresses to give out, first come first served: `from` and the `count - 1` after it. */
export interface AddressRange {
  readonly from: string
  readonly count: number
}

function toNumber(address: string): number {
  return address.split('.').reduce((n, part) => n * 256 + Number(part), 0)
}

function toAddress(n: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join('.')
}

export function isInRange(range: AddressRange, address: string): boolean {
  const offset = toNumber(address) - toNumber(range.from)
  return offset >= 0 && offset < range.count
}

/** The lowest address of the range that is not taken. */
export function freeAddress(range: AddressRange, taken: ReadonlySet<string>): string | undefined {
  const first = toNumber(range.from)
  for (let offset = 0; offset < range.count; offset++) {
    const address = toAddress(first + offset)
    if (!taken.has(address)) return address
  }
  return undefined
}
