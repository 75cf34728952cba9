import type { Answer } from './client.ts'

/** How an answer of a class looks; all patterns that are given must match. */
export interface AnswerClass {
  /** Over the header `x-served-by` (CLUSTER/NAMESPACE/POD, or the name of a VM). */
  readonly by?: string
  readonly body?: string
}

/** Returns the first class that an answer fits, or undefined. */
export function classify(answer: Answer, classes: Readonly<Record<string, AnswerClass>>): string | undefined {
  for (const [name, { by, body }] of Object.entries(classes)) {
    if (by !== undefined && !new RegExp(by).test(answer.headers['x-served-by'] ?? '')) continue
    if (body !== undefined && !new RegExp(body).test(answer.body)) continue
    return name
  }
  return undefined
}

/**
 * Greatest distance of an observed share from `share` that is still put down to chance: 4 standard deviations of a
 * binomial share over `count` draws (one false alarm in 16,000). 0 for shares of 0 and 1, which are exact.
 */
export function shareTolerance(share: number, count: number): number {
  return 4 * Math.sqrt((share * (1 - share)) / count)
}

/** Shares that lie outside their tolerance, in words; empty if all hold. `tolerance` replaces 4 sigma. */
export function shareDeviations(
  wanted: Readonly<Record<string, number>>,
  seen: ReadonlyMap<string, number>,
  count: number,
  tolerance?: number,
): string[] {
  const wrong: string[] = []
  for (const [name, share] of Object.entries(wanted)) {
    const observed = (seen.get(name) ?? 0) / count
    const allowed = tolerance ?? shareTolerance(share, count)
    if (Math.abs(observed - share) > allowed + 1e-9) {
      wrong.push(`${name}: ${percent(observed)} instead of ${percent(share)} ± ${percent(allowed)}`)
    }
  }
  return wrong
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
