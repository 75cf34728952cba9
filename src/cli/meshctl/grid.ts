// Tables as meshctl draws them: a frame, lines between the rows, cells of several lines.

/** A table with a frame; the lines of a cell are parted by `\n`. */
export function grid(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const titles = heading.map((title) => title.replaceAll('_', ' ').toUpperCase())
  const cells = rows.map((row) => heading.map((_, at) => (row[at] ?? '').split('\n')))
  const widths = titles.map((title, at) =>
    Math.max(title.length, ...cells.flatMap((row) => row[at]?.map((line) => line.length) ?? [])),
  )
  const frame = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`
  const line = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`
  const body = cells.flatMap((row) => {
    const height = Math.max(...row.map((cell) => cell.length))
    const lines = Array.from({ length: height }, (_, at) =>
      line(row.map((cell, column) => (cell[at] ?? '').padEnd(widths[column] ?? 0))),
    )
    return [...lines, frame]
  })
  const head = line(titles.map((title, at) => centered(title, widths[at] ?? 0)))
  return [frame, head, frame, ...body].join('\n')
}

function centered(text: string, width: number): string {
  const left = Math.floor((width - text.length) / 2)
  return `${' '.repeat(left)}${text}`.padEnd(width)
}

/** A line of a cell; nothing for a field without value. */
export function field(name: string, value: string | undefined): string {
  return value ? `${name}: ${value}\n` : ''
}

interface Ref {
  readonly name?: string
  readonly namespace?: string
  readonly clusterName?: string
}

/** References in one cell, an empty line between them. */
export function references(refs: readonly (Ref | undefined)[]): string {
  return refs
    .map((ref) => field('Name', ref?.name) + field('Namespace', ref?.namespace) + field('Cluster', ref?.clusterName))
    .filter((text) => text !== '')
    .join('\n')
}
