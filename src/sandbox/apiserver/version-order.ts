import { compareText } from '../../lib/index.ts'

/** Order of versions as the API prefers them: stable before beta before alpha, newer before older. */
export function byVersionPriority(a: string, b: string): number {
  const parse = (v: string): [number, number, number] | undefined => {
    const m = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(v)
    return m ? [m[2] === 'alpha' ? 0 : m[2] === 'beta' ? 1 : 2, Number(m[1]), Number(m[3] ?? 0)] : undefined
  }
  const [x, y] = [parse(a), parse(b)]
  if (!x || !y) return x ? -1 : y ? 1 : compareText(a, b)
  for (let i = 0; i < 3; i++) {
    const difference = (y[i] as number) - (x[i] as number)
    if (difference !== 0) return difference
  }
  return 0
}
