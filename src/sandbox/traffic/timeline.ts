// Who answered when, as a picture for the terminal: half a second a column. Pure but for colours.
import pc from 'picocolors'

/** A request: when it was sent since the beginning, its status (0: no answer), and who answered ('': nobody). */
export interface TimedAnswer {
  readonly atMs: number
  readonly status: number
  readonly from: string
}

/** Something that happened, to be marked below the picture by one character. */
export interface TimelineMark {
  readonly atMs: number
  readonly sign: string
  readonly text: string
}

const columnMs = 500
const blocks = ' ▁▂▃▄▅▆▇█'

/** Lines of the picture: a row for each of `places`, the failed requests, and the marks. */
export function timeline(
  answers: readonly TimedAnswer[],
  places: readonly string[],
  marks: readonly TimelineMark[],
): string[] {
  const lastMs = Math.max(0, ...answers.map(({ atMs }) => atMs), ...marks.map(({ atMs }) => atMs))
  const columns = Math.floor(lastMs / columnMs) + 1
  const counted = (keep: (answer: TimedAnswer) => boolean): number[] => {
    const counts = Array.from({ length: columns }, () => 0)
    for (const answer of answers.filter(keep)) {
      const column = Math.max(0, Math.floor(answer.atMs / columnMs))
      counts[column] = (counts[column] ?? 0) + 1
    }
    return counts
  }
  const most = Math.max(1, ...counted(() => true))
  const width = Math.max(6, ...places.map((name) => name.length))
  const row = (name: string, counts: readonly number[], paint: (text: string) => string): string =>
    `  ${name.padEnd(width)} ${paint(bars(counts, most))} ${counts.reduce((sum, count) => sum + count, 0)}`
  const answeredBy = (name: string): number[] => counted(({ from, status }) => status === 200 && from === name)
  return [
    ...places.map((name, at) => row(name, answeredBy(name), paints[at % paints.length] ?? pc.white)),
    row(
      'failed',
      counted(({ status }) => status !== 200),
      pc.red,
    ),
    `  ${' '.repeat(width)} ${markLine(marks, columns)}`,
    `  ${' '.repeat(width)} ${pc.dim([...marks.map(({ sign, text }) => `${sign} ${text}`), `${columnMs / 1000} s a column`].join(', '))}`,
  ]
}

const paints = [pc.cyan, pc.magenta, pc.yellow, pc.blue]

function bars(counts: readonly number[], most: number): string {
  return counts.map((count) => blocks[count === 0 ? 0 : Math.max(1, Math.round((count / most) * 8))] ?? ' ').join('')
}

function markLine(marks: readonly TimelineMark[], columns: number): string {
  const text = Array.from({ length: columns }, () => ' ')
  for (const { atMs, sign } of marks) text[Math.floor(atMs / columnMs)] = sign
  return text.join('')
}
