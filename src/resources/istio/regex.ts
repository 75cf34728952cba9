import type { Place } from '../check.ts'

/** Longest regular expression that is accepted; Envoy bounds the size of the compiled program. */
const maxLength = 1024

/** What RE2 does not know, though JavaScript does: lookaround and back references. */
const notRe2 = /\(\?(?:=|!|<=|<!)|\\[1-9]|\\k</

/**
 * A regular expression in RE2's syntax, as far as can be told without RE2: translated to JavaScript's and compiled
 * there. What neither knows is an error.
 */
export function checkRegex(place: Place, regex: string): void {
  if (regex.length > maxLength) {
    place.error(`the regular expression is too long (${regex.length} characters, ${maxLength} at most)`)
    return
  }
  const fault = faultOfRegex(regex)
  if (fault !== undefined) place.error(`${JSON.stringify(regex)} is no RE2 regular expression: ${fault}`)
}

export function faultOfRegex(regex: string): string | undefined {
  const escapes = regex.replaceAll('\\\\', '')
  const foreign = notRe2.exec(escapes) ?? unknownEscape.exec(escapes)
  if (foreign !== null) return `${foreign[0]} is not supported by RE2`
  for (const count of regex.matchAll(/\{(\d+)(?:,(\d*))?\}/g))
    if (Number(count[1]) > 1000 || Number(count[2] ?? 0) > 1000) return `${count[0]}: more than 1000 repetitions`
  try {
    new RegExp(toJavaScript(regex))
    return undefined
  } catch (error) {
    return error instanceof Error
      ? error.message.replace(/^Invalid regular expression: (?:\/.*\/\w*: )?/s, '')
      : String(error)
  }
}

/** Escaped letters without a meaning in RE2; JavaScript lets them pass. */
const unknownEscape = /\\(?![dDsSwWbBAzCQEpPxaftnrv])[A-Za-z]/

/** RE2 → JavaScript where they differ in writing only: flags, named groups, classes, \Q…\E, \A, \z, \C. */
function toJavaScript(regex: string): string {
  return regex
    .replace(/\\Q(.*?)(?:\\E|$)/gs, (_, text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .replace(/\(\?P</g, '(?<')
    .replace(/\(\?[imsU]*(?:-[imsU]+)?\)/g, '')
    .replace(/\(\?[imsU]+(?:-[imsU]+)?:|\(\?-[imsU]+:/g, '(?:')
    .replace(/\[\[:\^?\w+:\]/g, '[a')
    .replace(/\[:\^?\w+:\]/g, 'a')
    .replace(/\\[AzC]/g, '')
    .replace(/\\[pP](?:\{\^?\w+\}|\w)/g, 'a')
}
