// What filters note about a request for those behind them (Envoy's dynamic metadata).
import type { MetadataMatcher } from '#gen/envoy/type/matcher/v3/metadata_pb.js'
import type { ValueMatcher } from '#gen/envoy/type/matcher/v3/value_pb.js'
import { matchesString } from './match/string.ts'

type Fields = Record<string, unknown>

export class MetadataStore {
  readonly #filters = new Map<string, Fields>()

  note(filter: string, key: string, value: unknown): void {
    this.#filters.set(filter, { ...this.#filters.get(filter), [key]: value })
  }

  /** The value at a path; undefined if nothing was noted there. */
  find(filter: string, path: readonly string[]): unknown {
    let value: unknown = this.#filters.get(filter)
    for (const key of path) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
      value = (value as Fields)[key]
    }
    return value
  }
}

/** envoy.type.matcher.v3.MetadataMatcher. */
export function matchesMetadata(matcher: MetadataMatcher, store: MetadataStore): boolean {
  const path = matcher.path.flatMap(({ segment }) => (segment.case === 'key' ? [segment.value] : []))
  const holds = matcher.value !== undefined && matchesValue(matcher.value, store.find(matcher.filter, path))
  return holds !== matcher.invert
}

function matchesValue(matcher: ValueMatcher, value: unknown): boolean {
  const pattern = matcher.matchPattern
  switch (pattern.case) {
    case 'stringMatch':
      return typeof value === 'string' && matchesString(pattern.value, value)
    case 'boolMatch':
      return value === pattern.value
    case 'presentMatch':
      return (value !== undefined) === pattern.value
    case 'nullMatch':
      return value === null
    case 'doubleMatch':
      return typeof value === 'number' && pattern.value.matchPattern.case === 'exact'
        ? value === pattern.value.matchPattern.value
        : false
    case 'orMatch':
      return pattern.value.valueMatchers.some((each) => matchesValue(each, value))
    case 'listMatch': {
      const one = pattern.value.matchPattern
      return one.case === 'oneOf' && Array.isArray(value) && value.some((item) => matchesValue(one.value, item))
    }
    default:
      return false
  }
}
