// The demo's picture: where requests went, as bars, redrawn in place on a terminal.
import pc from 'picocolors'

/** One row: who answers, where it runs, the share that the policy asks for, and how it is drawn. */
export interface Row {
  readonly name: string
  readonly where: string
  readonly wanted: number
  readonly paint: (text: string) => string
}

export interface Counts {
  readonly sent: number
  readonly failed: number
  /** Answers by row name. */
  readonly answered: ReadonlyMap<string, number>
}

const barWidth = 40

/** The lines of the picture for what has been counted so far. */
export function draw(title: string, rows: readonly Row[], counts: Counts): string[] {
  const nameWidth = Math.max(...rows.map((row) => row.name.length))
  const whereWidth = Math.max(...rows.map((row) => row.where.length))
  const good = counts.sent - counts.failed
  const lines = rows.map((row, index) => {
    const share = good === 0 ? 0 : (counts.answered.get(row.name) ?? 0) / good
    const filled = Math.round(share * barWidth)
    const mark = Math.min(barWidth - 1, Math.max(0, Math.round(row.wanted * barWidth) - 1))
    const rest = Array.from({ length: barWidth - filled }, (_, at) => (filled + at === mark ? '│' : '·')).join('')
    const branch = index === rows.length - 1 ? '└─' : '├─'
    const label = `${row.name.padEnd(nameWidth)}  ${pc.dim(row.where.padEnd(whereWidth))}`
    const wanted = pc.dim(`of ${(row.wanted * 100).toFixed(0)} %`)
    return `  ${branch} ${label}  ${row.paint('█'.repeat(filled))}${pc.dim(rest)} ${(share * 100).toFixed(1).padStart(5)} % ${wanted}`
  })
  const failed = counts.failed === 0 ? pc.green('0 failed') : pc.red(`${counts.failed} failed`)
  return [`  ${pc.bold(title)}`, ...lines, `  ${pc.dim(`${counts.sent} requests,`)} ${failed}`]
}

/** Draws over what it drew before; without a terminal it prints only what `final` is given. */
export class Screen {
  #lines = 0
  readonly #out: NodeJS.WriteStream

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out
  }

  update(lines: readonly string[]): void {
    if (!this.#out.isTTY) return
    const up = this.#lines > 0 ? `\u001b[${this.#lines}A` : ''
    this.#out.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`)
    this.#lines = lines.length
  }

  final(lines: readonly string[]): void {
    if (this.#out.isTTY) this.update(lines)
    else this.#out.write(`${lines.join('\n')}\n`)
    this.#lines = 0
  }
}
