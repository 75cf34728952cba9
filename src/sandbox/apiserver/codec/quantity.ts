// Kubernetes quantities (`100m`, `64Mi`, `1e3`): reading, comparing, and the one canonical way to write each.

type Format = 'decimal' | 'binary' | 'exponent'

export interface Quantity {
  /** The amount in billionths; what is smaller is rounded up, as the API does. */
  readonly nano: bigint
  readonly format: Format
}

export const quantityError =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']
const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const shape = /^([+-]?)(\d+\.?\d*|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?$/

/** Reads a quantity; undefined where the text is none. */
export function parseQuantity(text: string): Quantity | undefined {
  const match = shape.exec(text.trim())
  if (!match) return undefined
  const [, sign, digits = '', suffix = ''] = match
  const [whole = '', fraction = ''] = digits.split('.')
  let value = BigInt(whole + fraction || '0')
  let scale = 9 - fraction.length
  let format: Format = 'decimal'
  const power = binary.indexOf(suffix)
  if (suffix.endsWith('i')) {
    format = 'binary'
    value *= 1024n ** BigInt(power)
  } else if (/^[eE][+-]?\d/.test(suffix)) {
    format = 'exponent'
    scale += Number(suffix.slice(1))
  } else scale += decimal[suffix] ?? 0
  if (scale >= 0) value *= 10n ** BigInt(scale)
  else {
    const divisor = 10n ** BigInt(-scale)
    value = (value + divisor - 1n) / divisor
  }
  return { nano: sign === '-' ? -value : value, format }
}

const billion = 1_000_000_000n

/** The canonical text: no fraction, the largest suffix that needs none. */
export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0'
  const sign = nano < 0n ? '-' : ''
  const amount = nano < 0n ? -nano : nano
  if (format === 'binary' && amount >= 1024n * billion && amount % billion === 0n) {
    let whole = amount / billion
    let power = 0
    while (whole % 1024n === 0n && power < binary.length - 1) {
      whole /= 1024n
      power++
    }
    return `${sign}${whole}${binary[power]}`
  }
  let rest = amount
  let exponent = -9
  while (rest % 1000n === 0n && exponent < 18) {
    rest /= 1000n
    exponent += 3
  }
  if (format === 'exponent') return exponent === 0 ? `${sign}${rest}` : `${sign}${rest}e${exponent}`
  const suffix = Object.entries(decimal).find(([, power]) => power === exponent)?.[0] ?? ''
  return `${sign}${rest}${suffix}`
}

/** The canonical form of a quantity's text; undefined where the text is none. */
export function canonicalQuantity(text: string): string | undefined {
  const quantity = parseQuantity(text)
  return quantity && formatQuantity(quantity)
}
