// Files of `NAME='value'` lines, as shells read them.

/** Sorted by name; values in single quotes. */
export function envFile(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}='${value.replaceAll("'", `'"'"'`)}'\n`)
    .join('')
}

/** What such a file says. Lines that set nothing are passed over, as are variables inside of values. */
export function parseEnvFile(text: string): Record<string, string> {
  const values: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const [, name, value] = /^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*)$/.exec(line) ?? []
    if (name !== undefined) values[name] = unquote((value ?? '').trim())
  }
  return values
}

function unquote(text: string): string {
  const parts = text.matchAll(/'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|([^'"\\]+)/g)
  return [...parts]
    .map(([, single, double, escaped, plain]) => single ?? double?.replace(/\\(.)/g, '$1') ?? escaped ?? plain ?? '')
    .join('')
}
