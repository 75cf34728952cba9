// Whether things come about as often as told.
import type { Outcome } from '../../src/evaluator/index.ts'

/** Sums up chances, single ones and draws among several outcomes. */
export class OddsCheck {
  #expected = 0
  #observed = 0
  #variance = 0
  #count = 0
  readonly #groups = new Map<string, { readonly shares: readonly number[]; readonly counts: number[] }>()

  /** Something of a share that did or did not happen. */
  chance(share: number, happened: boolean): void {
    this.#expected += share
    this.#observed += happened ? 1 : 0
    this.#variance += share * (1 - share)
    this.#count++
  }

  /** One draw; draws of the same `group` are of the same outcomes. */
  draw(group: string, outcomes: readonly Outcome[], match: Outcome): void {
    const possible = outcomes.filter(({ share }) => share > 0)
    const [first] = possible
    if (!first || possible.length < 2) return
    this.chance(first.share, match === first)
    const key = `${group} ${possible.map(({ share, endpoint, status }) => `${share}@${endpoint ?? status}`).join(' ')}`
    const own = this.#groups.get(key) ?? {
      shares: possible.map(({ share }) => share),
      counts: possible.map(() => 0),
    }
    const at = possible.indexOf(match)
    own.counts[at] = (own.counts[at] ?? 0) + 1
    this.#groups.set(key, own)
  }

  get count(): number {
    return this.#count
  }

  /** Standard deviations between how often the first outcomes were told, and how often they came. */
  get deviation(): number {
    return this.#variance === 0 ? 0 : (this.#observed - this.#expected) / Math.sqrt(this.#variance)
  }

  /**
   * Standard deviations by which all draws together are further from their shares than chance has it (Pearson's statistic of
   * every group, with its exact variance for few draws). Balancers that take turns make it less.
   */
  get spread(): number {
    let [excess, variance] = [0, 0]
    for (const { shares, counts } of this.#groups.values()) {
      const draws = counts.reduce((sum, count) => sum + count, 0)
      const statistic = shares.reduce(
        (sum, share, at) => sum + ((counts[at] ?? 0) - draws * share) ** 2 / (draws * share),
        0,
      )
      const kinds = shares.length
      const inverse = shares.reduce((sum, share) => sum + 1 / share, 0)
      excess += statistic - (kinds - 1)
      variance += 2 * (kinds - 1) + (inverse - kinds * kinds - 2 * kinds + 2) / draws
    }
    return variance <= 0 ? 0 : excess / Math.sqrt(variance)
  }
}
