// Parts of policies that several generations write in the same way.
import type { HeaderManipulation, OutlierDetection, StringMatch } from './model.ts'

/** The condition that is given; undefined if none is. */
export function stringMatchOf(match: {
  readonly exact?: string
  readonly prefix?: string
  readonly regex?: string
}): StringMatch | undefined {
  if (match.exact !== undefined) return { exact: match.exact }
  if (match.prefix !== undefined) return { prefix: match.prefix }
  return match.regex === undefined ? undefined : { regex: match.regex }
}

export function headerManipulationOf(
  value:
    | {
        readonly appendRequestHeaders?: Readonly<Record<string, string>>
        readonly removeRequestHeaders?: readonly string[]
        readonly appendResponseHeaders?: Readonly<Record<string, string>>
        readonly removeResponseHeaders?: readonly string[]
      }
    | undefined,
): HeaderManipulation | undefined {
  if (value === undefined) return undefined
  const operations = (add: Readonly<Record<string, string>> = {}, remove: readonly string[] = []) => ({
    ...(Object.keys(add).length > 0 && { add }),
    ...(remove.length > 0 && { remove }),
  })
  return {
    request: operations(value.appendRequestHeaders, value.removeRequestHeaders),
    response: operations(value.appendResponseHeaders, value.removeResponseHeaders),
  }
}

/** With the documented defaults. */
export function outlierDetectionOf(
  value:
    | {
        readonly consecutiveErrors?: number
        readonly interval?: string
        readonly baseEjectionTime?: string
        readonly maxEjectionPercent?: number
      }
    | undefined,
  defaults: OutlierDetection = {
    consecutiveErrors: 5,
    interval: '10s',
    baseEjectionTime: '30s',
    maxEjectionPercent: 100,
  },
): OutlierDetection | undefined {
  if (value === undefined) return undefined
  return {
    consecutiveErrors: value.consecutiveErrors || defaults.consecutiveErrors,
    interval: value.interval ?? defaults.interval,
    baseEjectionTime: value.baseEjectionTime ?? defaults.baseEjectionTime,
    maxEjectionPercent: value.maxEjectionPercent || defaults.maxEjectionPercent,
  }
}
