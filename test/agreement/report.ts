import type { AgreementReport, Disagreement } from './agreement.ts'

/** What a run found, as text. `show`: how many disagreements are told in full. */
export function describeReport(
  report: AgreementReport,
  about: { readonly envoy: string; readonly seed: number; readonly show: number },
): string {
  const { asked, equal, worlds, late, disagreements, tally, features, oddsDeviation, oddsSpread, chances, seconds } =
    report
  const share = asked === 0 ? 0 : (100 * equal) / asked
  const rows = (counts: ReadonlyMap<string, number>): string[] =>
    [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([what, count]) => `  ${String(count).padStart(7)}  ${what}`)
  return [
    ...disagreements.slice(0, about.show).map(describeDisagreement),
    'Observed:',
    ...rows(tally),
    'On their way calls met:',
    ...rows(features),
    `Odds: ${oddsDeviation.toFixed(2)} standard deviations off, ${oddsSpread.toFixed(2)} in their spread, in ${chances} requests with several outcomes`,
    ...(late > 0 ? [`Left out: ${late} requests for which the machine was too busy`] : []),
    `Agreement: ${equal} of ${asked} requests (${share.toFixed(3)} %), ${worlds} random meshes from seed ${about.seed}, Envoy ${about.envoy}, ${seconds.toFixed(0)} s`,
  ].join('\n')
}

export function describeDisagreement({ seed, test, outcomes, observed, wrong, explanation }: Disagreement): string {
  return [
    `── seed ${seed}, call ${test.id} (${test.kind}) ──`,
    `call:      ${brief(test.call)}`,
    `observed:  ${brief(observed)}`,
    `evaluator: ${brief(outcomes)}`,
    ...(wrong === undefined ? [] : [`wrong:     ${wrong}`]),
    explanation,
    '',
  ].join('\n')
}

/** As JSON, without the length of tokens. */
function brief(value: unknown): string {
  return JSON.stringify(value, (key, each: unknown) =>
    key === 'x-echo' ? undefined : typeof each === 'string' && each.length > 160 ? `${each.slice(0, 160)}…` : each,
  )
}
