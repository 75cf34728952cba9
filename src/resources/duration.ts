const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/**
 * Milliseconds of a duration as Go's time.ParseDuration reads it: a sign, then numbers with units (`1h30m`, `1.5s`);
 * undefined if it is none. Exact to the nanosecond.
 */
export function durationMs(text: string): number | undefined {
  const signed = /^([+-]?)(.+)$/.exec(text)
  const rest = signed?.[2]
  if (rest === undefined) return undefined
  if (rest === '0') return 0
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(rest)) return undefined
  let total = 0
  for (const part of rest.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g))
    total += Number(part[1]) * (unitMs[part[2] ?? ''] ?? Number.NaN)
  const exact = Math.round(total * 1e6) / 1e6
  return signed?.[1] === '-' ? -exact : exact
}
